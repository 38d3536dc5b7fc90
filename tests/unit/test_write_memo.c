/* write_memo.c: from objects to indices. */
#include "shoal/pickle_memo.h"

#include "unit.h"

enum { MANY = 100000 };

static char blocks[MANY * 48];

static void an_empty_memo_has_nothing(void **state) {
    struct pickle_write_memo memo = {0};
    (void)state;

    assert_null(pickle_memo_find(&memo, blocks));
    pickle_memo_free(&memo);
}

/* Objects side by side, as an allocator places them. */
static void every_object_is_found(void **state) {
    struct pickle_write_memo memo = {0};
    (void)state;

    for (size_t i = 0; i < MANY; i++) {
        assert_null(pickle_memo_find(&memo, blocks + 48 * i));
        assert_true(pickle_memo_add(&memo, blocks + 48 * i, 7 * i));
    }
    assert_int_equal(memo.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        const struct pickle_memo_entry *entry = pickle_memo_find(&memo, blocks + 48 * i);

        assert_non_null(entry);
        assert_ptr_equal(entry->object, blocks + 48 * i);
        assert_int_equal(entry->index, 7 * i);
        assert_null(pickle_memo_find(&memo, blocks + 48 * i + 16));
    }
    pickle_memo_free(&memo);
}

static void entries_keep_their_order(void **state) {
    struct pickle_write_memo memo = {0};
    (void)state;

    for (size_t i = MANY; i-- > 0;) assert_true(pickle_memo_add(&memo, blocks + i, i));
    for (size_t i = 0; i < MANY; i++) assert_int_equal(memo.entries[i].index, MANY - 1 - i);
    pickle_memo_free(&memo);
    assert_null(pickle_memo_find(&memo, blocks));
}

/* They are in what was lent first, then in memory of the memo's own. */
static void the_first_few_cost_nothing(void **state) {
    struct pickle_memo_entry few[PICKLE_FEW];
    struct pickle_write_memo memo = {0};
    (void)state;

    pickle_memo_lend(&memo, few);
    for (size_t i = 0; i < MANY; i++) {
        assert_null(pickle_memo_find(&memo, blocks + i));
        assert_true(pickle_memo_add(&memo, blocks + i, i));
        assert_int_equal(memo.entries == few, i < PICKLE_FEW);
        assert_int_equal(memo.table == NULL, i < PICKLE_FEW);
    }
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(pickle_memo_find(&memo, blocks + i)->index, i);
    pickle_memo_free(&memo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_memo_has_nothing),
        cmocka_unit_test(every_object_is_found),
        cmocka_unit_test(entries_keep_their_order),
        cmocka_unit_test(the_first_few_cost_nothing),
    };
    return cmocka_run_group_tests_name("write_memo", tests, NULL, NULL);
}
