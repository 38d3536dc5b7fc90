/* Whose memory is where, without reading the heap; and which library mapped the rest. */
#include <stdlib.h>

#include "inspect/arena_table.h"
#include "inspect/grow.h"
#include "inspect/libraries.h"
#include "inspect/malloc_arenas.h"
#include "inspect/strays.h"
#include "inspect/target.h"
#include "shoal/inspect.h"

struct owners {
    struct shoal_ownership *result;
    size_t room;
    struct shoal_extent *taken; /* by address, when it is merged */
    size_t taken_count, taken_room;
};

static enum shoal_inspect_status open_process(struct target *target, struct remote *remote,
                                              pid_t pid, const struct complaint *complaint) {
    *remote = (struct remote){0};
    enum shoal_inspect_status status = target_open(target, pid, complaint);
    if (status != SHOAL_INSPECT_OK) return status;
    if (!remote_init(remote, target_read, target))
        return complain(complaint, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    remote->present = target_present;
    remote->bytes_left = target_bytes_max(target);
    return SHOAL_INSPECT_OK;
}

static void close_process(struct target *target, struct remote *remote) {
    remote_end(remote);
    target_close(target);
}

static bool take(struct owners *owners, uint64_t start, uint64_t bytes) {
    if (!grow(&owners->taken, &owners->taken_room, owners->taken_count, sizeof *owners->taken))
        return false;
    owners->taken[owners->taken_count++] = (struct shoal_extent){start, bytes};
    return true;
}

static bool add(void *context, uint64_t start, uint64_t bytes, enum shoal_owner owner) {
    struct owners *owners = context;
    struct shoal_ownership *result = owners->result;
    if (!grow(&result->items, &owners->room, result->count, sizeof *result->items)) return false;
    result->items[result->count++] = (struct shoal_owned){start, bytes, owner};
    return true;
}

static bool add_arenas(struct owners *owners, struct remote *remote, const struct maps *maps,
                       const struct layout *layout) {
    struct arena_table table = {0};
    bool done = arena_table_find(&table, remote, maps, layout);
    for (size_t i = 0; done && i < table.count; i++)
        done = take(owners, table.arenas[i].start, table.arena_bytes) &&
               add(owners, table.arenas[i].start, table.arena_bytes, SHOAL_OWNER_ARENA);
    arena_table_end(&table);
    return done;
}

static bool add_malloc(struct owners *owners, struct remote *remote, const struct maps *maps) {
    struct malloc_regions regions;
    bool done = malloc_regions_find(&regions, remote, maps);
    for (size_t i = 0; done && i < regions.count; i++) {
        const struct malloc_region *region = &regions.items[i];
        uint64_t bytes = region->end - region->start;
        done = take(owners, region->start, bytes) &&
               add(owners, region->start, bytes, SHOAL_OWNER_MALLOC);
    }
    malloc_regions_end(&regions);
    return done;
}

static bool add_strays(struct owners *owners, struct remote *remote, const struct maps *maps,
                       const struct layout *layout) {
    owners->taken_count = extents_merge(owners->taken, owners->taken_count);
    struct strays strays = {
        remote, maps,  owners->taken, owners->taken_count, layout && layout->has_frame_chunks,
        add,    owners};
    return strays_find(&strays);
}

static int by_start(const void *left, const void *right) {
    const struct shoal_owned *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

enum shoal_inspect_status shoal_owners(pid_t pid, int minor, const struct shoal_extent *known,
                                       size_t known_count, struct shoal_ownership *ownership,
                                       char *message, size_t room) {
    struct complaint complaint = {message, room};
    struct owners owners = {.result = ownership};
    struct target target;
    struct remote remote;
    const struct layout *layout = layout_of(minor);
    *ownership = (struct shoal_ownership){0};
    enum shoal_inspect_status status = open_process(&target, &remote, pid, &complaint);
    bool done = status == SHOAL_INSPECT_OK;
    for (size_t i = 0; done && i < known_count; i++)
        done = take(&owners, known[i].start, known[i].bytes);
    done = done && (!layout || add_arenas(&owners, &remote, &target.maps, layout)) &&
           add_malloc(&owners, &remote, &target.maps) &&
           add_strays(&owners, &remote, &target.maps, layout);
    if (status == SHOAL_INSPECT_OK && !done)
        status = complain(&complaint, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    if (ownership->count)
        qsort(ownership->items, ownership->count, sizeof *ownership->items, by_start);
    free(owners.taken);
    close_process(&target, &remote);
    return status;
}

void shoal_ownership_end(struct shoal_ownership *ownership) {
    free(ownership->items);
    *ownership = (struct shoal_ownership){0};
}

enum shoal_inspect_status shoal_libraries(pid_t pid, const struct shoal_extent *ranges,
                                          size_t count, const struct shoal_extent *zeroed,
                                          size_t zeroed_count, char (*names)[SHOAL_LIBRARY_ROOM],
                                          char *message, size_t room) {
    struct complaint complaint = {message, room};
    struct target target;
    struct remote remote;
    enum shoal_inspect_status status = open_process(&target, &remote, pid, &complaint);
    if (status == SHOAL_INSPECT_OK &&
        !libraries_find(&remote, &target.maps, ranges, count, zeroed, zeroed_count, names))
        status = complain(&complaint, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    close_process(&target, &remote);
    return status;
}
