/* read_memo.c: from indices to objects, near and far. */
#include "shoal/pickle_memo.h"

#include "unit.h"

static char objects[1000];

static void put(struct pickle_read_memo *memo, size_t index, char *object) {
    void *former;

    assert_true(pickle_read_memo_put(memo, index, object, &former));
    assert_null(former);
    assert_ptr_equal(pickle_read_memo_get(memo, index), object);
}

static void near_indices_are_an_array(void **state) {
    struct pickle_read_memo memo = {0};
    (void)state;

    for (size_t i = 0; i < 1000; i++) put(&memo, i, objects + i);
    assert_int_equal(memo.count, 1000);
    assert_int_equal(memo.far, 0);
    assert_true(memo.capacity < 2000);
    assert_null(pickle_read_memo_get(&memo, 1000));
    pickle_read_memo_free(&memo);
}

static void far_indices_cost_no_array(void **state) {
    struct pickle_read_memo memo = {0};
    (void)state;

    for (size_t i = 0; i < 1000; i++) put(&memo, (i + 1) << 40, objects + i);
    put(&memo, SIZE_MAX, objects);
    assert_int_equal(memo.count, 1001);
    assert_true(memo.capacity < 100);
    for (size_t i = 0; i < 1000; i++)
        assert_ptr_equal(pickle_read_memo_get(&memo, (i + 1) << 40), objects + i);
    assert_null(pickle_read_memo_get(&memo, 1));
    pickle_read_memo_free(&memo);
}

/* What was far when it came stays what it is when the array has grown over it. */
static void an_index_has_one_object(void **state) {
    struct pickle_read_memo memo = {0};
    void *former;
    (void)state;

    put(&memo, 500, objects + 1);
    assert_int_equal(memo.far, 1);
    for (size_t i = 0; i < 500; i++) put(&memo, i, objects + i);
    for (size_t i = 501; i < 700; i++) put(&memo, i, objects + i);
    assert_true(memo.length > 500);
    assert_ptr_equal(pickle_read_memo_get(&memo, 500), objects + 1);
    assert_true(pickle_read_memo_put(&memo, 500, objects + 2, &former));
    assert_ptr_equal(former, objects + 1);
    assert_ptr_equal(pickle_read_memo_get(&memo, 500), objects + 2);
    assert_int_equal(memo.count, 700);
    pickle_read_memo_free(&memo);
}

/* From the malloc'ed array to one that is mapped, and on. */
static void a_long_array_keeps_what_is_in_it(void **state) {
    enum { MANY = 1000000 };
    struct pickle_read_memo memo = {0};
    (void)state;

    for (size_t i = 0; i < MANY; i++) put(&memo, i, objects + i % sizeof objects);
    assert_int_equal(memo.far, 0);
    for (size_t i = 0; i < MANY; i++)
        assert_ptr_equal(pickle_read_memo_get(&memo, i), objects + i % sizeof objects);
    pickle_read_memo_free(&memo);
    assert_null(memo.array);
}

static void a_walk_meets_every_index_once(void **state) {
    struct pickle_read_memo memo = {0};
    size_t cursor = 0, index, met = 0, sum = 0;
    void *object;
    (void)state;

    for (size_t i = 0; i < 100; i++) put(&memo, i, objects + i);
    for (size_t i = 0; i < 100; i++) put(&memo, 100000 + 1000 * i, objects + i);
    while (pickle_read_memo_next(&memo, &cursor, &index, &object)) {
        assert_ptr_equal(pickle_read_memo_get(&memo, index), object);
        met++;
        sum += index;
    }
    assert_int_equal(met, 200);
    assert_int_equal(sum, 4950 + 100 * 100000 + 1000 * 4950);
    pickle_read_memo_free(&memo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_indices_are_an_array),
        cmocka_unit_test(far_indices_cost_no_array),
        cmocka_unit_test(an_index_has_one_object),
        cmocka_unit_test(a_long_array_keeps_what_is_in_it),
        cmocka_unit_test(a_walk_meets_every_index_once),
    };
    return cmocka_run_group_tests_name("read_memo", tests, NULL, NULL);
}
