#include "inspect/malloc_arenas.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/grow.h"

enum {
    BINS = 127,
    BIN_BYTES = 16,
    /* In the state of an arena, from the pointer to its top block: */
    FAST_BEFORE = 80,  /* lists of the smallest blocks, until 2.42 */
    STATE_AFTER = 2104, /* bytes to its end */
    FAST_LISTS = 10,
    FAST_MAX = 1 << 20,
    ODD_BINS_MAX = 8, /* that were just being changed */
    HEAP_WORDS = 4,
    WORDS_A_READ = 4096,
    DATA_BYTES_MAX = 16 << 20, /* of libraries that are searched */
    GROWTH_MAX = 64 << 20,     /* of the heap since its mapping was read */
};

static const uint64_t HEAP_BYTES = 64 << 20; /* that heaps of threads are aligned to */

struct finder {
    struct malloc_regions *regions;
    struct remote *remote;
    const struct maps *maps;
};

static uint64_t word_at(const struct finder *finder, uint64_t address) {
    uint64_t word;
    return remote_word(finder->remote, address, &word) ? word : 0;
}

static bool is_heap(const struct mapped *mapped) { return strcmp(mapped->path, "[heap]") == 0; }

static bool is_block(const struct finder *finder, uint64_t at) {
    if (at == 0 || at % 16) return false;
    const struct mapped *mapped = maps_at(finder->maps, at);
    return mapped && mapped->is_writable && mapped->is_anonymous;
}

/* ---- An arena's state ------------------------------------------------------------------- */

/* A list of free blocks: empty, and then it leads to itself, or its first block leads back. */
static bool is_bin(const struct finder *finder, uint64_t bin, const uint64_t links[2]) {
    if (links[0] == bin && links[1] == bin) return true;
    return is_block(finder, links[0]) && is_block(finder, links[1]) &&
           word_at(finder, links[0] + 24) == bin;
}

/* How many lists are odd behind what may be the pointer to an arena's top block: more than
 * ODD_BINS_MAX when it is none. */
static int odd_bins(const struct finder *finder, uint64_t at) {
    uint64_t links[2 * BINS];
    int odd = 0;
    if (!remote_look(finder->remote, at + 16, links, sizeof links)) return BINS;
    for (int i = 0; i < BINS && odd <= ODD_BINS_MAX; i++)
        odd += !is_bin(finder, at + (uint64_t)i * BIN_BYTES, links + 2 * i);
    return odd;
}

static bool is_arena(const struct finder *finder, uint64_t at) {
    return odd_bins(finder, at) <= ODD_BINS_MAX;
}

static void prefer(const struct finder *finder, uint64_t at, uint64_t *best, int *least) {
    int odd = odd_bins(finder, at);
    if (odd >= *least) return;
    *best = at;
    *least = odd;
}

/* The list of a size that lies a little before that pointer looks like it: its lists are
 * the same, but for the first. */
static uint64_t best_arena(const struct finder *finder, uint64_t at) {
    uint64_t best = at;
    int least = odd_bins(finder, at);
    for (uint64_t i = 1; i <= FAST_LISTS && least > 0; i++)
        prefer(finder, at + i * 8, &best, &least);
    return best;
}

/* ---- Blocks that look used ------------------------------------------------------------ */

static bool add_fast(struct malloc_regions *regions, uint64_t block) {
    if (regions->fast_count == FAST_MAX) return false;
    if (!grow(&regions->fast, &regions->fast_room, regions->fast_count, sizeof *regions->fast)) {
        regions->is_out_of_memory = true;
        return false;
    }
    regions->fast[regions->fast_count++] = block;
    return true;
}

/* What follows a block in its list: since 2.32 links are hidden by where they are. */
static uint64_t next_fast(const struct finder *finder, uint64_t block, uint64_t size) {
    uint64_t link_at = block + MALLOC_HEAD_BYTES, link = word_at(finder, link_at);
    uint64_t shown = link ^ link_at >> 12;
    if (shown == 0 || link == 0) return 0;
    bool is_hidden = is_block(finder, shown) &&
                     (word_at(finder, shown + 8) & ~(uint64_t)MALLOC_SIZE_BITS) == size;
    return is_hidden ? shown : link;
}

/* Since 2.43 there are none, and what lies there leads to no block of the size. */
static void add_fast_lists(const struct finder *finder, uint64_t arena) {
    for (uint64_t i = 0; i < FAST_LISTS; i++) {
        uint64_t size = (i + 2) * 16, block = word_at(finder, arena - FAST_BEFORE + i * 8);
        while (is_block(finder, block) &&
               (word_at(finder, block + 8) & ~(uint64_t)MALLOC_SIZE_BITS) == size &&
               add_fast(finder->regions, block))
            block = next_fast(finder, block, size);
    }
}

static int by_number(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

bool malloc_is_fast(const struct malloc_regions *regions, uint64_t block) {
    return regions->fast_count &&
           bsearch(&block, regions->fast, regions->fast_count, sizeof block, by_number);
}

/* ---- Regions ----------------------------------------------------------------------------- */

static void add_region(const struct finder *finder, struct malloc_region region) {
    struct malloc_regions *regions = finder->regions;
    if (region.top < region.start || region.top >= region.end) region.top = 0;
    if (grow(&regions->items, &regions->room, regions->count, sizeof *regions->items))
        regions->items[regions->count++] = region;
    else
        regions->is_out_of_memory = true;
}

static uint64_t aligned(uint64_t at) { return (at + 15) & ~15ull; }

/* The arena of a heap of threads: the state is behind the head of the arena's first heap.
 * Where another version has the pointer most lists may look right, too: the fewest odd
 * ones tell which it is. */
static uint64_t arena_of(const struct finder *finder, uint64_t state) {
    static const uint64_t tops[] = {8, 96, 88}; /* in the state: since 2.43, since 2.27, before */
    uint64_t heap = state & ~(HEAP_BYTES - 1), best = 0;
    int least = ODD_BINS_MAX + 1;
    if (state % 16 || state - heap < 32 || state - heap > 64) return 0;
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
        prefer(finder, state + tops[i], &best, &least);
    return best;
}

/* A heap of threads at a multiple of 64 MiB, if there is one. It may have grown since the
 * mappings were read. */
static void try_heap(const struct finder *finder, uint64_t at) {
    uint64_t head[HEAP_WORDS]; /* the arena's state, the heap before, bytes, bytes ever used */
    if (!remote_look(finder->remote, at, head, sizeof head) || head[2] == 0 ||
        head[2] % REMOTE_PAGE || head[3] < head[2] || head[3] > HEAP_BYTES || head[1] % HEAP_BYTES)
        return;
    uint64_t arena = arena_of(finder, head[0]);
    if (!arena) return;
    struct malloc_region region = {at, at + head[2], {at + 32, at + 48}, word_at(finder, arena)};
    if (head[0] - at < HEAP_BYTES) {
        region.firsts[0] = aligned(arena + STATE_AFTER);
        region.firsts[1] = aligned(arena + STATE_AFTER - 8);
        add_fast_lists(finder, arena);
    }
    add_region(finder, region);
}

/* Mappings of heaps that follow each other are one to the kernel. */
static void find_heaps_of_threads(const struct finder *finder) {
    for (size_t i = 0; i < finder->maps->count; i++) {
        const struct mapped *mapped = &finder->maps->items[i];
        if (!mapped->is_writable || !mapped->is_private || !mapped->is_anonymous || is_heap(mapped))
            continue;
        uint64_t at = (mapped->start + HEAP_BYTES - 1) & ~(HEAP_BYTES - 1);
        for (; at >= mapped->start && at < mapped->end; at += HEAP_BYTES) try_heap(finder, at);
    }
}

/* The C library, or a program that has it in itself. */
static bool may_have_malloc(const struct maps *maps, size_t index) {
    const struct mapped *mapped = &maps->items[index];
    const char *slash = strrchr(mapped->path, '/');
    if (!mapped->is_writable || !mapped->is_private) return false;
    if (index > 0 && mapped->is_anonymous && !mapped->path[0])
        return maps->items[index - 1].end == mapped->start &&
               maps->items[index - 1].path[0] == '/' && may_have_malloc(maps, index - 1);
    return (slash && (strncmp(slash, "/libc.so", 8) == 0 || strncmp(slash, "/libc-2", 7) == 0)) ||
           strcmp(mapped->path, maps->program) == 0;
}

/* The arena whose top block is in [heap]: where its state is; 0 when there is none. */
static uint64_t search_mapping(const struct finder *finder, const struct mapped *mapped,
                               const struct malloc_region *heap) {
    uint64_t words[WORDS_A_READ];
    for (uint64_t at = mapped->start; at < mapped->end; at += sizeof words) {
        uint64_t left = mapped->end - at;
        size_t bytes = left < sizeof words ? (size_t)left : sizeof words;
        size_t count = remote_read(finder->remote, at, words, bytes) / sizeof *words;
        for (size_t i = 0; i < count; i++) {
            uint64_t found = at + i * sizeof *words;
            if (words[i] % 16 == 0 && words[i] - heap->start < heap->end - heap->start &&
                is_arena(finder, found))
                return best_arena(finder, found);
        }
    }
    return 0;
}

static uint64_t find_main_arena(const struct finder *finder, const struct malloc_region *heap) {
    uint64_t left = DATA_BYTES_MAX, found = 0;
    for (size_t i = 0; i < finder->maps->count && !found; i++) {
        const struct mapped *mapped = &finder->maps->items[i];
        if (!may_have_malloc(finder->maps, i) || mapped->end - mapped->start > left) continue;
        left -= mapped->end - mapped->start;
        found = search_mapping(finder, mapped, heap);
    }
    return found;
}

/* The kernel may tell it as several mappings that follow each other. */
static bool find_heap(const struct maps *maps, struct malloc_region *heap) {
    for (size_t i = 0; i < maps->count; i++) {
        const struct mapped *mapped = &maps->items[i];
        if (!is_heap(mapped)) continue;
        if (heap->end && heap->end != mapped->start) break;
        if (!heap->end) heap->start = heap->firsts[0] = mapped->start;
        heap->end = mapped->end;
    }
    return heap->end != 0;
}

/* It may have grown since the mappings were read: its top block says where it ends. */
static void find_main_heap(const struct finder *finder) {
    struct malloc_region heap = {0};
    if (!find_heap(finder->maps, &heap)) return;
    uint64_t known_end = heap.end;
    heap.end += GROWTH_MAX;
    uint64_t arena = find_main_arena(finder, &heap);
    if (!arena) return;
    heap.top = word_at(finder, arena);
    uint64_t top_bytes = word_at(finder, heap.top + 8) & ~(uint64_t)MALLOC_SIZE_BITS;
    uint64_t end = heap.top + (top_bytes < GROWTH_MAX ? top_bytes : 0);
    end = (end + REMOTE_PAGE - 1) & ~(uint64_t)(REMOTE_PAGE - 1);
    heap.end = end > known_end ? end : known_end;
    add_region(finder, heap);
    add_fast_lists(finder, arena);
}

static int by_start(const void *left, const void *right) {
    const struct malloc_region *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

bool malloc_regions_find(struct malloc_regions *regions, struct remote *remote,
                         const struct maps *maps) {
    struct finder finder = {regions, remote, maps};
    *regions = (struct malloc_regions){0};
    find_main_heap(&finder);
    find_heaps_of_threads(&finder);
    if (regions->count) qsort(regions->items, regions->count, sizeof *regions->items, by_start);
    if (regions->fast_count)
        qsort(regions->fast, regions->fast_count, sizeof *regions->fast, by_number);
    return !regions->is_out_of_memory;
}

void malloc_regions_end(struct malloc_regions *regions) {
    free(regions->items);
    free(regions->fast);
    *regions = (struct malloc_regions){0};
}
