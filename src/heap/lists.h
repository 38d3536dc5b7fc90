/* A heap's lists of partial pools. For who holds the heap's lock. */
#ifndef SHOAL_HEAP_LISTS_H
#define SHOAL_HEAP_LISTS_H

#include "heap/types.h"

/* Behind the others: a pool that has just got its first free block gets more of
 * them while it waits, so that the heap changes pools less often. (Taking the
 * newest instead costs twice the time where sizes and lives are random, and
 * holds no less: 277 MB either way at the end of the ten bursts of bench/.) */
static inline void partial_insert(struct heap *heap, struct pool *pool) {
    struct list *list = &heap->partial[pool->size_class];
    pool->kind = POOL_PARTIAL;
    pool->next = NULL;
    pool->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = pool;
    list->last = pool;
}

static inline void partial_remove(struct heap *heap, struct pool *pool) {
    struct list *list = &heap->partial[pool->size_class];
    *(pool->next ? &pool->next->prev : &list->last) = pool->prev;
    *(pool->prev ? &pool->prev->next : &list->first) = pool->next;
}

#endif
