/* The heap: a block for a size class and back. The fast paths are here.
 *
 * Only the owner of a heap may call these on it: the thread it belongs to, or
 * whoever holds the interpreter lock. */
#ifndef SHOAL_HEAP_FAST_PATHS_H
#define SHOAL_HEAP_FAST_PATHS_H

#include "heap/pool.h"

/* Readies a heap without pools. `id` is its index in the table of heaps. */
void heap_init(struct heap *heap, struct arenas *arenas, uint16_t id);

/* When the current pool has nothing left, or its list needs a closer look. */
void *heap_take_slow(struct heap *heap, unsigned class);
void *heap_take_checked(struct heap *heap, unsigned class);

/* A block of the class, NULL and ENOMEM when there is none.
 * Cost: 15 instructions when the current pool has one. */
static always_inline void *heap_take(struct heap *heap, unsigned class) {
    struct pool *pool = heap->current[class];
    void *block = pool->free;
    if (unlikely(is_end((uintptr_t)block))) return heap_take_slow(heap, class);
    uintptr_t next = decoded_link(block);
    if (unlikely(!same_page(next, (uintptr_t)block))) return heap_take_checked(heap, class);
    pool->free = (void *)next;
    pool->frees_left++;
    hide_link(block);
    return block;
}

/* Takes back any block of a pool of this heap; `record` is its page's. */
void heap_give_slow(struct heap *heap, struct pool *record, void *block);

/* Takes back what others freed. */
void heap_take_remote(struct heap *heap);

/* Gives the pages of every pool without live blocks to the arenas. */
void heap_retire_empty(struct heap *heap);

/* ---- For others than the owner --------------------------------------------- */

enum { REMOTE_WORTH = 16 }; /* so many new blocks are worth a look of idle.c */

/* Hands the owner a block to free. Every REMOTE_WORTH of them expect a look: the thread may
 * have been about to end at the last. */
void heap_give_remote(struct heap *heap, void *block);

/* Puts a list of blocks in front of those that others freed. */
void heap_push_remote(struct heap *heap, void *first, void *last);

/* Under the lock: all blocks that others freed, linked through their first words. */
void *heap_detach_remote(struct heap *heap);

#endif
