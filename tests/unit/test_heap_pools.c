/* heap.c: where pools come from, which one serves next, when they go, and freeing
 * twice. On a heap of its own, with arenas of its own. */
#include "dies.h"
#include "own_heap.h"

enum { CLASS = 8, OTHER_CLASS = 20, ROOM = 20000 };

static void *blocks[ROOM];

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

/* All that the arenas have is free, but for what is taken ahead. */
static void assert_all_free(void) {
    assert_int_equal(arenas.arena_count, 1);
    assert_int_equal(arenas.dirty_pages + arenas.clean_pages + pages_ahead(), arenas.arena[0].top);
}

/* ---- Pools from pages taken ahead ---------------------------------------------- */

static size_t page_number(void *block) {
    return (size_t)(pool_of_block(block) - arenas.arena[0].records);
}

/* With two classes in turn, each has its pools in rows, longer and longer. */
static void the_pools_of_a_class_follow_each_other(void **state) {
    size_t per_pool[2] = {size_classes[CLASS].blocks, size_classes[OTHER_CLASS].blocks};
    size_t last[2] = {0}, rows[2] = {0};
    (void)state;
    for (int pool = 0; pool < 200; pool++) {
        for (int which = 0; which < 2; which++) {
            void *block = NULL;
            for (size_t i = 0; i < per_pool[which]; i++) block = take(which ? OTHER_CLASS : CLASS);
            rows[which] += page_number(block) != last[which] + 1;
            last[which] = page_number(block);
        }
    }
    for (int which = 0; which < 2; which++) assert_true(rows[which] < 200 / 8);
}

static void retiring_leaves_no_page(void **state) {
    static const unsigned classes[] = {0, 1, CLASS, 33, 40, 56};
    (void)state;
    for (size_t k = 0; k < COUNT_OF(classes); k++) {
        give_range(0, take_pools(classes[k], 5));
        assert_int_not_equal(heap.current[classes[k]]->kind, POOL_FULL);
        heap_retire_empty(&heap);
        assert_ptr_equal(heap.current[classes[k]], &no_pool);
        assert_int_equal(pages_ahead(), 0);
        assert_all_free();
    }
}

/* ---- Pools without a live block ------------------------------------------------ */

/* Of every class: only the current pool stays, though it is empty too. */
static void empty_pools_go_at_once(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        size_t count = take_pools(class, 3);
        give_range(0, count);
        assert_int_equal(heap.current[class]->kind, POOL_CURRENT);
        assert_int_equal(pool_live(heap.current[class]), 0);
        assert_null(heap.partial[class].first);
        assert_int_equal(arenas.dirty_pages + arenas.clean_pages + pages_ahead() +
                             size_classes[class].pages,
                         arenas.arena[0].top);
        heap_retire_empty(&heap);
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
    assert_true(arenas.dirty_pages >= 3);
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
        give(blocks[0]); /* the pool is gone */
        assert_false(is_pool(pool_of_block(blocks[0])));
        for (size_t i = 0; i < count; i += count / 4 + 1)
            assert_dies_of_double_free(class, blocks[i]);
        give(live);
        assert_dies_of_double_free(class, live);
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
    assert_all_free();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_heap, end_arenas)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_pools_of_a_class_follow_each_other),
        TEST(retiring_leaves_no_page),
        TEST(empty_pools_go_at_once),
        TEST(partial_pools_wait_in_a_queue),
        TEST(a_pool_that_becomes_empty_leaves_the_queue),
        TEST(a_live_block_may_look_linked),
        TEST(freeing_twice_is_noticed_in_every_class),
        TEST(without_the_fast_path_everything_still_works),
    };
    return cmocka_run_group_tests_name("heap's pools", tests, NULL, NULL);
}
