/* The public functions on blocks, each thread on its own heap. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/fatal.h"
#include "heap/free.h"
#include "heap/idle.h"
#include "heap/large.h"
#include "heap/mapping.h"
#include "heap/watch.h"
#include "shoal/heap.h"

_Static_assert(SHOAL_POOLED_MAX == POOLED_MAX, "the header says so");

static never_inline void *take_large(size_t bytes, size_t align, bool *zeroed) {
    process_init();
    return large_take(&shared_arenas, 0, bytes, align, zeroed);
}

static void *told_of(void *block, size_t bytes) {
    const struct shoal_watcher *watcher = watch_now();
    return block && watcher && watcher->took ? watcher->took(block, bytes) : block;
}

/* A large block, or any while somebody watches. */
static never_inline void *take_told(size_t bytes, bool *zeroed) {
    void *block = bytes <= POOLED_MAX ? heap_take(thread_heap, class_of(bytes))
                                      : take_large(bytes, 1, zeroed);
    return told_of(block, bytes);
}

static never_inline void *take_larger(size_t bytes, bool *zeroed) {
    *zeroed = false;
    if (bytes < untold_pooled) return heap_take(thread_heap, class_of(bytes));
    return take_told(bytes, zeroed);
}

void *shoal_malloc(size_t bytes) {
    if (likely(bytes < untold_small)) return heap_take(thread_heap, small_class(bytes));
    bool zeroed;
    return take_larger(bytes, &zeroed);
}

void *shoal_calloc(size_t count, size_t size) {
    size_t bytes;
    bool zeroed = false;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = likely(bytes < untold_small) ? heap_take(thread_heap, small_class(bytes))
                                               : take_larger(bytes, &zeroed);
    return block && !zeroed ? memset(block, 0, bytes) : block;
}

/* Every block while somebody watches. */
static void give_anywhere(void *block) {
    struct place place;
    const struct shoal_watcher *watcher = watch_now();
    if (watcher) watcher->gives(block);
    if (!place_find(&place, &shared_arenas, block)) {
        if (!mapping_give(block)) no_such_block(block, "free");
        return;
    }
    struct pool *first = place.first;
    if (!is_pool(first)) place_must_be_block(&place, thread_heap, block, "free");
    if (first->owner == 0)
        large_give(place.arenas, first, block);
    else if (first->owner == thread_heap->id)
        heap_give_slow(thread_heap, place.record, block);
    else
        threads_give_remote(heap_of_id[first->owner], block);
}

static never_inline void give_slow(void *block) {
    struct pool *record;
    if (record_fast(&shared_arenas, block, &record) && record->owner == thread_heap->id)
        heap_give_slow(thread_heap, record, block);
    else
        give_anywhere(block);
}

/* Whether so much goes with the block that it has to be looked after. */
static bool is_worth_looking_after(const void *block) {
    struct pool *record;
    if (!record_fast(&shared_arenas, block, &record)) record = arenas_record(&shared_arenas, block);
    if (!record) return mapping_bytes(block) > 0;
    return record->kind == PAGE_LARGE && record->run_pages >= IDLE_WORTH;
}

void free_slow(void *block, const void *caller) {
    if (!block) return;
    if (idle_is(IDLE_NOTHING) && is_worth_looking_after(block)) idle_expect();
    if (unlikely(idle_is(IDLE_EXPECTED))) {
        must_be_block(&shared_arenas, thread_heap, block);
        idle_start(caller);
    }
    give_slow(block);
}

void shoal_free(void *block) {
    if (unlikely(!free_fast(block))) free_slow(block, __builtin_return_address(0));
}

/* For realloc, whose caller may be the C library: no thread is made. */
static void give(void *block) {
    if (unlikely(!free_fast(block))) give_slow(block);
}

static void *resize_by_move(void *block, size_t old_bytes, size_t bytes) {
    void *moved = shoal_malloc(bytes);
    if (!moved) return NULL;
    memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
    give(block);
    return moved;
}

static void *resize_mapping(void *block, size_t bytes) {
    size_t old_bytes = mapping_bytes(block);
    if (old_bytes == 0) no_such_block(block, "realloc");
    if (bytes <= LARGE_RUN_MAX) return resize_by_move(block, old_bytes, bytes);
    void *resized = mapping_resize(block, bytes);
    /* Where address space is short, what the arenas have of it may be free. */
    return resized ? resized : resize_by_move(block, old_bytes, bytes);
}

/* Across size classes the block moves, also when it shrinks: a block that
 * stays where it was would waste more than the copy costs. */
static always_inline void *resize_now(void *block, size_t bytes) {
    struct place place;
    if (!place_find(&place, &shared_arenas, block)) return resize_mapping(block, bytes);
    place_must_be_block(&place, thread_heap, block, "realloc");
    if (is_pool(place.first)) {
        if (bytes <= POOLED_MAX && size_classes[class_of(bytes)].block_bytes == place.bytes)
            return block;
    } else if (place.arenas->shared && large_resize(place.arenas, place.first, bytes)) {
        return block;
    }
    return resize_by_move(block, place.bytes, bytes);
}

static void *resize(void *block, size_t bytes) { return resize_now(block, bytes); }

/* To nothing, which frees it, or while somebody watches. */
static never_inline void *resize_seldom(void *block, size_t bytes) {
    const struct shoal_watcher *watcher = watch_now();
    if (bytes > 0) return watcher ? watcher->resizes(block, bytes, resize) : resize(block, bytes);
    give(block);
    return NULL;
}

void *shoal_realloc(void *block, size_t bytes) {
    if (!block) return shoal_malloc(bytes);
    if (unlikely(bytes - 1 >= untold_resized)) return resize_seldom(block, bytes);
    return resize_now(block, bytes);
}

/* The smallest class that keeps every block of a pool aligned; a pool starts
 * at a page, so its block size must be a multiple of `align`. */
static void *take_aligned(size_t align, size_t bytes) {
    if (bytes <= POOLED_MAX && align <= PAGE_BYTES) {
        for (unsigned class = class_of(bytes); class < CLASS_COUNT; class++)
            if (class_is_aligned(class, align)) return heap_take(thread_heap, class);
    }
    bool zeroed;
    return take_large(bytes ? bytes : 1, align, &zeroed);
}

void *shoal_aligned_alloc(size_t align, size_t bytes) {
    if (align == 0 || (align & (align - 1))) {
        errno = EINVAL;
        return NULL;
    }
    if (align <= GRANULE) return shoal_malloc(bytes);
    return told_of(take_aligned(align, bytes), bytes);
}

size_t shoal_usable_size(const void *block) {
    struct place place;
    if (!block) return 0;
    if (place_find(&place, &shared_arenas, block)) return place.bytes;
    return mapping_bytes(block);
}
