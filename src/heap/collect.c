#include "heap/collect.h"

#include "base/fatal.h"
#include "heap/ahead.h"
#include "heap/arena.h"
#include "heap/fast_paths.h"
#include "heap/large.h"
#include "heap/lists.h"
#include "heap/lock.h"
#include "heap/pages.h"

enum { SORT_LEVELS = 40 }; /* a list of 2^40 blocks would not fit the address space */

/* Blocks linked through their first words, as in `remote`. */
static void *next_of(const void *block) { return *(void *const *)block; }
static void set_next(void *block, void *next) { *(void **)block = next; }

/* ---- Sorting ---------------------------------------------------------------- */

static void *merge(void *a, void *b) {
    void *first = NULL, **end = &first;
    while (a && b) {
        void **lower = a < b ? &a : &b;
        *end = *lower;
        end = (void **)*lower;
        *lower = next_of(*lower);
    }
    *end = a ? a : b;
    return first;
}

/* By address, so that the blocks of a pool follow each other. `bins[i]` holds
 * 2^i blocks or none. */
static void *sorted(void *list) {
    void *bins[SORT_LEVELS] = {NULL};
    while (list) {
        void *run = list;
        unsigned level = 0;
        list = next_of(list);
        set_next(run, NULL);
        for (; bins[level]; level++) {
            run = merge(bins[level], run);
            bins[level] = NULL;
        }
        bins[level] = run;
    }
    for (unsigned level = 0; level < SORT_LEVELS; level++) list = merge(bins[level], list);
    return list;
}

/* ---- Groups ------------------------------------------------------------------- */

/* Blocks of one pool that others freed, in the order of their addresses. */
struct group {
    struct pool *pool;
    void *first, *last;
    size_t count;
};

/* The group in front of a sorted list; *list is what follows it. */
static struct group next_group(struct heap *heap, void **list) {
    struct pool *record = arenas_record(heap->arenas, *list);
    struct pool *pool = record->kind == POOL_TAIL ? record - record->back_pages : record;
    struct group group = {.pool = pool, .first = *list};
    if (!is_pool(pool)) {
        group.last = *list;
        group.count = 1;
        *list = next_of(*list);
        return group;
    }
    char *start = run_start(heap->arenas, pool);
    char *end = start + ((size_t)pool_class(pool)->pages << PAGE_SHIFT);
    for (; *list && (char *)*list < end; *list = next_of(*list)) {
        pool_must_have(pool, start, *list, "free");
        if (*list == group.last)
            fatal("double free of %p: the %u-byte block is already free", *list,
                  pool_class(pool)->block_bytes);
        group.last = *list;
        group.count++;
    }
    return group;
}

/* Whether the group is all that is live of its pool. The live blocks of a pool that is not
 * current only become fewer, and those of the group are among them: so the count that
 * equals the group's is no old one, and its owner is through with the pool. */
static bool is_all_of_pool(const struct group *group) {
    const struct pool *pool = group->pool;
    if (pool->kind == POOL_FULL) return group->count == pool_class(pool)->blocks;
    return pool->kind == POOL_PARTIAL &&
           group->count == __atomic_load_n(&pool->frees_left, __ATOMIC_ACQUIRE);
}

/* False when the blocks have to wait for the owner, who has others of their pool. */
static bool place_group(struct heap *heap, const struct group *group) {
    struct pool *pool = group->pool;
    if (!is_pool(pool)) {
        large_give(heap->arenas, pool, group->first);
        return true;
    }
    if (!is_all_of_pool(group)) return false;
    if (pool->kind == POOL_PARTIAL) partial_remove(heap, pool);
    arenas_give(heap->arenas, pool, pool_class(pool)->pages);
    return true;
}

void heap_collect(struct heap *heap) {
    void *waiting = NULL, *last_waiting = NULL;
    lock_take(&heap->lock);
    void *list = sorted(heap_detach_remote(heap));
    while (list) {
        struct group group = next_group(heap, &list);
        if (place_group(heap, &group)) continue;
        if (waiting)
            set_next(last_waiting, group.first);
        else
            waiting = group.first;
        last_waiting = group.last;
    }
    if (waiting) heap_push_remote(heap, waiting, last_waiting);
    lock_drop(&heap->lock);
}

void heap_give_ahead(struct heap *heap) {
    lock_take(&heap->lock);
    ahead_give_all(heap);
    lock_drop(&heap->lock);
}
