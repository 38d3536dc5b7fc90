/* Where the memory is: one pass over the records of every page ever used. */
#include <string.h>

#include "heap/counters.h"
#include "heap/huge.h"
#include "heap/idle.h"
#include "heap/mapping.h"
#include "heap/pages.h"
#include "heap/process.h"
#include "heap/threads.h"
#include "shoal/heap.h"

static struct arenas *const every_arenas[] = {&object_arenas, &shared_arenas};
enum { ARENAS_KINDS = sizeof every_arenas / sizeof *every_arenas };

struct sums {
    size_t live, large, pinned, reserve, huge, ahead;
    struct shoal_class_usage classes[CLASS_COUNT];
};

static void add_pool(struct sums *sums, const struct pool *pool) {
    struct shoal_class_usage *class = &sums->classes[pool->size_class];
    size_t blocks = pool_live(pool);
    size_t live = blocks * pool_class(pool)->block_bytes;
    class->pools++;
    class->live_blocks += blocks;
    class->live += live;
    sums->live += live;
    if (blocks == 0) {
        sums->reserve += pool_resident_bytes(pool);
        return;
    }
    class->held += pool_resident_bytes(pool) - live;
    sums->pinned += pool_resident_bytes(pool) - live;
}

static bool is_clean_ahead(const struct pool *record) {
    return record->kind == PAGE_AHEAD && record->carved == 0;
}

/* The length in pages of the run that starts at `record`. */
static size_t length_of(const struct pool *record) {
    size_t pages = is_pool(record) ? pool_class(record)->pages : record->run_pages;
    return pages ? pages : 1;
}

static void add_run(struct sums *sums, const struct pool *record) {
    size_t pages = length_of(record);
    if (is_pool(record)) {
        add_pool(sums, record);
    } else if (record->kind == PAGE_LARGE) {
        sums->live += pages << PAGE_SHIFT;
        sums->large += pages << PAGE_SHIFT;
    } else if (record->kind != PAGE_CLEAN && !is_clean_ahead(record)) {
        sums->reserve += pages << PAGE_SHIFT;
    }
}

static void add_arenas(struct sums *sums, struct arenas *arenas) {
    arenas_lock(arenas);
    for (size_t i = 0; i < arenas->arena_count; i++) {
        struct arena *arena = &arenas->arena[i];
        size_t page = 0;
        while (page < arena->top) {
            add_run(sums, &arena->records[page]);
            page += length_of(&arena->records[page]);
        }
        sums->ahead += huge_ahead(arena) << PAGE_SHIFT;
        sums->huge += huge_bytes(arena);
    }
    arenas_unlock(arenas);
}

/* Blocks of the caller's heaps that others freed are free from now on, and of other
 * heaps whole pools of them. */
static void settle(void) {
    process_init();
    if (thread_heap != &no_heap) heap_take_remote(thread_heap);
    if (may_touch_object_heap()) heap_take_remote(&object_heap);
    threads_collect();
}

static void sum_up(struct sums *sums) {
    memset(sums, 0, sizeof *sums);
    settle();
    for (unsigned class = 0; class < CLASS_COUNT; class++)
        sums->classes[class].block_size = size_classes[class].block_bytes;
    for (unsigned i = 0; i < ARENAS_KINDS; i++) add_arenas(sums, every_arenas[i]);
    size_t mapped = atomic_load(&counters.mapped);
    sums->live += mapped;
    sums->large += mapped;
    sums->reserve += mapping_kept() + sums->ahead;
}

/* Records are touched in order, so whole pages up to the last one used; less those that have
 * gone back since. */
static size_t metadata_bytes(size_t *touched) {
    size_t own = atomic_load(&counters.own), resident = own;
    *touched = own;
    for (unsigned i = 0; i < ARENAS_KINDS; i++)
        for (size_t j = 0; j < every_arenas[i]->arena_count; j++) {
            const struct arena *arena = &every_arenas[i]->arena[j];
            size_t bytes = whole_pages(arena->top * sizeof(struct pool));
            *touched += bytes;
            resident += os_resident(arena->records, bytes);
        }
    return resident;
}

void shoal_usage(struct shoal_usage *usage) {
    struct sums sums;
    sum_up(&sums);
    size_t touched, metadata = metadata_bytes(&touched);
    *usage = (struct shoal_usage){
        .live = sums.live,
        .held = sums.pinned + sums.reserve,
        .pinned = sums.pinned,
        .reserve = sums.reserve,
        .returned = atomic_load(&counters.returned) << PAGE_SHIFT,
        .metadata = metadata,
        .large = sums.large,
        .peak = (atomic_load(&counters.peak) << PAGE_SHIFT) + touched + sums.ahead,
        .huge = sums.huge,
    };
}

size_t shoal_object_bytes(void) {
    struct sums sums = {0};
    process_init();
    if (may_touch_object_heap()) heap_take_remote(&object_heap);
    add_arenas(&sums, &object_arenas);
    return sums.live - sums.large;
}

/* Class 0, requests of no bytes, has the blocks of class 1. */
size_t shoal_class_usage(struct shoal_class_usage *classes, size_t room) {
    struct sums sums;
    sum_up(&sums);
    struct shoal_class_usage *first = &sums.classes[1], *none = &sums.classes[0];
    first->pools += none->pools;
    first->live_blocks += none->live_blocks;
    first->live += none->live;
    first->held += none->held;
    size_t count = CLASS_COUNT - 1;
    if (room > 0) memcpy(classes, first, (room < count ? room : count) * sizeof *classes);
    return count;
}

struct pool_list {
    struct shoal_live_pool *pools;
    size_t room, count;
};

static void list_pool(struct pool_list *list, const struct pool *pool, const void *start) {
    const struct size_class *class = pool_class(pool);
    if (list->count++ >= list->room) return;
    list->pools[list->count - 1] = (struct shoal_live_pool){
        .start = start,
        .bytes = (size_t)class->pages << PAGE_SHIFT,
        .resident = pool_resident_bytes(pool),
        .block_size = class->block_bytes,
        .live_blocks = pool_live(pool),
    };
}

static void list_pools(struct pool_list *list, const struct arena *arena) {
    const struct pool *record = arena->records, *end = arena->records + arena->top;
    for (; record < end; record += length_of(record))
        if (is_pool(record) && pool_live(record) > 0)
            list_pool(list, record, page_address(arena, record));
}

size_t shoal_live_pools(struct shoal_live_pool *pools, size_t room) {
    struct pool_list list = {pools, room, 0};
    settle();
    for (unsigned i = 0; i < ARENAS_KINDS; i++) {
        arenas_lock(every_arenas[i]);
        for (size_t j = 0; j < every_arenas[i]->arena_count; j++)
            list_pools(&list, &every_arenas[i]->arena[j]);
        arenas_unlock(every_arenas[i]);
    }
    return list.count;
}

void shoal_pulse(struct shoal_pulse *pulse) {
    pulse->resident = atomic_load_explicit(&counters.resident, memory_order_relaxed) << PAGE_SHIFT;
    pulse->large = (atomic_load_explicit(&counters.runs, memory_order_relaxed) << PAGE_SHIFT) +
                   atomic_load_explicit(&counters.mapped, memory_order_relaxed);
    pulse->threads = atomic_load_explicit(&shared_arenas.pooled, memory_order_relaxed)
                     << PAGE_SHIFT;
    size_t returned = atomic_load_explicit(&counters.returned, memory_order_relaxed);
    size_t unasked = atomic_load_explicit(&counters.unasked, memory_order_relaxed);
    pulse->returned = (returned - unasked) << PAGE_SHIFT;
}

size_t shoal_block_bytes(size_t size) {
    if (size <= POOLED_MAX) return size_classes[class_of(size)].block_bytes;
    return (size + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

struct range_list {
    struct shoal_range *ranges;
    size_t room, count;
};

static void add_range(struct range_list *list, const void *start, size_t bytes, int is_metadata) {
    if (list->count < list->room)
        list->ranges[list->count] = (struct shoal_range){start, bytes, is_metadata};
    list->count++;
}

static void add_mapping(void *start, size_t bytes, bool in_use, void *list) {
    (void)in_use;
    add_range(list, start, bytes, 0);
}

size_t shoal_ranges(struct shoal_range *ranges, size_t room) {
    struct range_list list = {ranges, room, 0};
    for (unsigned i = 0; i < ARENAS_KINDS; i++)
        for (size_t j = 0; j < every_arenas[i]->arena_count; j++) {
            struct arena *arena = &every_arenas[i]->arena[j];
            add_range(&list, arena->records, arena->records_committed, 1);
            add_range(&list, (void *)arena->pages, arena->committed << PAGE_SHIFT, 0);
        }
    mapping_each(add_mapping, &list);
    return list.count;
}

size_t shoal_trim(void) {
    process_init();
    idle_pause(); /* there is nothing left to look after, nor a thread to be seen */
    threads_retire_empty();
    if (may_touch_object_heap()) {
        heap_take_remote(&object_heap);
        heap_retire_empty(&object_heap);
    }
    size_t pages = arenas_return_all(&shared_arenas) + arenas_return_all(&object_arenas);
    pages += mapping_return_all();
    idle_go_on();
    return pages << PAGE_SHIFT;
}

const char *shoal_version(void) { return SHOAL_VERSION; }
