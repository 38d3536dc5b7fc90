/* flat_records.c: columns side by side, and records moved to another layout. */
#include "flat_table.h"

/* A column whose values are the bytes 1, 2, 3, ... */
static void count_up(struct flat_column *column, unsigned width) {
    give(column, FLAT_KIND_INT, true, width);
    for (unsigned i = 0; i < TABLE_ROWS * width; i++) column->values[i] = (unsigned char)(i + 1);
}

static void numbers_of_every_width_in_steps(void **state) {
    (void)state;
    for (unsigned width = 1; width <= 8; width *= 2) {
        struct flat_columns table = table_make(FLAT_SHAPE_ITEMS, 1);
        size_t stride = width + 3;
        unsigned char *records = malloc(stride * 4 + width);

        assert_non_null(records);
        memset(records, 0xee, stride * 4 + width);
        count_up(table.columns, width);
        flat_column_spread(table.columns, 5, records, stride, width);
        for (size_t at = 0; at < stride * 4 + width; at++)
            assert_int_equal(records[at],
                             at % stride < width ? at / stride * width + at % stride + 1 : 0xee);
        free(records);
        table_drop(&table);
    }
}

static void texts_are_padded_with_nul(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    char records[3 * 5];
    (void)state;

    put(&table, "'abc'");
    put(&table, "''");
    put(&table, "'de'");
    memset(records, '-', sizeof records);
    flat_column_spread(table.columns, 3, (unsigned char *)records, 5, 3);
    assert_memory_equal(records, "abc--\0\0\0--de\0--", sizeof records);
    memset(records, '-', sizeof records);
    flat_column_spread(table.columns, 2, (unsigned char *)records, 5, 4);
    assert_memory_equal(records, "abc\0-\0\0\0\0------", sizeof records);
    table_drop(&table);
}

static void no_rows_touch_nothing(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    unsigned char none;
    struct flat_field field = {0, 1, 0, 2};
    (void)state;

    count_up(table.columns, 8);
    flat_column_spread(table.columns, 0, &none + 1, 8, 8);
    flat_records_move(&none + 1, 0, 1, 2, &field, 1);
    table_drop(&table);
}

/* Three records of a text that grows from two bytes to four beside an int of two, and
 * of another that grows from one to two. */
static const struct flat_field grown[] = {{0, 2, 0, 4}, {2, 2, 4, 2}, {4, 1, 6, 2}};
static const struct flat_field shrunk[] = {{0, 4, 0, 2}, {4, 2, 2, 2}, {6, 2, 4, 1}};
static const char narrow_records[] = "ab01x"
                                     "cd23y"
                                     "e\0"
                                     "45z";
static const char wide_records[] = "ab\0\0"
                                   "01x\0"
                                   "cd\0\0"
                                   "23y\0"
                                   "e\0\0\0"
                                   "45z";

static void records_move_both_ways(void **state) {
    unsigned char *records = malloc(24);
    (void)state;

    assert_non_null(records);
    memcpy(records, narrow_records, 15);
    flat_records_move(records, 3, 5, 8, grown, 3);
    assert_memory_equal(records, wide_records, 24);
    flat_records_move(records, 3, 8, 5, shrunk, 3);
    assert_memory_equal(records, narrow_records, 15);
    free(records);
}

static void a_field_that_shrinks_loses_its_end(void **state) {
    static const struct flat_field fields[] = {{0, 3, 0, 1}, {3, 1, 1, 1}};
    char records[] = "abc1def2";
    (void)state;

    flat_records_move((unsigned char *)records, 2, 4, 2, fields, 2);
    assert_memory_equal(records, "a1d2", 4);
}

static void the_same_layout_changes_nothing(void **state) {
    static const struct flat_field fields[] = {{0, 3, 0, 3}, {3, 1, 3, 1}};
    char records[] = "abc1def2";
    (void)state;

    flat_records_move((unsigned char *)records, 2, 4, 4, fields, 2);
    assert_string_equal(records, "abc1def2");
}

enum { FIELDS = 5, MOST_ROWS = 6, MOST_SIZE = 9 };

/* Layouts at random: what is moved wider is what a copy field by field gives, and comes
 * back as it was. */
static void random_layouts(void **state) {
    uint64_t bits = 11;
    (void)state;

    for (int round = 0; round < 2000; round++) {
        struct flat_field out[FIELDS], back[FIELDS];
        unsigned char records[MOST_ROWS * FIELDS * MOST_SIZE], before[sizeof records];
        size_t narrow = 0, wide = 0, rows = 1 + (size_t)round % MOST_ROWS;

        for (size_t i = 0; i < FIELDS; i++) {
            size_t size, more;

            bits = bits * 6364136223846793005u + 1442695040888963407u;
            size = bits >> 60 & 3, more = bits >> 40 & 3 & bits >> 50;
            out[i] = (struct flat_field){narrow, size, wide, size + more};
            back[i] = (struct flat_field){wide, size + more, narrow, size};
            narrow += size;
            wide += size + more;
        }
        for (size_t at = 0; at < rows * narrow; at++) before[at] = (unsigned char)(at + 1);
        memcpy(records, before, rows * narrow);
        flat_records_move(records, rows, narrow, wide, out, FIELDS);
        for (size_t row = 0; row < rows; row++)
            for (size_t i = 0; i < FIELDS; i++)
                for (size_t at = 0; at < out[i].to_size; at++)
                    assert_int_equal(records[row * wide + out[i].to + at],
                                     at < out[i].from_size ? before[row * narrow + out[i].from + at]
                                                           : 0);
        flat_records_move(records, rows, wide, narrow, back, FIELDS);
        assert_memory_equal(records, before, rows * narrow);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_every_width_in_steps),
        cmocka_unit_test(texts_are_padded_with_nul),
        cmocka_unit_test(no_rows_touch_nothing),
        cmocka_unit_test(records_move_both_ways),
        cmocka_unit_test(a_field_that_shrinks_loses_its_end),
        cmocka_unit_test(the_same_layout_changes_nothing),
        cmocka_unit_test(random_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
