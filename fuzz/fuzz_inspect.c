/* Fuzz target: any bytes are a process, by its memory (process_image.h), and the
 * reader of processes must live through reading it, soon. */
#include <stdlib.h>

#include "inspect/beacon_search.h"
#include "inspect/interpreter.h"
#include "inspect/libraries.h"
#include "inspect/malloc_heap.h"
#include "inspect/pymalloc_heap.h"
#include "inspect/shoal_heap.h"
#include "inspect/shoal_kept.h"
#include "inspect/strays.h"
#include "process_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { LOOKS = 1 << 22, BYTES = 1 << 26 }; /* enough for any image, of a hundredth */

/* Every other page but a few. */
static bool some_are_present(void *context, uint64_t address, size_t pages, uint64_t *bits) {
    (void)context;
    for (size_t i = 0; i < (pages + 63) / 64; i++) bits[i] = 0xaaaaaaaaaaaaaaaf ^ address >> 12;
    return address >> 60 == 0;
}

enum { STRAYS_MAX = 64 };

struct strays_found {
    struct shoal_extent extents[STRAYS_MAX];
    size_t count;
};

static bool add_stray(void *context, uint64_t start, uint64_t bytes, enum shoal_owner owner) {
    struct strays_found *found = context;
    if (bytes == 0 || owner > SHOAL_OWNER_LARGE) abort();
    if (found->count < STRAYS_MAX)
        found->extents[found->count++] = (struct shoal_extent){start, bytes};
    return true;
}

static void look_at_the_rest(struct remote *remote, const struct maps *maps) {
    struct strays_found found = {.count = 0};
    struct strays strays = {remote, maps, NULL, 0, true, add_stray, &found};
    static char names[STRAYS_MAX][SHOAL_LIBRARY_ROOM];
    if (!strays_find(&strays)) abort();
    if (!libraries_find(remote, maps, found.extents, found.count, NULL, 0, names)) abort();
}

static void count_malloc(struct census *census, struct remote *remote, const struct maps *maps) {
    struct malloc_regions regions;
    census->has_malloc_objects = true;
    if (!malloc_regions_find(&regions, remote, maps) || !malloc_heap_count(census, &regions))
        abort();
    malloc_regions_end(&regions);
}

static void count_all(struct remote *remote, const struct maps *maps, const struct layout *layout) {
    struct shoal_inspection result = {.pool_bytes = 4096};
    struct arena_table table = {0};
    struct shoal_beacon beacon;
    struct census *census = malloc(sizeof *census);
    bool serves_objects;
    if (!census || !census_init(census, &result, remote, layout)) abort();
    if (layout && !arena_table_find(&table, remote, maps, layout)) abort();
    for (size_t i = 0; i < table.count; i++)
        census_add_range(census, table.arenas[i].start, table.arena_bytes);
    if (layout && !pymalloc_heap_count(census, &table, layout)) abort();
    if (beacon_find(&beacon, remote, maps) &&
        (!shoal_heap_count(census, remote, &beacon, layout != NULL, &serves_objects) ||
         !shoal_kept_count(census, remote, maps, &beacon)))
        abort();
    if (layout) count_malloc(census, remote, maps);
    census->has_large_objects = layout != NULL;
    census_count_large(census);
    if (!census_finish(census)) abort();
    arena_table_end(&table);
    census_end(census);
    shoal_inspection_end(&result);
    free(census);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct image image;
    struct remote remote;
    struct interpreter interpreter;
    int minor = process_image_read(&image, bytes, count);
    if (!remote_init(&remote, image_read, &image)) abort();
    if (count % 2) remote.present = some_are_present;
    remote.looks_left = LOOKS;
    remote.bytes_left = BYTES;
    if (!interpreter_find(&interpreter, &remote, &image.maps)) abort();
    count_all(&remote, &image.maps, layout_of(minor));
    look_at_the_rest(&remote, &image.maps);
    remote_end(&remote);
    image_end(&image);
    return 0;
}
