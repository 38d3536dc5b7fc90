#include "inspect/libraries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/text.h"

enum {
    PART_PAGES = 64,
    ROUNDS = 3, /* from a library's data to its memory, and on from there */
    BYTES_MAX = 512 << 20, /* that are searched, in all */
};

/* A range, by address; who leads there most often. */
struct target_range {
    uint64_t start, end;
    size_t place; /* in the caller's list */
    const char *library; /* a path; NULL: nobody */
    uint64_t pointers, here; /* of that one, and of the one that is being searched */
};

struct search {
    struct remote *remote;
    const struct maps *maps;
    struct target_range *ranges;
    size_t count;
    uint64_t bytes_left;
    const struct shoal_extent *zeroed;
    size_t zeroed_count;
    uint64_t own_end; /* of the data that are searched: what lies behind them begins there */
    uint8_t *copy;
};

static int by_start(const void *left, const void *right) {
    const struct target_range *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

static struct target_range *range_at(const struct search *search, uint64_t address) {
    size_t low = 0, high = search->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (search->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == search->count || search->ranges[low].start > address) return NULL;
    return &search->ranges[low];
}

/* Counts what leads from a part of memory into the ranges. */
static void count_pointers(struct search *search, uint64_t start, size_t bytes) {
    uint64_t bits[PART_PAGES / 64], word;
    if (!remote_present(search->remote, start, bytes / REMOTE_PAGE, bits))
        memset(bits, 0xff, sizeof bits);
    size_t got = remote_read_present(search->remote, start, search->copy, bytes, bits, 0);
    uint64_t first = search->ranges[0].start, last = search->ranges[search->count - 1].end;
    for (size_t at = 0; at + sizeof word <= got; at += sizeof word) {
        memcpy(&word, search->copy + at, sizeof word);
        if (word < first || word >= last || word == search->own_end) continue;
        struct target_range *range = range_at(search, word);
        if (range) range->here++;
    }
}

static void search_memory(struct search *search, uint64_t start, uint64_t end) {
    enum { PART = PART_PAGES * REMOTE_PAGE };
    for (uint64_t at = start, bytes; at < end && search->bytes_left >= PART; at += bytes) {
        bytes = end - at < PART ? end - at : PART;
        search->bytes_left -= PART;
        count_pointers(search, at, (size_t)bytes);
    }
}

/* What was counted is one library's. */
static void give(struct search *search, const char *library) {
    for (size_t i = 0; i < search->count; i++) {
        struct target_range *range = &search->ranges[i];
        if (range->here > range->pointers) {
            range->pointers = range->here;
            range->library = library;
        }
        range->here = 0;
    }
}

/* The zeroed data behind a file's mapping; none has no bytes. */
static struct shoal_extent zeroed_behind(const struct search *search, const struct mapped *mapped) {
    for (size_t i = 0; i < search->zeroed_count; i++)
        if (search->zeroed[i].start == mapped->end) return search->zeroed[i];
    return (struct shoal_extent){mapped->end, 0};
}

static void search_libraries(struct search *search) {
    const char *library = NULL;
    for (size_t i = 0; i < search->maps->count; i++) {
        const struct mapped *mapped = &search->maps->items[i];
        if (!mapped->is_writable || !mapped->is_private || mapped->path[0] != '/') continue;
        if (library && strcmp(mapped->path, library) != 0) give(search, library);
        library = mapped->path;
        struct shoal_extent zeroed = zeroed_behind(search, mapped);
        search->own_end = zeroed.start + zeroed.bytes;
        search_memory(search, mapped->start, mapped->end);
        search_memory(search, zeroed.start, search->own_end);
    }
    if (library) give(search, library);
}

/* From ranges whose library is known into those whose is not. */
static bool search_found(struct search *search, bool *is_searched) {
    bool goes_on = false;
    for (size_t i = 0; i < search->count; i++) {
        const struct target_range *from = &search->ranges[i];
        if (!from->library || is_searched[i]) continue;
        is_searched[i] = true;
        search_memory(search, from->start, from->end);
        for (size_t k = 0; k < search->count; k++) {
            struct target_range *range = &search->ranges[k];
            if (range->here && !range->library) {
                range->library = from->library;
                goes_on = true;
            }
            range->here = 0;
        }
    }
    return goes_on;
}

static void tell_name(const struct target_range *range, char *name) {
    const char *slash = range->library ? strrchr(range->library, '/') : NULL;
    snprintf(name, SHOAL_LIBRARY_ROOM, "%s", slash ? slash + 1 : "");
    text_make_printable(name);
}

bool libraries_find(struct remote *remote, const struct maps *maps,
                    const struct shoal_extent *ranges, size_t count,
                    const struct shoal_extent *zeroed, size_t zeroed_count,
                    char (*names)[SHOAL_LIBRARY_ROOM]) {
    struct search search = {.remote = remote,
                            .maps = maps,
                            .count = count,
                            .zeroed = zeroed,
                            .zeroed_count = zeroed_count,
                            .bytes_left = BYTES_MAX};
    search.ranges = calloc(count + 1, sizeof *search.ranges);
    search.copy = malloc(PART_PAGES * REMOTE_PAGE);
    bool *is_searched = calloc(count + 1, sizeof *is_searched);
    bool has_memory = search.ranges && search.copy && is_searched;
    for (size_t i = 0; has_memory && i < count; i++)
        search.ranges[i] = (struct target_range){
            .start = ranges[i].start, .end = ranges[i].start + ranges[i].bytes, .place = i};
    if (has_memory && count) {
        qsort(search.ranges, count, sizeof *search.ranges, by_start);
        search_libraries(&search);
        for (int round = 1; round < ROUNDS && search_found(&search, is_searched); round++) {
        }
        for (size_t i = 0; i < count; i++)
            tell_name(&search.ranges[i], names[search.ranges[i].place]);
    }
    free(search.ranges);
    free(search.copy);
    free(is_searched);
    return has_memory;
}
