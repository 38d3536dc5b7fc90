/* large.c: blocks that are runs of pages, and mappings of their own. */
#include "unit.h"

static const size_t sizes[] = {
    SHOAL_POOLED_MAX + 1, 36865,   65536,    100000,   262144,   1000000,
    (size_t)1 << 20,      3 << 20, 16 << 20, 33554433, 64 << 20,
};

static size_t large_now(void) {
    struct shoal_usage usage;
    shoal_usage(&usage);
    return usage.large;
}

static void large_blocks_are_whole_pages(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        void *block = shoal_malloc(sizes[i]);
        size_t usable = shoal_usable_size(block);
        assert_non_null(block);
        assert_true(usable >= sizes[i]);
        assert_true(usable - sizes[i] <= 4096 + sizes[i] / 8);
        assert_int_equal(large_now(), usable);
        assert_int_equal(live_now(), usable);
        shoal_free(block);
        assert_int_equal(large_now(), 0);
    }
}

static void the_largest_pooled_block_is_not_large(void **state) {
    void *block = shoal_malloc(SHOAL_POOLED_MAX);
    (void)state;
    assert_non_null(block);
    assert_int_equal(large_now(), 0);
    shoal_free(block);
}

/* Many of different sizes, freed in another order: neighbours stay whole. */
static void neighbours_do_not_touch(void **state) {
    static unsigned char *blocks[300];
    static size_t lengths[300];
    uint64_t seed = 11;
    (void)state;
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            size_t pick = random_next(&seed) % COUNT_OF(blocks);
            if (blocks[pick]) {
                assert_true(pattern_holds(blocks[pick], lengths[pick], lengths[pick],
                                          (uint32_t)lengths[pick]));
                shoal_free(blocks[pick]);
            }
            lengths[pick] = SHOAL_POOLED_MAX + 1 + random_next(&seed) % 400000;
            blocks[pick] = shoal_malloc(lengths[pick]);
            assert_non_null(blocks[pick]);
            pattern_fill(blocks[pick], lengths[pick], (uint32_t)lengths[pick]);
        }
        shoal_check();
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
}

/* Zeros, from the first byte to the last, whatever was there before. */
static void calloc_of_large_blocks_is_zero(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            void *block = shoal_calloc(sizes[i], 1);
            assert_non_null(block);
            assert_true(pattern_is_zero(block, sizes[i]));
            memset(block, 0x5a, shoal_usable_size(block));
            shoal_free(block);
        }
    }
}

/* All that was taken for large blocks is given back, at once. */
static void freed_large_blocks_leave_little(void **state) {
    struct shoal_usage usage;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        void *block = shoal_malloc(sizes[i]);
        memset(block, 1, sizes[i]);
        shoal_free(block);
    }
    shoal_trim();
    shoal_usage(&usage);
    assert_int_equal(usage.live, 0);
    assert_int_equal(usage.reserve, 0);
}

/* Growing in steps: each keeps the contents, and only one block is live. */
static void a_growing_block_keeps_its_contents(void **state) {
    size_t size = SHOAL_POOLED_MAX + 1;
    void *block = shoal_malloc(size);
    (void)state;
    while (size < (size_t)100 << 20) {
        pattern_fill(block, size, (uint32_t)size);
        block = shoal_realloc(block, size * 3 / 2);
        assert_non_null(block);
        assert_true(pattern_holds(block, size, size, (uint32_t)size));
        assert_int_equal(live_now(), shoal_usable_size(block));
        size = size * 3 / 2;
    }
    shoal_free(block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(large_blocks_are_whole_pages, nothing_left),
        cmocka_unit_test_teardown(the_largest_pooled_block_is_not_large, nothing_left),
        cmocka_unit_test_teardown(neighbours_do_not_touch, nothing_left),
        cmocka_unit_test_teardown(calloc_of_large_blocks_is_zero, nothing_left),
        cmocka_unit_test_teardown(freed_large_blocks_leave_little, nothing_left),
        cmocka_unit_test_teardown(a_growing_block_keeps_its_contents, nothing_left),
    };
    return cmocka_run_group_tests_name("large", tests, NULL, NULL);
}
