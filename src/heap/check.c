/* The walker: every invariant of types.h, on the whole heap.
 *
 * All locks are held meanwhile, so that what they guard stands still. What the fast paths of
 * other threads touch does not: the free lists of those threads' heaps are not walked. */
#include "base/fatal.h"
#include "heap/mapping.h"
#include "heap/process.h"
#include "heap/run_list.h"
#include "heap/threads.h"
#include "shoal/heap.h"

#define must(condition, ...) ((condition) ? (void)0 : fatal("check: " __VA_ARGS__))

struct walk {
    struct arenas *arenas;
    struct arena *arena;
    size_t live_blocks;
    size_t dirty_pages, clean_pages, lazy_pages; /* by the records */
};

static void check_tails(const struct pool *pool) {
    for (size_t i = 1; i < pool_class(pool)->pages; i++)
        must(pool[i].kind == POOL_TAIL && pool[i].back_pages == i && pool[i].frees_left == 0,
             "page %zu of the pool at record %p is no tail", i, (void *)pool);
}

/* Whether no other thread is on the heap's fast paths now. */
static bool stands_still(const struct heap *heap) {
    if (heap == &object_heap) return may_touch_object_heap();
    return heap == thread_heap || atomic_load(&heap->orphaned);
}

static void check_blocks(const struct walk *walk, const struct pool *pool) {
    size_t free_blocks = pool_count_free(pool, page_address(walk->arena, pool));
    size_t live = pool_live(pool);
    must(live + free_blocks == pool->carved, "the pool at record %p has %zu live, %zu free of %u",
         (void *)pool, live, free_blocks, pool->carved);
    must(pool->kind != POOL_PARTIAL || (live > 0 && free_blocks > 0),
         "the partial pool at record %p has %zu live, %zu free", (void *)pool, live, free_blocks);
}

static void check_pool(struct walk *walk, const struct pool *pool) {
    const struct heap *heap = heap_of_id[pool->owner];
    must(heap, "the pool at record %p has no owner", (void *)pool);
    must(pool->carved <= pool_class(pool)->blocks, "the pool at record %p has too many blocks",
         (void *)pool);
    must((pool->kind == POOL_CURRENT) == (heap->current[pool->size_class] == pool),
         "the pool at record %p is not its heap's current one", (void *)pool);
    if (stands_still(heap)) check_blocks(walk, pool);
    check_tails(pool);
    walk->live_blocks += pool_live(pool);
}

static void check_free_run(struct walk *walk, const struct pool *run) {
    size_t index = (size_t)(run - walk->arena->records), pages = run->run_pages;
    const struct pool *last = run + pages - 1;
    must(pages > 0 && index + pages <= walk->arena->top, "the run at record %p is %zu pages long",
         (void *)run, pages);
    must(last->kind == run->kind && last->run_pages == pages,
         "the ends of the run at record %p differ", (void *)run);
    must(index + pages == walk->arena->top || last[1].kind != run->kind || run->kind == PAGE_BUSY,
         "the run at record %p was not merged with the next", (void *)run);
    must(run->next->prev == run && run->prev->next == run, "the run at record %p is not linked",
         (void *)run);
    for (size_t i = 0; i < pages; i++)
        must(run[i].frees_left == 0 && (i == 0 || i == pages - 1 || run[i].kind == PAGE_UNUSED),
             "page %zu of the free run at record %p is not free", i, (void *)run);
    must(run_lazy_pages(run) <= (run->kind == PAGE_DIRTY ? pages : 0),
         "of the run at record %p %zu pages are lazy", (void *)run, run_lazy_pages(run));
    if (run->kind == PAGE_BUSY) return; /* counted again when it is back */
    *(run->kind == PAGE_DIRTY ? &walk->dirty_pages : &walk->clean_pages) += pages;
    walk->lazy_pages += run_lazy_pages(run);
}

static size_t check_run(struct walk *walk, const struct pool *record) {
    switch (record->kind) {
    case POOL_CURRENT:
    case POOL_PARTIAL:
    case POOL_FULL:
        check_pool(walk, record);
        return pool_class(record)->pages;
    case PAGE_DIRTY:
    case PAGE_CLEAN:
    case PAGE_BUSY: /* another thread returns it meanwhile, without the lock */
        check_free_run(walk, record);
        break;
    case PAGE_LARGE:
        must(record->frees_left == 0 && record->run_pages > 0, "the large block at record %p",
             (void *)record);
        walk->live_blocks++;
        break;
    case PAGE_AHEAD:
        must(record->run_pages > 0 && record->frees_left == 0, "the pages ahead at record %p",
             (void *)record);
        break;
    default:
        fatal("check: the page at record %p is in no run: kind %d", (void *)record, record->kind);
    }
    return record->run_pages;
}

static void check_partial_lists(const struct heap *heap) {
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        const struct pool *before = NULL;
        for (struct pool *pool = heap->partial[class].first; pool; pool = pool->next) {
            must(pool->kind == POOL_PARTIAL && pool->size_class == class &&
                     pool->owner == heap->id && pool->prev == before,
                 "the pool at record %p is in a wrong list", (void *)pool);
            before = pool;
        }
        must(heap->partial[class].last == before, "a list of partial pools of class %u ends early",
             class);
    }
}

static size_t check_arenas(struct arenas *arenas) {
    struct walk walk = {.arenas = arenas};
    for (size_t i = 0; i < arenas->arena_count; i++) {
        walk.arena = &arenas->arena[i];
        size_t page = 0;
        while (page < walk.arena->top) page += check_run(&walk, &walk.arena->records[page]);
        must(page == walk.arena->top, "the last run of arena %zu passes its top", i);
    }
    must(walk.dirty_pages == arenas->dirty_pages && walk.clean_pages == arenas->clean_pages,
         "%zu dirty and %zu clean pages are counted, %zu and %zu are there", arenas->dirty_pages,
         arenas->clean_pages, walk.dirty_pages, walk.clean_pages);
    must(walk.lazy_pages == arenas->lazy_pages, "%zu lazy pages are counted, %zu are there",
         arenas->lazy_pages, walk.lazy_pages);
    return walk.live_blocks;
}

static void count_mapping(void *start, size_t bytes, bool in_use, void *count) {
    must(((uintptr_t)start | bytes) % PAGE_BYTES == 0, "the mapping %p of %zu bytes", start, bytes);
    *(size_t *)count += in_use;
}

size_t shoal_check(void) {
    size_t mappings = 0;
    process_init();
    if (thread_heap != &no_heap) heap_take_remote(thread_heap);
    if (may_touch_object_heap()) heap_take_remote(&object_heap);
    threads_lock_all();
    for (uint32_t id = OBJECT_HEAP_ID; id < atomic_load(&heap_count); id++)
        check_partial_lists(heap_of_id[id]);
    mapping_each(count_mapping, &mappings);
    size_t live = check_arenas(&shared_arenas) + check_arenas(&object_arenas) + mappings;
    threads_unlock_all();
    return live;
}
