/* size_class.c: sizes to size classes and back. */
#include "heap/size_class.h"
#include "inspect/shoal_pools.h"

#include "base/os.h"
#include <stdbool.h>

#include "unit.h"

static void every_size_has_the_smallest_class_that_fits(void **state) {
    (void)state;
    assert_int_equal(class_of(0), 0);
    for (size_t size = 1; size <= POOLED_MAX; size++) {
        unsigned class = class_of(size);
        assert_true(class < CLASS_COUNT);
        assert_true(size_classes[class].block_bytes >= size);
        if (class > 1) assert_true(size_classes[class - 1].block_bytes < size);
    }
    assert_int_equal(class_of(POOLED_MAX), CLASS_COUNT - 1);
}

static void small_class_is_class_of(void **state) {
    (void)state;
    for (size_t size = 0; size <= SMALL_MAX; size++)
        assert_int_equal(small_class(size), class_of(size));
}

/* A class wastes at most a fifth of a block, save for the first few bytes. */
static void classes_are_close_together(void **state) {
    (void)state;
    for (unsigned i = 2; i < CLASS_COUNT; i++) {
        unsigned step = size_classes[i].block_bytes - size_classes[i - 1].block_bytes;
        assert_int_equal(size_classes[i].block_bytes % GRANULE, 0);
        assert_true(step <= GRANULE || step * 5 <= size_classes[i].block_bytes + 4u);
    }
}

static void a_pool_is_whole_pages_with_little_waste(void **state) {
    (void)state;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        const struct size_class *class = &size_classes[i];
        size_t pool = (size_t)class->pages * OS_PAGE;
        size_t used = class->first + (size_t)class->blocks * class->block_bytes;
        assert_int_equal(class->first % GRANULE, 0);
        assert_true(class->first < class->block_bytes);
        assert_true(used <= pool && pool - used < class->block_bytes);
        assert_true((pool - used) * 100 <= pool * (class->block_bytes > SMALL_MAX ? 3 : 12));
        assert_true(class->block_bytes > SMALL_MAX || class->pages == 1);
    }
}

static void a_block_offset_is_a_multiple_from_the_first_on(void **state) {
    (void)state;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        const struct size_class *class = &size_classes[i];
        uint32_t pool = class->pages * (uint32_t)OS_PAGE;
        for (uint32_t offset = 0; offset < pool; offset++)
            assert_int_equal(is_block_offset(i, offset),
                             offset >= class->first &&
                                 (offset - class->first) % class->block_bytes == 0);
    }
}

/* As every block in the pool is, whatever page the pool starts at. */
static void a_class_is_as_aligned_as_its_blocks(void **state) {
    (void)state;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        const struct size_class *class = &size_classes[i];
        for (size_t align = 1; align <= OS_PAGE; align *= 2) {
            bool all = true;
            for (size_t k = 0; k < class->blocks; k++)
                all &= (class->first + k * class->block_bytes) % align == 0;
            /* One block a pool is aligned by luck; that need not be used. */
            if (class->blocks > 1) assert_true(class_is_aligned(i, align) == all);
            assert_true(all || !class_is_aligned(i, align));
        }
    }
}

static void the_reader_of_others_knows_the_pools(void **state) {
    (void)state;
    for (size_t bytes = 1; bytes <= POOLED_MAX; bytes++)
        assert_int_equal(shoal_pool_of(bytes), size_classes[class_of(bytes)].pages * OS_PAGE);
    assert_int_equal(shoal_pool_of(POOLED_MAX + 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_has_the_smallest_class_that_fits),
        cmocka_unit_test(small_class_is_class_of),
        cmocka_unit_test(classes_are_close_together),
        cmocka_unit_test(a_pool_is_whole_pages_with_little_waste),
        cmocka_unit_test(a_block_offset_is_a_multiple_from_the_first_on),
        cmocka_unit_test(a_class_is_as_aligned_as_its_blocks),
        cmocka_unit_test(the_reader_of_others_knows_the_pools),
    };
    return cmocka_run_group_tests_name("size_class", tests, NULL, NULL);
}
