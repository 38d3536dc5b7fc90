/* moving.c: the interpreter's heap as a mover sees it. */
#include "made_up_objects.h"

enum { POOLS = 4096 };
static struct shoal_moving_pool pools[POOLS];
static struct shoal_moving_place place;

static size_t pool_count;

static void list_pool(void *context, const struct shoal_moving_pool *pool) {
    (void)context;
    assert_true(pool_count < POOLS);
    pools[pool_count++] = *pool;
}

static size_t list_pools(void) {
    pool_count = 0;
    shoal_moving_pools(list_pool, NULL);
    assert_int_equal(pool_count, shoal_moving_pool_count());
    return pool_count;
}

static bool never(void) { return false; }

static void only_who_holds_the_lock_may_begin(void **state) {
    (void)state;
    may_touch_object_heap = never;
    assert_int_equal(shoal_moving_begin(&place), SHOAL_MOVING_NOT_ALLOWED);
    may_touch_object_heap = always;
}

static bool is_live(const void *block) {
    size_t count = list_pools();
    for (size_t i = 0; i < count; i++) {
        size_t offset = (size_t)((const char *)block - pools[i].start);
        if (offset >= (size_t)pools[i].pages * SHOAL_MOVING_PAGE) continue;
        size_t index = (offset - pools[i].first) / pools[i].block_bytes;
        return pools[i].live[index / 64] >> index % 64 & 1;
    }
    return false;
}

static void live_blocks_are_those_handed_out(void **state) {
    (void)state;
    make_sparse(1, 7);
    void *freed = root[1];
    unmake(&root[1]);
    assert_int_equal(shoal_moving_begin(&place), SHOAL_MOVING_BEGUN);
    size_t count = list_pools(), live = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < SHOAL_MOVING_WORDS; j++)
            live += (size_t)__builtin_popcountll(pools[i].live[j]);
    assert_int_equal(live, check_roots());
    for (size_t i = 8; i < 500; i += 7) assert_true(is_live(root[i]));
    assert_false(is_live(freed));
    shoal_moving_end();
}

static void large_blocks_are_told_of(void **state) {
    (void)state;
    struct shoal_moving_large large;
    assert_int_equal(shoal_moving_larges(&large, 1), 0);
}

static const char *pool_start(const void *block) {
    return (const char *)((uintptr_t)block & ~(uintptr_t)(SHOAL_MOVING_PAGE - 1));
}

/* All pools of the class that have free blocks, but the current one; their starts. */
static size_t partial_pools(unsigned class, char **starts) {
    size_t count = list_pools(), partial = 0;
    for (size_t i = 0; i < count; i++) {
        size_t live = 0;
        for (size_t j = 0; j < SHOAL_MOVING_WORDS; j++)
            live += (size_t)__builtin_popcountll(pools[i].live[j]);
        if (pools[i].size_class == class && !pools[i].is_current && live < pools[i].blocks)
            starts[partial++] = pools[i].start;
    }
    return partial;
}

static void give_chain(struct made *last) {
    while (last) {
        struct made *next = last->slot[0];
        unmake(&last);
        last = next;
    }
}

static void blocks_come_from_open_pools_in_their_order(void **state) {
    static char *starts[POOLS];
    unsigned class = class_of(sizeof(struct made));
    size_t seen[2] = {0};
    struct made *last = NULL;
    (void)state;
    make_sparse(0, 10);
    assert_int_equal(shoal_moving_begin(&place), SHOAL_MOVING_BEGUN);
    size_t partial = partial_pools(class, starts);
    shoal_moving_order(class, starts + partial - 2, 2);
    for (int i = 0; i < 200; i++) {
        struct made *made = make(0);
        seen[0] += pool_start(made) == starts[partial - 2];
        seen[1] += pool_start(made) == starts[partial - 1];
        if (seen[1]) assert_true(seen[0] > 40);
        for (size_t j = 0; j < partial - 2; j++) assert_ptr_not_equal(pool_start(made), starts[j]);
        made->slot[0] = last;
        last = made;
    }
    assert_true(seen[1] > 40);
    for (size_t i = 0; i < partial - 2; i++) shoal_moving_open(starts[i]);
    shoal_moving_end();
    give_chain(last);
    shoal_check();
}

static void figures_are_those_of_live_pools(void **state) {
    (void)state;
    struct shoal_moving_figures figures;
    make_sparse(0, 10);
    shoal_moving_figures(&figures);
    assert_int_equal(figures.live, ROOTS / 10 * 64);
    assert_true(figures.resident >= ROOTS / 64 * (size_t)SHOAL_MOVING_PAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_objects, end_objects)
        TEST(only_who_holds_the_lock_may_begin), TEST(live_blocks_are_those_handed_out),
        TEST(large_blocks_are_told_of),          TEST(blocks_come_from_open_pools_in_their_order),
        TEST(figures_are_those_of_live_pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
