/* blocks.c: malloc, calloc, free, aligned_alloc and usable sizes. */
#include "unit.h"

enum { LARGEST = 40000 / SLOWNESS };

/* Every size from 0: aligned, at least as large as asked for, its own. */
static void every_size_is_served(void **state) {
    static void *blocks[LARGEST + 1];
    size_t live = 0;
    (void)state;
    for (size_t size = 0; size <= LARGEST; size++) {
        blocks[size] = shoal_malloc(size);
        assert_non_null(blocks[size]);
        assert_int_equal((uintptr_t)blocks[size] % 16, 0);
        assert_true(shoal_usable_size(blocks[size]) >= size);
        live += shoal_usable_size(blocks[size]);
        pattern_fill(blocks[size], size, (uint32_t)size);
    }
    assert_int_equal(live_now(), live);
    for (size_t size = 0; size <= LARGEST; size++)
        assert_true(pattern_holds(blocks[size], size, size, (uint32_t)size));
    assert_int_equal(shoal_check(), LARGEST + 1);
    for (size_t size = 0; size <= LARGEST; size++) shoal_free(blocks[size]);
}

/* All of the usable size may be used, not only what was asked for. */
static void the_usable_size_is_usable(void **state) {
    void *blocks[400];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        blocks[i] = shoal_malloc(i * 97);
        size_t usable = shoal_usable_size(blocks[i]);
        memset(blocks[i], (int)i, usable);
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        unsigned char *bytes = blocks[i];
        size_t usable = shoal_usable_size(bytes);
        assert_int_equal(bytes[0], i & 255);
        assert_memory_equal(bytes, bytes + 1, usable - 1);
        shoal_free(bytes);
    }
}

static void size_0_gives_unique_blocks(void **state) {
    void *blocks[600];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        blocks[i] = shoal_malloc(0);
        assert_non_null(blocks[i]);
        assert_int_equal(shoal_usable_size(blocks[i]), 16);
        memset(blocks[i], (int)i, 16);
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        assert_int_equal(*(unsigned char *)blocks[i], i & 255);
        shoal_free(blocks[i]);
    }
}

static void null_is_no_block(void **state) {
    (void)state;
    shoal_free(NULL);
    assert_int_equal(shoal_usable_size(NULL), 0);
}

/* Memory that was full of something else comes back as zeros. */
static void calloc_clears_reused_memory(void **state) {
    static const size_t sizes[] = {1,     16,    48,    100,    512,     513,     4096,
                                   10000, 32768, 32769, 100000, 1 << 20, 5 << 20, 40 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        void *blocks[8];
        for (int round = 0; round < 3; round++) {
            for (size_t k = 0; k < COUNT_OF(blocks); k++) {
                blocks[k] = shoal_calloc(1, sizes[i]);
                assert_non_null(blocks[k]);
                assert_true(pattern_is_zero(blocks[k], sizes[i]));
                memset(blocks[k], 0xa5, sizes[i]);
            }
            for (size_t k = 0; k < COUNT_OF(blocks); k++) shoal_free(blocks[k]);
        }
    }
}

static void assert_no_memory(void *block) {
    assert_null(block);
    assert_int_equal(errno, ENOMEM);
    errno = 0;
}

static void sizes_out_of_bounds_are_refused(void **state) {
    /* volatile: the compiler warns of constants it sees to be too large. */
    static volatile size_t huge[] = {SIZE_MAX,         SIZE_MAX - 1, SIZE_MAX - 4096,
                                     SIZE_MAX / 2 + 1, PTRDIFF_MAX,  (size_t)1 << 62,
                                     (size_t)1 << 47};
    void *block = shoal_malloc(100);
    (void)state;
    errno = 0;
    pattern_fill(block, 100, 1);
    for (size_t i = 0; i < COUNT_OF(huge); i++) {
        assert_no_memory(shoal_malloc(huge[i]));
        assert_no_memory(shoal_calloc(1, huge[i]));
        assert_no_memory(shoal_calloc(huge[i], 1));
        assert_no_memory(shoal_realloc(NULL, huge[i]));
        assert_no_memory(shoal_realloc(block, huge[i]));
        assert_no_memory(shoal_aligned_alloc(16, huge[i]));
        assert_no_memory(shoal_aligned_alloc(1 << 20, huge[i]));
    }
    assert_true(pattern_holds(block, 100, 100, 1));
    shoal_free(block);
}

/* count * size wraps round to something small. */
static void calloc_sees_overflow(void **state) {
    volatile size_t half = (size_t)1 << 32;
    (void)state;
    errno = 0;
    assert_no_memory(shoal_calloc(half, half));
    assert_no_memory(shoal_calloc(half + 1, half));
    assert_no_memory(shoal_calloc(SIZE_MAX / 16 + 2, 16));
    assert_no_memory(shoal_calloc(3, SIZE_MAX / 3 + 1));
}

static void calloc_of_nothing_is_a_block(void **state) {
    void *no_items = shoal_calloc(0, 8), *no_size = shoal_calloc(8, 0);
    (void)state;
    assert_non_null(no_items);
    assert_non_null(no_size);
    assert_ptr_not_equal(no_items, no_size);
    shoal_free(no_items);
    shoal_free(no_size);
}

static void success_leaves_errno_alone(void **state) {
    static const size_t sizes[] = {1, 500, 5000, 32768, 100000, 3 << 20, 64 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        errno = EDOM;
        void *block = shoal_malloc(sizes[i]);
        assert_int_equal(errno, EDOM);
        block = shoal_realloc(block, sizes[i] * 2);
        assert_int_equal(errno, EDOM);
        shoal_free(block);
        assert_int_equal(errno, EDOM);
        block = shoal_calloc(1, sizes[i]);
        shoal_free(block);
        assert_int_equal(errno, EDOM);
    }
    shoal_trim();
    assert_int_equal(errno, EDOM);
}

static void every_alignment_is_served(void **state) {
    static const size_t sizes[] = {0, 1, 7, 48, 100, 513, 4095, 5000, 33333, 1000001};
    (void)state;
    for (size_t alignment = 1; alignment <= (size_t)16 << 20; alignment *= 2) {
        void *blocks[COUNT_OF(sizes)];
        size_t live = 0;
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            blocks[i] = shoal_aligned_alloc(alignment, sizes[i]);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % alignment, 0);
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            assert_true(shoal_usable_size(blocks[i]) >= sizes[i]);
            live += shoal_usable_size(blocks[i]);
            pattern_fill(blocks[i], sizes[i], (uint32_t)i);
        }
        assert_int_equal(live_now(), live);
        assert_int_equal(shoal_check(), COUNT_OF(sizes));
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            assert_true(pattern_holds(blocks[i], sizes[i], sizes[i], (uint32_t)i));
            shoal_free(blocks[i]);
        }
    }
}

static void many_blocks_of_one_alignment(void **state) {
    static void *blocks[3000];
    (void)state;
    for (size_t alignment = 32; alignment <= 8192; alignment *= 2) {
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            blocks[i] = shoal_aligned_alloc(alignment, 1 + i % 300);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % alignment, 0);
            pattern_fill(blocks[i], 1 + i % 300, (uint32_t)i);
        }
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            size_t size = 1 + i % 300;
            assert_true(pattern_holds(blocks[i], size, size, (uint32_t)i));
            shoal_free(blocks[i]);
        }
    }
}

static void an_alignment_is_a_power_of_two(void **state) {
    static const size_t wrong[] = {0, 3, 6, 24, 48, 100, 4097, SIZE_MAX};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        errno = 0;
        assert_null(shoal_aligned_alloc(wrong[i], 64));
        assert_int_equal(errno, EINVAL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_size_is_served, nothing_left),
        cmocka_unit_test_teardown(the_usable_size_is_usable, nothing_left),
        cmocka_unit_test_teardown(size_0_gives_unique_blocks, nothing_left),
        cmocka_unit_test_teardown(null_is_no_block, nothing_left),
        cmocka_unit_test_teardown(calloc_clears_reused_memory, nothing_left),
        cmocka_unit_test_teardown(sizes_out_of_bounds_are_refused, nothing_left),
        cmocka_unit_test_teardown(calloc_sees_overflow, nothing_left),
        cmocka_unit_test_teardown(calloc_of_nothing_is_a_block, nothing_left),
        cmocka_unit_test_teardown(success_leaves_errno_alone, nothing_left),
        cmocka_unit_test_teardown(every_alignment_is_served, nothing_left),
        cmocka_unit_test_teardown(many_blocks_of_one_alignment, nothing_left),
        cmocka_unit_test_teardown(an_alignment_is_a_power_of_two, nothing_left),
    };
    return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
