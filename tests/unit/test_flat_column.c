/* flat_column.c: what a column is, and what it takes. */
#include "flat_table.h"

static const char any_value[] = "a number, a str, bytes, True, False or None";

static void the_first_value_says_what_a_column_is(void **state) {
    static const struct {
        const char *text;
        enum flat_kind kind;
    } cases[] = {{"1", FLAT_KIND_INT},       {"- 0x1_0", FLAT_KIND_INT}, {"1.5", FLAT_KIND_FLOAT},
                 {"1e5", FLAT_KIND_FLOAT},   {"-nan", FLAT_KIND_FLOAT},  {"inf", FLAT_KIND_FLOAT},
                 {"True", FLAT_KIND_BOOL},   {"False", FLAT_KIND_BOOL},  {"'a'", FLAT_KIND_TEXT},
                 {"u\"\"", FLAT_KIND_TEXT},  {"b'a'", FLAT_KIND_BYTES},  {"Rb''", FLAT_KIND_BYTES},
                 {"None", FLAT_KIND_UNKNOWN}};
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);

        table.columns->nullable = true;
        put(&table, cases[i].text);
        assert_int_equal(table.columns->kind, cases[i].kind);
        table_drop(&table);
    }
}

static void what_no_column_has(void **state) {
    static const char *const cases[] = {"1j", "1+2j", "(1)", "[",   "{}",      "...",
                                        "",   "#",    ",",   "set", "Ellipsis"};
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) assert_refused(&table, cases[i], 1, any_value);
    assert_refused(&table, "  *", 3, any_value);
    assert_refused(&table, "nope", 1, "a value");
    assert_refused(&table, "-", 2, "a digit");
    assert_refused(&table, "'", 2, "the closing quote");
    assert_int_equal(table.columns->kind, FLAT_KIND_UNKNOWN);
    table_drop(&table);
}

static void a_column_keeps_its_kind(void **state) {
    static const struct {
        const char *first, *second, *expected;
    } cases[] = {
        {"1", "True", "an int"},
        {"1", "'1'", "an int"},
        {"1", "1j", "an int"},
        {"1.5", "True", "a float"},
        {"1.5", "b'1'", "a float"},
        {"1.5", "1j", "a float"},
        {"True", "1", "True or False"},
        {"'a'", "1", "a str"},
        {"True", "1.0", "True or False"},
        {"'a'", "b'a'", "a str"},
        {"b'a'", "'a'", "bytes"},
        {"'a'", "(", "a str"},
        {"b'a'", "False", "bytes"},
        {"1", "Ellipsis", "an int"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);

        put(&table, cases[i].first);
        assert_refused(&table, cases[i].second, 1, cases[i].expected);
        table_drop(&table);
    }
}

static void a_float_makes_floats_of_the_ints_before_it(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    table.columns->nullable = true;
    put(&table, "1");
    put(&table, "None");
    put(&table, "-9007199254740992");
    put(&table, "2.5");
    put(&table, "9007199254740992");
    put(&table, "-3");
    assert_int_equal(table.columns->kind, FLAT_KIND_FLOAT);
    assert_float_at(&table, 0, 1.0);
    assert_float_at(&table, 1, 0.0);
    assert_float_at(&table, 2, -9007199254740992.0);
    assert_float_at(&table, 3, 2.5);
    assert_float_at(&table, 4, 9007199254740992.0);
    assert_float_at(&table, 5, -3.0);
    table_drop(&table);
}

static void ints_that_no_float_is_equal_to_stay_ints(void **state) {
    static const char *const cases[] = {"9007199254740993", "-9007199254740993",
                                        "9223372036854775807", "18446744073709551615"};
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);

        put(&table, cases[i]);
        assert_refused(&table, "0.5", 1, "an int: the column has ints that no float is equal to");
        put(&table, "1");
        table_drop(&table);

        table = table_make(FLAT_SHAPE_VALUE, 1);
        put(&table, "0.5");
        assert_refused(&table, cases[i], 1, "a float");
        table_drop(&table);
    }
}

static void a_given_float_takes_any_int_rounded(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    give(table.columns, FLAT_KIND_FLOAT, false, 8);
    put(&table, "9007199254740993");
    put(&table, "-18446744073709551615");
    put(&table, "7");
    put(&table, "-0");
    assert_float_at(&table, 0, 9007199254740992.0);
    assert_float_at(&table, 1, -18446744073709551616.0);
    assert_float_at(&table, 2, 7.0);
    assert_float_at(&table, 3, 0.0); /* as float(-0) */
    assert_refused(&table, "True", 1, "a float");
    table_drop(&table);
}

static void a_given_int_takes_no_float(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    give(table.columns, FLAT_KIND_INT, true, 4);
    put(&table, "1");
    assert_refused(&table, "1.0", 1, "an int");
    assert_refused(&table, " nan", 2, "an int");
    table_drop(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_value_says_what_a_column_is),
        cmocka_unit_test(what_no_column_has),
        cmocka_unit_test(a_column_keeps_its_kind),
        cmocka_unit_test(a_float_makes_floats_of_the_ints_before_it),
        cmocka_unit_test(ints_that_no_float_is_equal_to_stay_ints),
        cmocka_unit_test(a_given_float_takes_any_int_rounded),
        cmocka_unit_test(a_given_int_takes_no_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
