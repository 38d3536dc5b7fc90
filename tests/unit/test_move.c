/* move.c and what it stands on: made-up objects move, and every reference with them. */
#include "made_up_objects.h"

static size_t resident(void) {
    struct shoal_moving_figures figures;
    shoal_moving_figures(&figures);
    return figures.resident;
}

static void what_is_left_of_many_moves_together(void **state) {
    (void)state;
    make_sparse(3, 10);
    size_t before = resident();
    struct shoal_mover did = move_all(false);
    assert_int_equal(check_roots(), ROOTS / 10);
    assert_true(did.moved_objects > ROOTS / 10 * 8 / 10);
    assert_true(resident() < before / 6);
    shoal_check();
}

static void references_between_objects_are_rewritten(void **state) {
    (void)state;
    make_sparse(0, 10);
    for (size_t i = 10; i < ROOTS; i += 10) {
        root[i]->slot[0] = root[i - 10];
        root[i]->slot[1] = root[i];
        root[i - 10]->references++;
        root[i]->references++;
    }
    for (int round = 0; round < 4; round++) {
        struct shoal_mover did = move_all(round % 2);
        assert_int_equal(did.stale_words, 0);
        for (size_t i = 10; i < ROOTS; i += 10) {
            assert_ptr_equal(root[i]->slot[0], root[i - 10]);
            assert_ptr_equal(root[i]->slot[1], root[i]);
        }
        assert_int_equal(check_roots(), ROOTS / 10);
        shoal_check();
    }
}

static void all_that_may_moves_in_stress(void **state) {
    (void)state;
    make_sparse(0, 10);
    struct shoal_mover did = move_all(true);
    assert_true(did.moved_objects > ROOTS / 10 - 20);
    assert_int_equal(check_roots(), ROOTS / 10);
}

static const size_t pinned = 5000;

/* Apart, so that no word of the caller's stack is the address. */
static __attribute__((noinline)) uintptr_t hidden_address(size_t index) {
    return ~(uintptr_t)root[index];
}

/* Of addresses that calls have left on it. */
static __attribute__((noinline)) void clear_stack(void) {
    volatile char unused[16384];
    for (size_t i = 0; i < sizeof unused; i++) unused[i] = 0;
}

static void expect_in_place(enum shoal_reason reason) {
    uintptr_t before = hidden_address(pinned);
    move_all(true);
    assert_int_equal(hidden_address(pinned), before);
    assert_true(stayed[reason] > 0);
}

static void a_word_elsewhere_keeps_it(void **state) {
    (void)state;
    make_sparse(0, 10);
    *in_secret = (struct made *)(~hidden_address(pinned) + 24); /* into it is enough */
    expect_in_place(SHOAL_REASON_OUTSIDE);
    *in_secret = NULL;
}

static void a_reference_that_is_not_found_keeps_it(void **state) {
    (void)state;
    make_sparse(0, 10);
    root[pinned]->references++;
    expect_in_place(SHOAL_REASON_REFERENCES);
}

static __attribute__((noinline)) void point_to(struct made **slot, size_t index) {
    *slot = root[index];
}

static void a_word_in_an_unknown_block_keeps_it(void **state) {
    (void)state;
    make_sparse(0, 10);
    struct made *unknown = make(0);
    point_to(&unknown->slot[0], pinned);
    clear_stack();
    expect_in_place(SHOAL_REASON_HOLDER);
    unmake(&unknown);
}

static void a_number_keeps_it(void **state) {
    (void)state;
    make_sparse(0, 10);
    root[10]->mark = MARK_NUMBER;
    root[10]->value = (uintptr_t)root[pinned];
    uintptr_t before = hidden_address(pinned);
    move_all(true);
    assert_int_equal(hidden_address(pinned), before);
    root[10]->value = 10;
}

static void a_word_at_an_odd_place_in_code_keeps_it(void **state) {
    (void)state;
    make_sparse(0, 10);
    struct made *code = make(0);
    code->mark = MARK_CODE;
    uintptr_t address = (uintptr_t)root[pinned];
    memcpy((char *)code->slot + 2, &address, sizeof address);
    address = 0;
    expect_in_place(SHOAL_REASON_CODE);
    unmake(&code);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_objects, end_objects)
        TEST(what_is_left_of_many_moves_together),
        TEST(references_between_objects_are_rewritten),
        TEST(all_that_may_moves_in_stress),
        TEST(a_word_elsewhere_keeps_it),
        TEST(a_reference_that_is_not_found_keeps_it),
        TEST(a_word_in_an_unknown_block_keeps_it),
        TEST(a_number_keeps_it),
        TEST(a_word_at_an_odd_place_in_code_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
