/* mapping.c: large blocks in mappings of their own. */
#include "heap/mapping.h"

#include "clock.h"
#include "heap/process.h"
#include "lazy_free.h"
#include "unit.h"

static int init(void **state) {
    (void)state;
    process_init();
    return 0;
}

static void *take(size_t bytes, size_t align) {
    bool zeroed;
    unsigned char *block = mapping_take(bytes, align, &zeroed);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % align, 0);
    assert_true(mapping_bytes(block) >= bytes);
    if (zeroed) assert_true(pattern_is_zero(block, bytes));
    block[0] = block[bytes - 1] = 9;
    return block;
}

/* More than the table begins with, taken out of it in another order. */
static void many_mappings_are_found_again(void **state) {
    static void *blocks[1000];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = take(5000 + i, 4096);
    for (size_t i = 0; i < COUNT_OF(blocks); i += 3) {
        assert_true(mapping_give(blocks[i]));
        blocks[i] = NULL;
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        if (!blocks[i]) continue;
        assert_true(mapping_bytes(blocks[i]) >= 5000 + i);
        assert_ptr_equal(mapping_around((char *)blocks[i] + 4999), blocks[i]);
        assert_true(mapping_give(blocks[i]));
    }
    mapping_return_all();
    assert_int_equal(mapping_kept(), 0);
}

static void what_is_none_of_ours_is_refused(void **state) {
    int local;
    char *block = take(10000, 16);
    (void)state;
    assert_false(mapping_give(&local));
    assert_false(mapping_give(block + 4096));
    assert_int_equal(mapping_bytes(block + 4096), 0);
    assert_null(mapping_around(&local));
    assert_true(mapping_give(block));
    assert_false(mapping_give(block));
}

static void every_alignment(void **state) {
    (void)state;
    for (size_t align = 16; align <= (size_t)64 << 20; align *= 2) {
        void *block = take(123456, align), *other = take(99999, align);
        assert_true(mapping_give(block));
        assert_true(mapping_give(other));
    }
    mapping_return_all();
}

static void resizing_keeps_contents(void **state) {
    size_t size = 5000;
    void *block = take(size, 16);
    (void)state;
    for (int i = 0; i < 40; i++) {
        size_t next = i % 5 == 4 ? size / 3 + 64 : size * 5 / 3;
        size_t kept = next < size ? next : size;
        pattern_fill(block, size, (uint32_t)i);
        block = mapping_resize(block, next);
        assert_non_null(block);
        assert_true(pattern_holds(block, size, kept, (uint32_t)i));
        assert_true(mapping_bytes(block) >= next);
        size = next;
    }
    assert_true(mapping_give(block));
    mapping_return_all();
}

static void a_refusal_leaves_the_block(void **state) {
    bool zeroed;
    char *block = take(1 << 20, 16);
    (void)state;
    pattern_fill(block, 1 << 20, 4);
    os_fail_after = 0;
    assert_null(mapping_take((size_t)90 << 20, 16, &zeroed));
    assert_null(mapping_resize(block, (size_t)90 << 20));
    os_fail_after = -1;
    assert_true(pattern_holds(block, 1 << 20, 1 << 20, 4));
    assert_true(mapping_bytes(block) == 1 << 20);
    assert_null(mapping_take(SIZE_MAX - 100, 16, &zeroed));
    assert_null(mapping_resize(block, SIZE_MAX - 100));
    assert_true(mapping_give(block));
}

/* A loop that breathes one block raises the reserve until it stays; after a while
 * it is lazy, and the block that it becomes again holds what is written. */
static void a_block_that_is_kept_can_be_used_again(void **state) {
    enum { BYTES = 8 << 20 };
    (void)state;
    skip_emulated("memory that the system may take (MADV_FREE)");
    mapping_return_all();
    for (uint32_t i = 0; i < 40; i++) {
        void *block = take(BYTES, 16);
        pattern_fill(block, BYTES, i);
        assert_true(pattern_holds(block, BYTES, BYTES, i));
        assert_true(mapping_give(block));
        if (i >= 35) {
            clock_pass(40);
            size_t before = lazy_free_bytes();
            errno = E2BIG;
            mapping_tend();
            assert_int_equal(errno, E2BIG);
            assert_true(lazy_free_bytes() - before > BYTES / 2);
        }
    }
    assert_int_equal(mapping_kept(), BYTES);
    void *smaller = take(BYTES - BYTES / 8, 16);
    void *other = take(BYTES, 16);
    assert_true(mapping_give(smaller));
    assert_true(mapping_give(other));
    mapping_return_all();
    assert_int_equal(mapping_kept(), 0);
}

static void where_pages_are_of_another_size_there_is_none(void **state) {
    bool zeroed;
    (void)state;
    mapping_return_all();
    os_page_told = 64 << 10;
    assert_null(mapping_take(8 << 20, 16, &zeroed));
    errno = 0;
    assert_null(shoal_malloc((size_t)1 << 30));
    assert_int_equal(errno, ENOMEM);
    os_page_told = 0;
    assert_true(mapping_give(take(8 << 20, 16)));
    mapping_return_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_mappings_are_found_again),
        cmocka_unit_test(what_is_none_of_ours_is_refused),
        cmocka_unit_test(every_alignment),
        cmocka_unit_test(resizing_keeps_contents),
        cmocka_unit_test(a_refusal_leaves_the_block),
        cmocka_unit_test(a_block_that_is_kept_can_be_used_again),
        cmocka_unit_test(where_pages_are_of_another_size_there_is_none),
    };
    return cmocka_run_group_tests_name("mapping", tests, init, NULL);
}
