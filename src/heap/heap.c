#include "heap/fast_paths.h"

#include <errno.h>

#include "base/fatal.h"
#include "heap/ahead.h"
#include "heap/large.h"
#include "heap/pages.h"

void heap_init(struct heap *heap, struct arenas *arenas, uint16_t id) {
    *heap = (struct heap){.arenas = arenas, .id = id};
    for (unsigned class = 0; class < CLASS_COUNT; class++) heap->current[class] = &no_pool;
}

/* Behind the others: a pool that has just got its first free block gets more of
 * them while it waits, so that the heap changes pools less often. (Taking the
 * newest instead costs twice the time where sizes and lives are random, and
 * holds no less: 277 MB either way at the end of the ten bursts of bench/.) */
static void partial_insert(struct heap *heap, struct pool *pool) {
    struct list *list = &heap->partial[pool->size_class];
    pool->kind = POOL_PARTIAL;
    pool->next = NULL;
    pool->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = pool;
    list->last = pool;
}

static void partial_remove(struct heap *heap, struct pool *pool) {
    struct list *list = &heap->partial[pool->size_class];
    *(pool->next ? &pool->next->prev : &list->last) = pool->prev;
    *(pool->prev ? &pool->prev->next : &list->first) = pool->next;
}

static struct pool *new_pool(struct heap *heap, unsigned class) {
    bool zeroed = true;
    struct pool *pool = class < SMALL_CLASSES
                            ? ahead_take(heap, class)
                            : arenas_take(heap->arenas, size_classes[class].pages, 1, &zeroed);
    if (!pool) return NULL;
    pool_init(pool, class, heap->id, !zeroed);
    pool_carve(pool, run_start(heap->arenas, pool));
    return pool;
}

/* The pool to go on with when the current one has no free block. */
static struct pool *next_pool(struct heap *heap, unsigned class) {
    struct pool *pool = heap->partial[class].first;
    if (!pool) return new_pool(heap, class);
    partial_remove(heap, pool);
    pool->kind = POOL_CURRENT;
    pool->frees_left++;
    return pool;
}

void *heap_take_slow(struct heap *heap, unsigned class) {
    struct pool *pool = heap->current[class];
    if (pool != &no_pool) {
        if (pool->carved < size_classes[class].blocks) {
            pool_carve(pool, run_start(heap->arenas, pool));
            return heap_take(heap, class);
        }
        pool->kind = POOL_FULL;
        pool->frees_left = 1;
        heap->current[class] = &no_pool;
    } else if (heap->real_heap) {
        heap = heap->real_heap();
        if (heap) return heap_take(heap, class);
        errno = ENOMEM;
        return NULL;
    }
    if (unlikely(atomic_load_explicit(&heap->remote, memory_order_relaxed))) heap_take_remote(heap);
    pool = next_pool(heap, class);
    if (!pool) {
        errno = ENOMEM;
        return NULL;
    }
    heap->current[class] = pool;
    return heap_take(heap, class);
}

/* A link that leaves its page: right in a pool of several pages, else a crime. */
void *heap_take_checked(struct heap *heap, unsigned class) {
    struct pool *pool = heap->current[class];
    void *block = pool->free;
    pool_check_link(pool, run_start(heap->arenas, pool), block);
    pool->free = (void *)decoded_link(block);
    pool->frees_left++;
    hide_link(block);
    return block;
}

/* Takes back a block that is the pool's and in use. */
static void give_block(struct heap *heap, struct pool *pool, void *block) {
    if (pool->kind == POOL_FULL) {
        pool_push(pool, block);
        pool->frees_left = (uint16_t)(pool_class(pool)->blocks - 1);
        partial_insert(heap, pool);
    } else if (pool->kind == POOL_PARTIAL && pool->frees_left == 1) {
        partial_remove(heap, pool);
        arenas_give(heap->arenas, pool, pool_class(pool)->pages);
    } else {
        pool_push(pool, block);
        pool->frees_left--;
    }
}

/* A large block, a crime, or a block whose first word only looks like a link. */
static never_inline void give_doubtful(struct heap *heap, struct pool *record, void *block) {
    struct pool *pool = record->kind == POOL_TAIL ? record - record->back_pages : record;
    if (pool->kind == PAGE_LARGE) {
        large_give(heap->arenas, pool, block);
        return;
    }
    if (!is_pool(pool)) pool_no_block(record, block, "free");
    pool_must_own(pool, run_start(heap->arenas, pool), block, "free");
    give_block(heap, pool, block);
}

void heap_give_slow(struct heap *heap, struct pool *record, void *block) {
    struct pool *pool = record;
    size_t page = (uintptr_t)block >> PAGE_SHIFT;
    if (record->kind == POOL_TAIL) {
        pool -= record->back_pages;
        page -= record->back_pages;
    }
    if (likely(is_pool(pool) && pool_has(pool, (char *)(page << PAGE_SHIFT), block) &&
               (pool->kind == POOL_FULL || !looks_linked(block))))
        give_block(heap, pool, block);
    else
        give_doubtful(heap, record, block);
}

void heap_give_remote(struct heap *heap, void *block) {
    void *first = atomic_load_explicit(&heap->remote, memory_order_relaxed);
    do *(void **)block = first;
    while (!atomic_compare_exchange_weak(&heap->remote, &first, block));
}

void heap_take_remote(struct heap *heap) {
    void *block = atomic_exchange_explicit(&heap->remote, NULL, memory_order_acquire);
    while (block) {
        void *next = *(void **)block;
        struct pool *record;
        if (!record_fast(heap->arenas, block, &record)) record = arenas_record(heap->arenas, block);
        if (!pool_give_fast(record, block)) heap_give_slow(heap, record, block);
        block = next;
    }
}

void heap_retire_empty(struct heap *heap) {
    ahead_give_all(heap);
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        struct pool *pool = heap->current[class];
        if (pool == &no_pool || pool_live(pool) > 0) continue;
        heap->current[class] = &no_pool;
        arenas_give(heap->arenas, pool, pool_class(pool)->pages);
    }
}
