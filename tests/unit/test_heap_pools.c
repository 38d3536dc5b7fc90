/* heap.c: which pool serves next, which ones are kept, and freeing twice. On a
 * heap of its own, with arenas of its own. */
#include <sys/mman.h>

#include "dies.h"
#include "heap/fast_paths.h"
#include "heap/process.h"

enum { CLASS = 8, OTHER_CLASS = 20, ID = 7, ROOM = 20000 };

static struct arenas arenas;
static struct heap heap;
static void *blocks[ROOM];

static int begin(void **state) {
    (void)state;
    process_init(); /* the key of the links */
    arenas_init(memset(&arenas, 0, sizeof(arenas)), true);
    arenas.heap_count = 1;
    heap_init(&heap, &arenas, ID);
    return 0;
}

static int end(void **state) {
    (void)state;
    for (size_t i = 0; i < arenas.arena_count; i++) {
        struct arena *arena = &arenas.arena[i];
        size_t records = arena->pages - (uintptr_t)arena->records;
        os_unmap(arena->records, records + (arena->page_count << PAGE_SHIFT));
    }
    return 0;
}

/* A block as a program has it: with something of its own in it. */
static void *take(unsigned class) {
    void *block = heap_take(&heap, class);
    assert_non_null(block);
    return memset(block, 1, size_classes[class].block_bytes);
}

static void give(void *block) {
    struct pool *record = arenas_record(&arenas, block);
    if (!pool_give_fast(record, block)) heap_give_slow(&heap, record, block);
}

static struct pool *pool_of_block(void *block) {
    struct pool *record = arenas_record(&arenas, block);
    return record->kind == POOL_TAIL ? record - record->back_pages : record;
}

/* Takes `pools` whole pools of the class and the first block of another one. */
static size_t take_pools(unsigned class, size_t pools) {
    size_t count = pools * size_classes[class].blocks + 1;
    assert_true(count <= ROOM);
    for (size_t i = 0; i < count; i++) blocks[i] = take(class);
    return count;
}

static void give_range(size_t from, size_t to) {
    for (size_t i = from; i < to; i++) give(blocks[i]);
}

static size_t empty_pages_listed(void) {
    size_t pages = 0;
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        for (struct pool *pool = heap.empty[class]; pool; pool = pool->next) {
            assert_int_equal(pool->kind, POOL_EMPTY);
            assert_int_equal(pool->size_class, class);
            assert_int_equal(pool->frees_left, 0);
            assert_int_equal(pool_live(pool), 0);
            pages += size_classes[class].pages;
        }
    }
    return pages;
}

/* ---- Empty pools ----------------------------------------------------------- */

static void empty_pools_stay_within_half_of_the_reserve(void **state) {
    static const unsigned classes[] = {CLASS, 40, 56};
    (void)state;
    for (size_t k = 0; k < COUNT_OF(classes); k++) {
        size_t count = take_pools(classes[k], 100), limit = arenas.reserve.limit / 2;
        for (size_t i = 0; i < count; i++) {
            give(blocks[i]);
            limit = arenas.reserve.limit / 2 > limit ? arenas.reserve.limit / 2 : limit;
            assert_true(heap.empty_pages <= limit);
        }
        assert_true(heap.empty_pages > 0);
        assert_int_equal(heap.empty_pages, empty_pages_listed());
    }
}

static void heaps_share_what_may_be_kept(void **state) {
    (void)state;
    arenas.heap_count = 4;
    arenas.reserve.limit = 160;
    give_range(0, take_pools(CLASS, 50));
    assert_int_equal(heap.empty_pages, 160 / 2 / 4);
    assert_int_equal(heap.empty_pages, empty_pages_listed());
}

static void a_few_are_kept_in_any_case(void **state) {
    (void)state;
    arenas.reserve.limit = 0;
    give_range(0, take_pools(CLASS, 50));
    assert_true(heap.empty_pages > 0 && heap.empty_pages <= 16);
}

static void they_go_when_the_reserve_comes_down(void **state) {
    size_t per_pool = size_classes[OTHER_CLASS].blocks;
    (void)state;
    arenas.reserve.limit = 400;
    give_range(0, take_pools(CLASS, 150));
    assert_true(heap.empty_pages > 16);
    take_pools(OTHER_CLASS, 2);
    arenas.reserve.limit = 20;
    give_range(0, per_pool); /* one more empty pool */
    assert_int_equal(heap.empty_pages, 1);
    assert_int_equal(heap.empty_pages, empty_pages_listed());
    assert_null(heap.empty[CLASS]);
    give_range(per_pool, 2 * per_pool + 1);
}

static void they_serve_before_new_pools_newest_first(void **state) {
    size_t count = take_pools(CLASS, 10);
    (void)state;
    give_range(0, count);
    struct pool *newest = heap.empty[CLASS];
    size_t top = arenas.arena[0].top, empty = heap.empty_pages;
    assert_int_equal(empty, 10);
    size_t in_current = size_classes[CLASS].blocks;
    for (size_t i = 0; i < in_current; i++) blocks[i] = take(CLASS);
    assert_ptr_equal(pool_of_block(take(CLASS)), newest);
    assert_int_equal(newest->kind, POOL_CURRENT);
    assert_int_equal(pool_live(newest), 1);
    assert_int_equal(heap.empty_pages, empty - 1);
    for (size_t i = 1; i < empty * in_current; i++) take(CLASS);
    assert_int_equal(heap.empty_pages, 0);
    assert_int_equal(arenas.arena[0].top, top);
}

/* Memory that is resident serves another class rather than fresh memory. */
static void they_serve_other_classes_before_fresh_pages(void **state) {
    (void)state;
    give_range(0, take_pools(CLASS, 10));
    arenas_return_all(&arenas);
    assert_int_equal(heap.empty_pages, 10);
    size_t top = arenas.arena[0].top;
    void *block = take(OTHER_CLASS);
    assert_int_equal(heap.empty_pages, 0);
    assert_int_equal(arenas.arena[0].top, top);
    assert_int_equal(arenas.dirty_pages, 9);
    give(block);
}

static void retiring_leaves_no_page(void **state) {
    static const unsigned classes[] = {0, 1, CLASS, 33, 40, 56};
    (void)state;
    for (size_t k = 0; k < COUNT_OF(classes); k++) {
        give_range(0, take_pools(classes[k], 5));
        heap_retire_empty(&heap);
        assert_int_equal(heap.empty_pages, 0);
        assert_int_equal(empty_pages_listed(), 0);
        assert_ptr_equal(heap.current[classes[k]], &no_pool);
        assert_int_equal(arenas.dirty_pages + arenas.clean_pages, arenas.arena[0].top);
    }
}

/* ---- Partial pools --------------------------------------------------------- */

static void assert_queue(unsigned class, struct pool **pools, size_t count) {
    struct list *list = &heap.partial[class];
    struct pool *pool = list->first, *before = NULL;
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(pool, pools[i]);
        assert_int_equal(pool->kind, POOL_PARTIAL);
        assert_ptr_equal(pool->prev, before);
        before = pool;
        pool = pool->next;
    }
    assert_null(pool);
    assert_ptr_equal(list->last, before);
}

/* The one that has waited longest serves first. */
static void partial_pools_wait_in_a_queue(void **state) {
    size_t per_pool = size_classes[CLASS].blocks, count = take_pools(CLASS, 4);
    struct pool *queue[3];
    (void)state;
    const size_t order[] = {2, 0, 3};
    for (size_t i = 0; i < 3; i++) {
        give(blocks[order[i] * per_pool + 5]);
        give(blocks[order[i] * per_pool + 9]);
        queue[i] = pool_of_block(blocks[order[i] * per_pool]);
        assert_queue(CLASS, queue, i + 1);
    }
    for (size_t i = count; i < 5 * per_pool; i++) take(CLASS); /* the current one's rest */
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(take(CLASS), blocks[order[i] * per_pool + 9]);
        assert_ptr_equal(heap.current[CLASS], queue[i]);
        assert_queue(CLASS, queue + i + 1, 2 - i);
        assert_ptr_equal(take(CLASS), blocks[order[i] * per_pool + 5]);
    }
}

/* In the middle, at the front and at the end of the queue. */
static void a_pool_that_becomes_empty_leaves_the_queue(void **state) {
    size_t per_pool = size_classes[CLASS].blocks;
    struct pool *queue[3];
    (void)state;
    take_pools(CLASS, 3);
    for (size_t i = 0; i < 3; i++) {
        give(blocks[i * per_pool]);
        queue[i] = pool_of_block(blocks[i * per_pool]);
    }
    give_range(per_pool + 1, 2 * per_pool);
    assert_queue(CLASS, (struct pool *[]){queue[0], queue[2]}, 2);
    give_range(2 * per_pool + 1, 3 * per_pool);
    assert_queue(CLASS, queue, 1);
    give_range(1, per_pool);
    assert_queue(CLASS, NULL, 0);
    assert_int_equal(heap.empty_pages, 3);
}

/* ---- Frees that need a look ------------------------------------------------- */

/* What a program wrote may look like a link: the block is freed all the same. */
static void a_live_block_may_look_linked(void **state) {
    (void)state;
    for (unsigned class = 1; class < CLASS_COUNT; class++) {
        char *first = take(class), *second = take(class);
        write_link(second, (uintptr_t)first);
        assert_true(looks_linked(second));
        assert_false(pool_give_fast(arenas_record(&arenas, second), second));
        size_t live = pool_live(pool_of_block(second));
        give(second);
        assert_int_equal(pool_live(pool_of_block(second)), live - 1);
        give(first);
    }
}

static void give_again(void *block) { give(block); }

static void assert_dies_of_double_free(unsigned class, void *block) {
    char line[200];
    snprintf(line, sizeof(line), "shoal: double free of %p: the %u-byte block is already free",
             block, size_classes[class].block_bytes);
    assert_dies(give_again, block, line);
}

/* In pools of one page and of several, on their first page and behind it,
 * wherever the block is in the list; with a live block beside it, and without. */
static void freeing_twice_is_noticed_in_every_class(void **state) {
    (void)state;
    for (unsigned class = 1; class < CLASS_COUNT; class += 5) {
        size_t count = size_classes[class].blocks;
        for (size_t i = 0; i < count; i++) blocks[i] = take(class);
        void *live = take(class); /* the first pool is full, not current */
        give_range(1, count);
        for (size_t i = 1; i < count; i += count / 4 + 1)
            assert_dies_of_double_free(class, blocks[i]);
        give(blocks[0]);
        assert_int_equal(pool_of_block(blocks[0])->kind, POOL_EMPTY);
        for (size_t i = 0; i < count; i += count / 4 + 1)
            assert_dies_of_double_free(class, blocks[i]);
        give(live);
        assert_dies_of_double_free(class, live);
        heap_retire_empty(&heap); /* room for the next ones */
    }
}

/* ---- Many interpreters: the fast path is closed for good --------------------- */

static void without_the_fast_path_everything_still_works(void **state) {
    struct pool *record;
    (void)state;
    void *early = take(CLASS);
    assert_true(record_fast(&arenas, early, &record));
    arenas.no_fast_path = true;
    arenas.first_count = 0;
    for (int round = 0; round < 3; round++) {
        size_t count = take_pools(CLASS, 300); /* far past what was committed */
        for (size_t i = 0; i < count; i++) assert_false(record_fast(&arenas, blocks[i], &record));
        assert_int_equal(arenas.first_count, 0);
        give_range(0, count);
    }
    assert_false(record_fast(&arenas, early, &record));
    give(early);
    heap_retire_empty(&heap);
    assert_int_equal(arenas.dirty_pages + arenas.clean_pages, arenas.arena[0].top);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(empty_pools_stay_within_half_of_the_reserve),
        TEST(heaps_share_what_may_be_kept),
        TEST(a_few_are_kept_in_any_case),
        TEST(they_go_when_the_reserve_comes_down),
        TEST(they_serve_before_new_pools_newest_first),
        TEST(they_serve_other_classes_before_fresh_pages),
        TEST(retiring_leaves_no_page),
        TEST(partial_pools_wait_in_a_queue),
        TEST(a_pool_that_becomes_empty_leaves_the_queue),
        TEST(a_live_block_may_look_linked),
        TEST(freeing_twice_is_noticed_in_every_class),
        TEST(without_the_fast_path_everything_still_works),
    };
    return cmocka_run_group_tests_name("heap's pools", tests, NULL, NULL);
}
