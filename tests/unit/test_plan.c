/* plan.c: which pools are emptied. */
#include "compact/plan.h"
#include "heap/pages.h"
#include "made_up_objects.h"

static struct own_mover *planned(void) {
    begin_mover(false);
    scan_and_judge();
    assert_true(shoal_mover_plan(mover));
    return own_mover_of(mover);
}

static size_t count_sources(void) {
    size_t count = 0;
    for (uint32_t i = 0; i < mover->pool_count; i++) count += mover->pools[i].is_source;
    return count;
}

static void as_many_are_emptied_as_the_others_have_room_for(void **state) {
    (void)state;
    make_sparse(0, 10);
    planned();
    size_t need = 0, room = 0;
    for (uint32_t i = 0; i < mover->pool_count; i++) {
        const struct shoal_mover_pool *pool = &mover->pools[i];
        if (pool->is_source) {
            need += pool->live_blocks;
        } else if (!pool->is_current && pool->movable == pool->live_blocks) {
            room += (size_t)(pool->blocks - pool->live_blocks);
        }
    }
    assert_true(count_sources() > mover->pool_count * 8 / 10);
    assert_true(need <= room + 200);
    shoal_mover_delete(mover);
}

/* Of two regions of 2 MiB, apart by as much. In the second is less, though some of its pools
 * are fuller than any of the first. */
static void a_sparse_region_is_emptied_whole(void **state) {
    enum { HALF = ROOTS / 2, A_POOL = 63, REGION = 512 };
    bool zeroed;
    (void)state;
    for (size_t i = 0; i < HALF; i++) root[i] = make(i);
    struct pool *between = arenas_take(&object_arenas, 2 * REGION, 1, &zeroed);
    between->kind = PAGE_LARGE;
    for (size_t i = HALF; i < ROOTS; i++) root[i] = make(i);
    uintptr_t apart = (uintptr_t)run_start(&object_arenas, between);
    for (size_t i = 0; i < ROOTS; i++) {
        bool is_first = (uintptr_t)root[i] < apart;
        bool is_fuller = i / A_POOL % 20 == 0 && i % A_POOL < A_POOL * 2 / 3;
        if (is_first ? i % 4 != 0 : !is_fuller) unmake(&root[i]);
    }
    planned();
    for (uint32_t i = 0; i < mover->pool_count; i++) {
        const struct shoal_mover_pool *pool = &mover->pools[i];
        bool is_second = (uintptr_t)shoal_pool_start(mover, pool) > apart;
        if (is_second && !pool->is_current) assert_true(pool->is_source);
    }
    shoal_mover_delete(mover);
    arenas_give(&object_arenas, between, 2 * REGION);
}

static void pools_that_are_nearly_full_are_emptied_last(void **state) {
    (void)state;
    for (size_t i = 0; i < ROOTS; i++) root[i] = make(i);
    for (size_t i = 0; i < ROOTS; i++)
        if (i % 5 == 0) unmake(&root[i]);
    for (size_t i = ROOTS / 2; i < ROOTS; i++)
        if (i % 10 != 3 && root[i]) unmake(&root[i]);
    planned();
    for (uint32_t i = 0; i < mover->pool_count; i++) {
        const struct shoal_mover_pool *pool = &mover->pools[i];
        bool is_nearly_full = pool->live_blocks * 4 >= pool->blocks * 3;
        if (!is_nearly_full && !pool->is_current) assert_true(pool->is_source);
    }
    shoal_mover_delete(mover);
}

static void a_pool_with_a_block_that_stays_is_filled_first(void **state) {
    (void)state;
    make_sparse(0, 10);
    root[5000]->references++;
    struct own_mover *own = planned();
    struct shoal_found found;
    assert_true(shoal_find(mover, (uintptr_t)root[5000], &found));
    assert_false(found.pool->is_source);
    unsigned class = class_of(sizeof(struct made));
    uint32_t first = own->ranks->pools[own->ranks->first[class]];
    assert_true(mover->pools[first].movable < mover->pools[first].live_blocks);
    shoal_mover_delete(mover);
    root[5000]->references--;
}

static void dense_pools_are_left_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < ROOTS; i++) root[i] = make(i);
    planned();
    assert_int_equal(count_sources(), 0);
    assert_int_equal(mover->source_bytes, 0);
    shoal_mover_delete(mover);
}

static void without_memory_nothing_moves(void **state) {
    (void)state;
    make_sparse(0, 10);
    for (int fail = 0; fail < 12; fail++) {
        os_fail_after = fail;
        enum shoal_mover_state made = shoal_mover_new(&mover, &client, false);
        bool is_planned = false;
        if (made == SHOAL_MOVER_MADE) {
            each_slot(count_slot);
            is_planned = shoal_mover_scan(mover, __builtin_frame_address(0));
            if (is_planned) shoal_mover_judge(mover);
            is_planned = is_planned && shoal_mover_plan(mover);
            shoal_mover_delete(mover);
        } else {
            assert_int_equal(made, SHOAL_MOVER_NO_MEMORY);
        }
        os_fail_after = -1;
        if (fail < 6) assert_false(is_planned);
        assert_int_equal(check_roots(), ROOTS / 10);
        shoal_check();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_objects, end_objects)
        TEST(as_many_are_emptied_as_the_others_have_room_for),
        TEST(a_sparse_region_is_emptied_whole),
        TEST(pools_that_are_nearly_full_are_emptied_last),
        TEST(a_pool_with_a_block_that_stays_is_filled_first),
        TEST(dense_pools_are_left_alone),
        TEST(without_memory_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
