/* flat_column.c: what a column is, what it takes and what it does with None. */
#include <math.h>

#include "flat_table.h"

static const char any_value[] = "a number, a str, bytes, True, False or None";

/* ---- Kinds --------------------------------------------------------------- */

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

/* ---- None ---------------------------------------------------------------- */

static void none_is_an_error_by_itself(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    assert_refused(&table, "None", 1, "no None: give the column a fill, or read into Arrow");
    put(&table, "1");
    assert_refused(&table, " None", 2, "no None: give the column a fill, or read into Arrow");
    assert_int_equal(table.columns->nulls, 0);
    table_drop(&table);
}

static void nulls_are_bits_the_lowest_first(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    table.columns->nullable = true;
    for (size_t row = 0; row < TABLE_ROWS; row++)
        put(&table, row == 1 || row == 8 || row == 15 ? "None" : "-1");
    assert_int_equal(table.columns->nulls, 3);
    assert_int_equal(table.columns->valid[0], 0xfd);
    assert_int_equal(table.columns->valid[1], 0x7e);
    for (size_t row = 0; row < TABLE_ROWS; row++)
        assert_int_at(&table, row, row == 1 || row == 8 || row == 15 ? 0 : -1);
    table_drop(&table);
}

static void nulls_above_the_first_value_are_nothing(void **state) {
    static const char *const values[] = {"5", "5.5", "True", "'x'", "b'x'"};
    static const unsigned char zeros[16];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
        struct flat_column *column = table.columns;

        column->nullable = true;
        memset(column->ends, 0xff, (TABLE_ROWS + 1) * sizeof *column->ends);
        put(&table, "None");
        put(&table, "None");
        put(&table, values[i]);
        put(&table, "None");
        assert_int_equal(column->nulls, 3);
        assert_int_equal(column->valid[0], 0xf4);
        if (flat_is_number_kind(column->kind)) {
            size_t width = flat_value_width(column);

            assert_memory_equal(column->values, zeros, 2 * width);
            assert_memory_not_equal(column->values + 2 * width, zeros, width);
            assert_memory_equal(column->values + 3 * width, zeros, width);
        } else {
            assert_memory_equal(column->ends, ((int32_t[]){0, 0, 0, 1, 1}), 5 * sizeof(int32_t));
            assert_true(column->uneven);
        }
        table_drop(&table);
    }
}

static void a_fill_stands_for_none(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    table.columns->nullable = true;
    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_INT, true, 7};
    put(&table, "None");
    put(&table, "1");
    assert_int_equal(table.columns->kind, FLAT_KIND_INT);
    assert_true(table.columns->negative);
    assert_int_at(&table, 0, -7);
    put(&table, "0.5");
    put(&table, "None");
    assert_float_at(&table, 0, -7.0);
    assert_float_at(&table, 3, -7.0);
    assert_int_equal(table.columns->nulls, 0);
    table_drop(&table);
}

static void fills_of_every_kind(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_FLOAT, .real = -INFINITY};
    put(&table, "None");
    put(&table, "1");
    assert_float_at(&table, 0, -INFINITY);
    assert_float_at(&table, 1, 1.0);
    table_drop(&table);

    table = table_make(FLAT_SHAPE_VALUE, 1);
    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_BOOL, .magnitude = 1};
    put(&table, "None");
    put(&table, "False");
    put(&table, "None");
    assert_memory_equal(table.columns->values, "\1\0\1", 3);
    table_drop(&table);

    table = table_make(FLAT_SHAPE_VALUE, 1);
    table.columns->fill = (struct flat_value){
        .kind = FLAT_KIND_TEXT, .bytes = (const unsigned char *)"n/a", .size = 3};
    put(&table, "'ab'");
    put(&table, "None");
    assert_text_at(table.columns, 1, "n/a", 3);
    assert_int_equal(table.columns->longest, 3);
    table_drop(&table);

    table = table_make(FLAT_SHAPE_VALUE, 1);
    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_BYTES};
    put(&table, "None");
    put(&table, "b'ab'");
    assert_int_equal(table.columns->kind, FLAT_KIND_BYTES);
    assert_text_at(table.columns, 0, "", 0);
    assert_text_at(table.columns, 1, "ab", 2);
    table_drop(&table);
}

/* [1, None] is as [None, 1] is. */
static void a_fill_makes_floats_of_ints_as_a_value_does(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_FLOAT, .real = 0.5};
    put(&table, "1");
    put(&table, "None");
    put(&table, "-0");
    assert_int_equal(table.columns->kind, FLAT_KIND_FLOAT);
    assert_float_at(&table, 0, 1.0);
    assert_float_at(&table, 1, 0.5);
    assert_float_at(&table, 2, 0.0);
    table_drop(&table);

    table = table_make(FLAT_SHAPE_VALUE, 1);
    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_FLOAT, .real = 0.5};
    put(&table, "9007199254740993");
    assert_refused(&table, "None", 1, "no None: the fill is of another type than the column");
    table_drop(&table);

    table = table_make(FLAT_SHAPE_VALUE, 1);
    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_INT, .magnitude = 9007199254740993};
    put(&table, "0.5");
    assert_refused(&table, "None", 1, "no None: the fill is of another type than the column");
    table_drop(&table);
}

static void a_fill_must_fit_its_column(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_INT, .magnitude = 300};
    put(&table, "'a'");
    assert_refused(&table, "  None", 3, "no None: the fill is of another type than the column");
    table_drop(&table);

    table = table_make(FLAT_SHAPE_VALUE, 1);
    give(table.columns, FLAT_KIND_INT, false, 1);
    table.columns->fill = (struct flat_value){.kind = FLAT_KIND_INT, .magnitude = 256};
    assert_refused(&table, "None", 1, "an integer that fits uint8");
    table.columns->fill.magnitude = 255;
    put(&table, "None");
    assert_int_equal(table.columns->values[0], 255);
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
        cmocka_unit_test(none_is_an_error_by_itself),
        cmocka_unit_test(nulls_are_bits_the_lowest_first),
        cmocka_unit_test(nulls_above_the_first_value_are_nothing),
        cmocka_unit_test(a_fill_stands_for_none),
        cmocka_unit_test(fills_of_every_kind),
        cmocka_unit_test(a_fill_makes_floats_of_ints_as_a_value_does),
        cmocka_unit_test(a_fill_must_fit_its_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
