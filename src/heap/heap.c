#include "heap/fast_paths.h"

#include "base/fatal.h"
#include "heap/ahead.h"
#include "heap/aside.h"
#include "heap/idle.h"
#include "heap/large.h"
#include "heap/lists.h"
#include "heap/lock.h"
#include "heap/pages.h"

void heap_init(struct heap *heap, struct arenas *arenas, uint16_t id) {
    *heap = (struct heap){.arenas = arenas, .id = id};
    pthread_mutex_init(&heap->lock, NULL);
    for (unsigned class = 0; class < CLASS_COUNT; class++) heap->current[class] = &no_pool;
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

static void take_remote(struct heap *heap);

/* Under the lock: another current pool for the class; false when there is no memory. */
static bool change_pool(struct heap *heap, unsigned class) {
    struct pool *pool = heap->current[class];
    if (pool != &no_pool) {
        pool->kind = POOL_FULL;
        pool->frees_left = 1;
        heap->current[class] = &no_pool;
    }
    if (unlikely(atomic_load_explicit(&heap->remote, memory_order_relaxed))) take_remote(heap);
    pool = next_pool(heap, class);
    if (pool) heap->current[class] = pool;
    return pool != NULL;
}

/* Blocks of a class lie at multiples of what its size is a multiple of. */
static void *no_block(unsigned class) {
    size_t bytes = size_classes[class].block_bytes;
    return no_memory(bytes, bytes & -bytes);
}

static void *take_without(struct heap *stand_in, unsigned class) {
    struct heap *heap = stand_in->real_heap();
    return heap ? heap_take(heap, class) : no_block(class);
}

void *heap_take_slow(struct heap *heap, unsigned class) {
    struct pool *pool = heap->current[class];
    if (pool != &no_pool && pool->carved < pool_class(pool)->blocks) {
        pool_carve(pool, run_start(heap->arenas, pool));
        return heap_take(heap, class);
    }
    if (heap->real_heap) return take_without(heap, class);
    lock_take(&heap->lock);
    bool is_changed = change_pool(heap, class);
    lock_drop(&heap->lock);
    return is_changed ? heap_take(heap, class) : no_block(class);
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

/* Under the lock: takes back a block that is the pool's and in use. */
static void give_block(struct heap *heap, struct pool *pool, void *block) {
    if (pool->kind == POOL_FULL) {
        pool_push(pool, block);
        partial_insert(heap, pool);
        pool->frees_left = (uint16_t)(pool_class(pool)->blocks - 1);
    } else if (pool->kind == POOL_PARTIAL && pool->frees_left == 1) {
        partial_remove(heap, pool);
        arenas_give(heap->arenas, pool, pool_class(pool)->pages);
    } else {
        pool_push(pool, block);
        pool->frees_left--;
    }
}

/* A large block, a crime, or a block whose first word only looks like a link: the
 * pool of a block, else NULL. */
static never_inline struct pool *doubtful_pool(struct heap *heap, struct pool *record,
                                               void *block) {
    struct pool *pool = record->kind == POOL_TAIL ? record - record->back_pages : record;
    if (pool->kind == PAGE_LARGE) {
        large_give(heap->arenas, pool, block);
        return NULL;
    }
    if (!is_pool(pool)) pool_no_block(record, block, "free");
    pool_must_own(pool, run_start(heap->arenas, pool), block, "free");
    return pool;
}

/* The pool of a block to be freed, or NULL for a large block that now is. */
static struct pool *pool_to_give(struct heap *heap, struct pool *record, void *block) {
    struct pool *pool = record;
    size_t page = (uintptr_t)block >> PAGE_SHIFT;
    if (record->kind == POOL_TAIL) {
        pool -= record->back_pages;
        page -= record->back_pages;
    }
    if (likely(is_pool(pool) && pool_has(pool, (char *)(page << PAGE_SHIFT), block) &&
               (pool->kind == POOL_FULL || !looks_linked(block))))
        return pool;
    return doubtful_pool(heap, record, block);
}

/* The lock is for what changes lists, not for a page behind a pool's first. */
void heap_give_slow(struct heap *heap, struct pool *record, void *block) {
    struct pool *pool = pool_to_give(heap, record, block);
    if (pool && pool->frees_left > 1) {
        pool_put(pool, block);
    } else if (pool) {
        lock_take(&heap->lock);
        give_block(heap, pool, block);
        lock_drop(&heap->lock);
    }
}

/* ---- What others freed -------------------------------------------------------- */

void heap_push_remote(struct heap *heap, void *first, void *last) {
    void *before = atomic_load_explicit(&heap->remote, memory_order_relaxed);
    do *(void **)last = before;
    while (!atomic_compare_exchange_weak(&heap->remote, &before, first));
}

void heap_give_remote(struct heap *heap, void *block) {
    heap_push_remote(heap, block, block);
    size_t fresh = atomic_fetch_add_explicit(&heap->remote_new, 1, memory_order_relaxed);
    if (fresh % REMOTE_WORTH == REMOTE_WORTH - 1) idle_expect();
}

void *heap_detach_remote(struct heap *heap) {
    atomic_store_explicit(&heap->remote_new, 0, memory_order_relaxed);
    return atomic_exchange_explicit(&heap->remote, NULL, memory_order_acquire);
}

/* Under the lock. */
static void take_remote(struct heap *heap) {
    void *block = heap_detach_remote(heap);
    while (block) {
        void *next = *(void **)block;
        struct pool *record, *pool;
        if (!record_fast(heap->arenas, block, &record)) record = arenas_record(heap->arenas, block);
        if (!pool_give_fast(record, block) && (pool = pool_to_give(heap, record, block)))
            give_block(heap, pool, block);
        block = next;
    }
}

void heap_take_remote(struct heap *heap) {
    lock_take(&heap->lock);
    take_remote(heap);
    lock_drop(&heap->lock);
}

void heap_retire_empty(struct heap *heap) {
    lock_take(&heap->lock);
    ahead_give_all(heap);
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        struct pool *pool = heap->current[class];
        if (pool == &no_pool || pool_live(pool) > 0) continue;
        heap->current[class] = &no_pool;
        arenas_give(heap->arenas, pool, pool_class(pool)->pages);
    }
    lock_drop(&heap->lock);
}
