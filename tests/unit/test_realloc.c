/* blocks.c, large.c, mapping.c: realloc keeps contents, wherever the block goes. */
#include "unit.h"

/* Grows and shrinks a block from one size to the other and back. */
static void there_and_back(size_t from, size_t to) {
    size_t kept = from < to ? from : to;
    void *block = shoal_malloc(from);
    assert_non_null(block);
    pattern_fill(block, from, (uint32_t)from);
    block = shoal_realloc(block, to);
    assert_non_null(block);
    assert_true(pattern_holds(block, from, kept, (uint32_t)from));
    assert_true(shoal_usable_size(block) >= to);
    assert_int_equal(live_now(), shoal_usable_size(block));
    pattern_fill(block, to, (uint32_t)to);
    block = shoal_realloc(block, from);
    assert_non_null(block);
    assert_true(pattern_holds(block, to, kept, (uint32_t)to));
    assert_int_equal(live_now(), shoal_usable_size(block));
    shoal_free(block);
}

/* Every size to the next and back: so over every boundary of two classes. */
static void over_every_class_boundary(void **state) {
    (void)state;
    for (size_t size = 1; size < 40000; size += size < 1200 ? 1 : 13)
        there_and_back(size, size + 16);
}

static void between_very_different_sizes(void **state) {
    static const size_t sizes[] = {1,     16,    17,    512,    513,     4000,    16384,
                                   32768, 32769, 65536, 300000, 1 << 20, 3 << 20, 20 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t k = 0; k < COUNT_OF(sizes); k++) there_and_back(sizes[i], sizes[k]);
}

/* As a string builder does it. */
static void one_block_grows_step_by_step(void **state) {
    void *block = NULL;
    size_t size = 0;
    (void)state;
    while (size < (size_t)40 << 20) {
        size_t larger = size + size / 8 + 100;
        block = shoal_realloc(block, larger);
        assert_non_null(block);
        assert_true(pattern_holds(block, size, size, (uint32_t)size));
        size = larger;
        pattern_fill(block, size, (uint32_t)size);
    }
    while (size > 10) {
        size_t smaller = size - size / 8 - 1;
        block = shoal_realloc(block, smaller);
        assert_non_null(block);
        assert_true(pattern_holds(block, size, smaller, (uint32_t)size));
        size = smaller;
        pattern_fill(block, size, (uint32_t)size);
    }
    shoal_free(block);
}

/* A block far smaller than its memory would keep the difference for ever. */
static void a_shrunk_block_takes_less_memory(void **state) {
    static const size_t sizes[] = {160, 5000, 30000, 200000, 8 << 20, 64 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        void *block = shoal_realloc(shoal_malloc(sizes[i]), sizes[i] / 4);
        assert_non_null(block);
        assert_true(shoal_usable_size(block) <= sizes[i] / 2);
        assert_int_equal(live_now(), shoal_usable_size(block));
        shoal_free(block);
    }
}

static void realloc_of_null_is_malloc(void **state) {
    void *block = shoal_realloc(NULL, 100);
    (void)state;
    assert_non_null(block);
    assert_true(shoal_usable_size(block) >= 100);
    shoal_free(block);
    block = shoal_realloc(NULL, 0);
    assert_non_null(block);
    shoal_free(block);
}

static void realloc_to_0_frees(void **state) {
    static const size_t sizes[] = {1, 1000, 20000, 100000, 64 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        void *block = shoal_malloc(sizes[i]);
        assert_null(shoal_realloc(block, 0));
        assert_int_equal(live_now(), 0);
    }
}

/* An aligned block becomes an ordinary one, with its contents. */
static void aligned_blocks_too(void **state) {
    (void)state;
    for (size_t alignment = 16; alignment <= (size_t)1 << 21; alignment *= 2) {
        for (size_t size = 100; size < 3000000; size = size * 5 + 1) {
            void *block = shoal_aligned_alloc(alignment, size);
            assert_non_null(block);
            pattern_fill(block, size, 7);
            block = shoal_realloc(block, size * 2);
            assert_non_null(block);
            assert_true(pattern_holds(block, size, size, 7));
            block = shoal_realloc(block, size / 2);
            assert_non_null(block);
            assert_true(pattern_holds(block, size, size / 2, 7));
            shoal_free(block);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(over_every_class_boundary, nothing_left),
        cmocka_unit_test_teardown(between_very_different_sizes, nothing_left),
        cmocka_unit_test_teardown(one_block_grows_step_by_step, nothing_left),
        cmocka_unit_test_teardown(a_shrunk_block_takes_less_memory, nothing_left),
        cmocka_unit_test_teardown(realloc_of_null_is_malloc, nothing_left),
        cmocka_unit_test_teardown(realloc_to_0_frees, nothing_left),
        cmocka_unit_test_teardown(aligned_blocks_too, nothing_left),
    };
    return cmocka_run_group_tests_name("realloc", tests, NULL, NULL);
}
