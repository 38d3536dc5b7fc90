#include "inspect/malloc_heap.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/shoal_pools.h"
#include "inspect/words.h"

enum {
    PAGE = REMOTE_PAGE,
    WINDOW_PAGES = 256,
    WINDOW_BYTES = WINDOW_PAGES * PAGE, /* read at once: a MiB */
    HEAD_ROOM = 1024, /* of a block, that are looked at */
    STRETCH_BYTES = 1 << 20,
    TRIES = 3,
    KEYS_MAX = 1024,
    FAST_SIZE_MAX = 176,
    PROBED = 8, /* blocks that must follow each other where the first one is */
};

/* The sizes of what each thread keeps its freed blocks in, by version, with its head; and
 * how many lists that has, behind as many counts. */
static const struct cache_shape {
    uint32_t size, lists, count_bytes;
} cache_shapes[] = {{0x290, 64, 2}, {0x250, 64, 1}, {0x300, 76, 2}};

struct walk {
    struct census *census;
    const struct malloc_regions *regions;
    const struct malloc_region *region;
    struct shoal_malloc_census *counts;
    uint64_t *is_present; /* the region's pages                                       */
    uint64_t *live_of;    /* bytes of used blocks, by MiB of the region               */
    uint64_t open;        /* the stretch that has begun                               */
    uint64_t free_from;   /* the end of the last block that is used                   */
    uint64_t kept;        /* bytes behind it that Shoal would keep with it            */
    uint64_t keys[KEYS_MAX]; /* one of them is in each block that a thread has freed  */
    size_t key_count;
    uint64_t window, window_end; /* what is read */
    uint8_t bytes[WINDOW_BYTES + HEAD_ROOM]; /* and zeros, behind a region's end */
};

/* ---- Pages ------------------------------------------------------------------------ */

static bool page_is_present(const struct walk *walk, uint64_t page) {
    return walk->is_present[page / 64] >> page % 64 & 1;
}

/* Resident bytes of a part of the region. */
static uint64_t resident_in(const struct walk *walk, uint64_t from, uint64_t to) {
    uint64_t bytes = 0;
    for (uint64_t at = from; at < to;) {
        uint64_t end = (at / PAGE + 1) * PAGE;
        if (end > to) end = to;
        if (page_is_present(walk, (at - walk->region->start) / PAGE)) bytes += end - at;
        at = end;
    }
    return bytes;
}

/* Reads from the page of an address on. */
static bool read_window(struct walk *walk, uint64_t at) {
    const struct malloc_region *region = walk->region;
    uint64_t first = (at - region->start) / PAGE, left = region->end - region->start;
    uint64_t bytes = left - first * PAGE < WINDOW_BYTES ? left - first * PAGE : WINDOW_BYTES;
    if (walk->census->read_next) walk->census->read_next(walk->census->read_next_context, bytes);
    walk->window = region->start + first * PAGE;
    size_t got = remote_read_present(walk->census->types.remote, walk->window, walk->bytes,
                                     (size_t)bytes, walk->is_present, (size_t)first);
    walk->window_end = walk->window + got;
    memset(walk->bytes + got, 0, HEAD_ROOM);
    return got > 0;
}

/* So many bytes at an address, or as many as there are in the region; the rest is zero. */
static const uint8_t *look(struct walk *walk, uint64_t at, uint32_t bytes) {
    uint64_t end = at + bytes < walk->region->end ? at + bytes : walk->region->end;
    if ((at < walk->window || end > walk->window_end) && !read_window(walk, at)) return NULL;
    if (end > walk->window_end) return NULL;
    return walk->bytes + (at - walk->window);
}

/* ---- What a thread has freed --------------------------------------------------------- */

static bool has_key(const struct walk *walk, uint64_t key) {
    for (size_t i = 0; i < walk->key_count; i++)
        if (walk->keys[i] == key) return true;
    return false;
}

static void add_key(struct walk *walk, uint64_t key) {
    if (key && !has_key(walk, key) && walk->key_count < KEYS_MAX)
        walk->keys[walk->key_count++] = key;
}

/* Learns the key from a block that looks like what a thread keeps its freed blocks in: each
 * of its lists is empty or leads to a block of the list's size. */
static void learn_key(struct walk *walk, const uint8_t *block, uint64_t size) {
    struct remote *remote = walk->census->types.remote;
    const struct cache_shape *shape = cache_shapes,
                             *end = shape + sizeof cache_shapes / sizeof *shape;
    while (shape < end && shape->size != size) shape++;
    if (shape == end) return;
    uint64_t key = 0;
    for (uint32_t i = 0; i < 64; i++) {
        uint64_t entry = word_of(block, shape->lists * shape->count_bytes + i * 8), head[3];
        if (entry == 0) continue;
        if (entry % 16 || !remote_look(remote, entry - 8, head, sizeof head) ||
            (head[0] & ~(uint64_t)MALLOC_SIZE_BITS) != (i + 2) * 16)
            return;
        key = head[2];
    }
    add_key(walk, key);
}

/* ---- Blocks -------------------------------------------------------------------------- */

static uint64_t stretch_of(const struct walk *walk, uint64_t at) {
    return (at - walk->region->start) / STRETCH_BYTES;
}

static void close_stretch(struct walk *walk) {
    uint64_t from = walk->region->start + walk->open * STRETCH_BYTES, to = from + STRETCH_BYTES;
    if (to > walk->region->end) to = walk->region->end;
    uint64_t live = walk->live_of[walk->open], resident = resident_in(walk, from, to);
    if (live > resident) live = resident;
    stretches_close(&walk->census->stretches, to - from, live, resident - live);
    stretches_begin(&walk->census->stretches);
    walk->open++;
}

/* What a block's pool has on either side of it, were it on Shoal: half of the rest. */
static uint64_t kept_beside(uint64_t size) {
    uint64_t pool = shoal_pool_of(size - 8);
    return pool > size && pool > PAGE ? (pool - size) / 2 : 0;
}

static uint64_t whole_pages(const struct walk *walk, uint64_t from, uint64_t to) {
    uint64_t first = (from + PAGE - 1) / PAGE * PAGE, last = to / PAGE * PAGE;
    return first < last ? resident_in(walk, first, last) : 0;
}

/* What is free between two blocks that are used; of the latter Shoal would keep `kept`. */
static void add_gap(struct walk *walk, uint64_t to, uint64_t kept) {
    uint64_t from = walk->free_from;
    if (to <= from) return;
    uint64_t free_pages = whole_pages(walk, from, to), goes = 0;
    if (to - from > walk->kept + kept) goes = whole_pages(walk, from + walk->kept, to - kept);
    walk->counts->free += resident_in(walk, from, to);
    walk->counts->page_free += free_pages;
    walk->counts->pool_kept += free_pages - goes;
}

static void add_used(struct walk *walk, uint64_t at, uint64_t size, const uint8_t *head) {
    uint64_t resident = resident_in(walk, at, at + size);
    add_gap(walk, at, kept_beside(size));
    walk->free_from = at + size;
    walk->kept = kept_beside(size);
    walk->counts->live += resident;
    walk->counts->blocks++;
    while (walk->open < stretch_of(walk, at)) close_stretch(walk);
    for (uint64_t from = at, end; from < at + size; from = end) {
        uint64_t stretch = stretch_of(walk, from);
        end = walk->region->start + (stretch + 1) * STRETCH_BYTES;
        if (end > at + size) end = at + size;
        walk->live_of[stretch] += resident_in(walk, from, end);
    }
    census_add_block(walk->census, head, at + MALLOC_HEAD_BYTES, size - 8, resident,
                     walk->census->has_malloc_objects);
}

static bool is_sound(const struct walk *walk, uint64_t at, uint64_t size) {
    uint64_t bare = size & ~(uint64_t)MALLOC_SIZE_BITS;
    return bare >= MALLOC_LEAST_BYTES && bare % 16 == 0 && !(size & MALLOC_IS_MAPPED) &&
           bare <= walk->region->end - at - 16;
}

/* The size of the block at an address, with its bits; 0 when it is none. */
static uint64_t size_at(struct walk *walk, uint64_t at) {
    const uint8_t *head = at + 16 <= walk->region->end ? look(walk, at, 16) : NULL;
    uint64_t size = head ? word_of(head, 8) : 0;
    return head && is_sound(walk, at, size) ? size : 0;
}

/* What ends a region that a thread's arena has left: blocks of no use. */
static bool is_fence(struct walk *walk, uint64_t at) {
    const uint8_t *head = at + 16 <= walk->region->end ? look(walk, at, 16) : NULL;
    return at + 16 >= walk->region->end ||
           (head && (word_of(head, 8) & ~(uint64_t)MALLOC_SIZE_BITS) <= 16);
}

/* Whether a block that is not marked as free is not used all the same. */
static bool is_free(struct walk *walk, uint64_t at, uint64_t size, const uint8_t *head) {
    if (has_key(walk, word_of(head, 8))) return true;
    return size <= FAST_SIZE_MAX && malloc_is_fast(walk->regions, at);
}

/* One block; gives where the next one is, 0 when it cannot be told. */
static uint64_t count_block(struct walk *walk, uint64_t at) {
    uint8_t head[HEAD_ROOM] = {0};
    uint64_t size = size_at(walk, at) & ~(uint64_t)MALLOC_SIZE_BITS;
    if (!size) return 0;
    uint32_t most = size - 8 < sizeof head ? (uint32_t)(size - 8) : sizeof head;
    uint32_t known = most < BLOCK_HEAD_BYTES ? most : BLOCK_HEAD_BYTES;
    for (size_t i = 0; i < sizeof cache_shapes / sizeof *cache_shapes; i++)
        if (size == cache_shapes[i].size) known = most;
    const uint8_t *memory = look(walk, at + MALLOC_HEAD_BYTES, known);
    if (!memory) return 0;
    memcpy(head, memory, known);
    uint64_t next = at + size;
    bool is_last = next == walk->region->top;
    const uint8_t *after = look(walk, next, 16);
    if (!after || (!is_last && !size_at(walk, next) && !is_fence(walk, next))) return 0;
    after = look(walk, next, 16);
    if (!after || !(word_of(after, 8) & MALLOC_IS_BEFORE_USED)) return after ? next : 0;
    learn_key(walk, head, size);
    if (!is_free(walk, at, size, head)) add_used(walk, at, size, head);
    return next;
}

/* ---- Regions --------------------------------------------------------------------------- */

/* Where the first block is: from there some follow each other. */
static uint64_t find_first(struct walk *walk) {
    for (int i = 0; i < MALLOC_FIRSTS; i++) {
        uint64_t at = walk->region->firsts[i];
        int steps = 0;
        if (!at) continue;
        while (steps < PROBED && at != walk->region->top && !is_fence(walk, at)) {
            uint64_t size = size_at(walk, at);
            if (!size) break;
            at += size & ~(uint64_t)MALLOC_SIZE_BITS;
            steps++;
        }
        if (steps == PROBED || at == walk->region->top || (steps && is_fence(walk, at)))
            return walk->region->firsts[i];
    }
    return 0;
}

static void walk_region(struct walk *walk) {
    const struct malloc_region *region = walk->region;
    uint64_t at = find_first(walk);
    walk->open = 0;
    walk->free_from = at ? at : region->start;
    walk->kept = 0;
    stretches_begin(&walk->census->stretches);
    for (int tries = 0; at && at != region->top && !is_fence(walk, at);) {
        uint64_t next = count_block(walk, at);
        if (!next && ++tries == TRIES) at = 0;
        if (!next && at && !read_window(walk, at)) at = 0;
        if (next) tries = 0;
        if (next) at = next;
    }
    if (at)
        add_gap(walk, region->end, 0);
    else
        walk->counts->unread += resident_in(walk, walk->free_from, region->end);
    while (region->start + walk->open * STRETCH_BYTES < region->end) close_stretch(walk);
}

static bool count_region(struct walk *walk, const struct malloc_region *region) {
    uint64_t pages = (region->end - region->start) / PAGE;
    walk->region = region;
    walk->window = walk->window_end = 0;
    walk->is_present = calloc((size_t)pages / 64 + 1, sizeof *walk->is_present);
    walk->live_of = calloc((size_t)pages / WINDOW_PAGES + 1, sizeof *walk->live_of);
    bool has_memory = walk->is_present && walk->live_of;
    if (has_memory) {
        if (!remote_present(walk->census->types.remote, region->start, (size_t)pages,
                            walk->is_present))
            memset(walk->is_present, 0xff, ((size_t)pages / 64 + 1) * sizeof *walk->is_present);
        walk_region(walk);
    }
    free(walk->is_present);
    free(walk->live_of);
    return has_memory;
}

bool malloc_heap_count(struct census *census, const struct malloc_regions *regions) {
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk) return false;
    walk->census = census;
    walk->regions = regions;
    walk->counts = &census->result->malloc;
    bool has_memory = true;
    for (size_t i = 0; i < regions->count && has_memory; i++) {
        const struct malloc_region *region = &regions->items[i];
        census_add_owned(census, region->start, region->end - region->start, SHOAL_OWNER_MALLOC);
        has_memory = count_region(walk, region);
    }
    free(walk);
    return has_memory && !census->is_out_of_memory;
}
