/* The public functions on blocks, each thread on its own heap. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/fatal.h"
#include "heap/large.h"
#include "heap/mapping.h"
#include "heap/process.h"
#include "heap/threads.h"
#include "shoal/heap.h"

_Static_assert(SHOAL_POOLED_MAX == POOLED_MAX, "the header says so");

static never_inline void *take_larger(size_t bytes, bool *zeroed) {
    *zeroed = false;
    if (bytes <= POOLED_MAX) return heap_take(thread_heap, class_of(bytes));
    process_init();
    return large_take(&shared_arenas, 0, bytes, 1, zeroed);
}

void *shoal_malloc(size_t bytes) {
    if (likely(bytes <= SMALL_MAX)) return heap_take(thread_heap, small_class(bytes));
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
    void *block = likely(bytes <= SMALL_MAX) ? heap_take(thread_heap, small_class(bytes))
                                             : take_larger(bytes, &zeroed);
    return block && !zeroed ? memset(block, 0, bytes) : block;
}

/* Blocks of a heap that is not the caller's, large ones, and crimes. */
static never_inline void give_elsewhere(void *block) {
    struct place place;
    if (!block) return;
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

void shoal_free(void *block) {
    struct pool *record;
    struct heap *heap = thread_heap;
    if (!record_fast(&shared_arenas, block, &record) || unlikely(record->owner != heap->id))
        give_elsewhere(block);
    else if (unlikely(!pool_give_fast(record, block)))
        heap_give_slow(heap, record, block);
}

static void *resize_by_move(void *block, size_t old_bytes, size_t bytes) {
    void *moved = shoal_malloc(bytes);
    if (!moved) return NULL;
    memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
    shoal_free(block);
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
void *shoal_realloc(void *block, size_t bytes) {
    struct place place;
    if (!block) return shoal_malloc(bytes);
    if (bytes == 0) {
        shoal_free(block);
        return NULL;
    }
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

/* The smallest class that keeps every block of a pool aligned; a pool starts
 * at a page, so its block size must be a multiple of `align`. */
static void *take_aligned(size_t align, size_t bytes) {
    if (bytes <= POOLED_MAX && align <= PAGE_BYTES) {
        for (unsigned class = class_of(bytes); class < CLASS_COUNT; class++)
            if (class_is_aligned(class, align)) return heap_take(thread_heap, class);
    }
    bool zeroed;
    process_init();
    return large_take(&shared_arenas, 0, bytes ? bytes : 1, align, &zeroed);
}

void *shoal_aligned_alloc(size_t align, size_t bytes) {
    if (align == 0 || (align & (align - 1))) {
        errno = EINVAL;
        return NULL;
    }
    if (align <= GRANULE) return shoal_malloc(bytes);
    return take_aligned(align, bytes);
}

size_t shoal_usable_size(const void *block) {
    struct place place;
    if (!block) return 0;
    if (place_find(&place, &shared_arenas, block)) return place.bytes;
    return mapping_bytes(block);
}
