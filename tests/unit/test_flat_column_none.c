/* flat_column.c: None, and what stands for it. */
#include <math.h>

#include "flat_table.h"

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
        assert_int_equal(column->uneven, !flat_is_number_kind(column->kind));
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
