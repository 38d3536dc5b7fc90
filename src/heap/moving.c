/* The interpreter's heap as a mover of blocks sees it. */
#include "shoal/moving.h"

#include "heap/lists.h"
#include "heap/pages.h"
#include "heap/process.h"
#include "heap/threads.h"

_Static_assert((int)SHOAL_MOVING_CLASSES == (int)CLASS_COUNT, "the header says so");
_Static_assert((int)SHOAL_MOVING_PAGE == (int)PAGE_BYTES, "the header says so");
_Static_assert(SHOAL_MOVING_WORDS * 64 >= PAGE_BYTES / GRANULE, "a bit for each block");

static struct arena *only_arena(void) { return &object_arenas.arena[0]; }

/* ---- The pages, in their order ------------------------------------------------- */

/* What is at a record: how long it is in pages. */
static size_t length_at(const struct pool *record) {
    size_t pages = is_pool(record) ? pool_class(record)->pages : record->run_pages;
    return pages ? pages : 1;
}

typedef void act_at(const struct pool *record, char *start, void *context);

static void each_run(act_at *act, void *context) {
    for (size_t i = 0; i < object_arenas.arena_count; i++) {
        const struct arena *arena = &object_arenas.arena[i];
        const struct pool *record = arena->records, *end = record + arena->top;
        for (; record < end; record += length_at(record))
            act(record, page_address(arena, record), context);
    }
}

/* What is found of each size class. */
struct class_totals {
    size_t resident;
    size_t pools[CLASS_COUNT], live[CLASS_COUNT];
};

static void add_to_totals(const struct pool *pool, char *start, void *context) {
    struct class_totals *totals = context;
    (void)start;
    if (!is_pool(pool) || pool_live(pool) == 0) return;
    totals->resident += pool_resident_bytes(pool);
    totals->pools[pool->size_class]++;
    totals->live[pool->size_class] += pool_live(pool);
}

static void add_figures(struct shoal_moving_figures *figures, const struct class_totals *totals) {
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        const struct size_class *class = &size_classes[i];
        if (totals->pools[i] == 0) continue;
        size_t needed = (totals->live[i] + class->blocks - 1) / class->blocks;
        figures->blocks += totals->live[i];
        figures->live += totals->live[i] * class->block_bytes;
        figures->emptiable += (totals->pools[i] - needed) * class->pages * PAGE_BYTES;
    }
}

void shoal_moving_figures(struct shoal_moving_figures *figures) {
    struct class_totals totals = {0};
    process_init();
    if (may_touch_object_heap()) heap_take_remote(&object_heap);
    arenas_lock(&object_arenas);
    each_run(add_to_totals, &totals);
    arenas_unlock(&object_arenas);
    *figures = (struct shoal_moving_figures){.resident = totals.resident};
    add_figures(figures, &totals);
}

/* ---- Live blocks ---------------------------------------------------------------- */

static void set_first_bits(uint64_t *bits, size_t count) {
    for (size_t i = 0; i < SHOAL_MOVING_WORDS; i++) {
        size_t here = count > i * 64 ? count - i * 64 : 0;
        bits[i] = here >= 64 ? UINT64_MAX : (UINT64_C(1) << here) - 1;
    }
}

/* All that were carved, less those in the free list. */
static void find_live(struct shoal_moving_pool *found, const struct pool *pool) {
    set_first_bits(found->live, pool->carved);
    if (pool->kind == POOL_FULL) return;
    uintptr_t block = (uintptr_t)pool->free;
    for (; !is_end(block); block = decoded_link((void *)block)) {
        pool_check_link(pool, found->start, (void *)block);
        size_t index = (block - (uintptr_t)found->start - found->first) / found->block_bytes;
        found->live[index / 64] &= ~(UINT64_C(1) << index % 64);
    }
}

/* The links of a sparse pool lead all over its page: all of it is asked for at once. */
static void ask_for(const struct pool *pool, const char *start) {
    enum { LINE = 64 };
    if (pool >= only_arena()->records + only_arena()->top) return;
    if (!is_pool(pool) || pool->kind == POOL_FULL) return;
    for (size_t i = 0; i < PAGE_BYTES; i += LINE) __builtin_prefetch(start + i);
}

struct teller {
    shoal_moving_tell *tell;
    void *context;
};

static void tell_pool(const struct pool *pool, char *start, void *context) {
    const struct teller *teller = context;
    if (!is_pool(pool)) return;
    const struct size_class *class = pool_class(pool);
    struct shoal_moving_pool found = {
        .start = start,
        .block_bytes = class->block_bytes,
        .blocks = class->blocks,
        .first = class->first,
        .pages = class->pages,
        .size_class = pool->size_class,
        .is_current = pool->kind == POOL_CURRENT,
    };
    ask_for(pool + class->pages, start + (size_t)class->pages * PAGE_BYTES);
    find_live(&found, pool);
    teller->tell(teller->context, &found);
}

void shoal_moving_pools(shoal_moving_tell *tell, void *context) {
    each_run(tell_pool, &(struct teller){tell, context});
}

static void count_pool(const struct pool *pool, char *start, void *context) {
    (void)start;
    *(size_t *)context += is_pool(pool);
}

size_t shoal_moving_pool_count(void) {
    size_t count = 0;
    each_run(count_pool, &count);
    return count;
}

struct large_list {
    struct shoal_moving_large *larges;
    size_t room, count;
};

static void list_large(const struct pool *record, char *start, void *context) {
    struct large_list *list = context;
    if (record->kind != PAGE_LARGE || list->count++ >= list->room) return;
    list->larges[list->count - 1] =
        (struct shoal_moving_large){start, record->run_pages << PAGE_SHIFT};
}

size_t shoal_moving_larges(struct shoal_moving_large *larges, size_t room) {
    struct large_list list = {larges, room, 0};
    each_run(list_large, &list);
    return list.count;
}

/* ---- Beginning and ending --------------------------------------------------------- */

enum shoal_moving_state shoal_moving_begin(struct shoal_moving_place *place) {
    process_init();
    if (!may_touch_object_heap()) return SHOAL_MOVING_NOT_ALLOWED;
    if (object_arenas.arena_count == 0) return SHOAL_MOVING_NO_BLOCKS;
    if (object_arenas.arena_count > 1) return SHOAL_MOVING_SCATTERED;
    heap_take_remote(&object_heap);
    threads_lock_all();
    const struct arena *arena = only_arena();
    *place = (struct shoal_moving_place){
        .pages = (char *)arena->pages,
        .page_count = arena->top,
        .mapped = arena->committed << PAGE_SHIFT,
        .records = (const char *)arena->records,
        .record_bytes = arena->records_committed,
    };
    return SHOAL_MOVING_BEGUN;
}

void shoal_moving_end(void) { threads_unlock_all(); }

/* ---- Taking and giving ------------------------------------------------------------- */

static struct pool *pool_at(const char *start) {
    return &only_arena()->records[((uintptr_t)start - only_arena()->pages) >> PAGE_SHIFT];
}

/* What was partial may have gone since, when others freed all that was left in it. */
static bool is_partial(const struct pool *pool, unsigned size_class) {
    return pool->kind == POOL_PARTIAL && pool->size_class == size_class;
}

void shoal_moving_order(unsigned size_class, char *const *starts, size_t count) {
    object_heap.partial[size_class] = (struct list){NULL, NULL};
    for (size_t i = 0; i < count; i++) {
        struct pool *pool = pool_at(starts[i]);
        if (is_partial(pool, size_class)) partial_insert(&object_heap, pool);
    }
}

void shoal_moving_open(char *start) {
    struct pool *pool = pool_at(start);
    if (pool->kind == POOL_PARTIAL) partial_insert(&object_heap, pool);
}

void *shoal_moving_take(unsigned size_class) { return heap_take(&object_heap, size_class); }

void shoal_moving_give(void *block) {
    struct pool *record = arenas_record(&object_arenas, block);
    if (!pool_give_fast(record, block)) heap_give_slow(&object_heap, record, block);
}

void shoal_moving_give_pool(char *start) {
    struct pool *pool = pool_at(start);
    arenas_give(&object_arenas, pool, pool_class(pool)->pages);
}
