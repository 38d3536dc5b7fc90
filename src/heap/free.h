/* free: the fast path, for the functions of that name. */
#ifndef SHOAL_HEAP_FREE_H
#define SHOAL_HEAP_FREE_H

#include "heap/process.h"
#include "heap/threads.h"

/* Takes back a block of the calling thread's heap if nothing about it needs a look. */
static always_inline bool free_fast(void *block) {
    struct pool *record;
    if (unlikely(!record_fast(&shared_arenas, block, &record))) return false;
    return likely(record->owner == thread_heap->id) && likely(pool_give_fast(record, block));
}

/* All other blocks, NULL, and crimes. `caller`: whoever calls free, as idle_start wants it. */
void free_slow(void *block, const void *caller);

#endif
