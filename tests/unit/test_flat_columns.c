/* flat_columns.c: records that have the shape of their table, and others. */
#include "flat_table.h"

/* ---- Records ------------------------------------------------------------- */

static void read_line(struct flat_columns *table, const char *text) {
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;
    size_t rows = table->rows;

    if (!flat_columns_line(table, &cursor)) fail_msg("%s: expected %s", text, cursor.expected);
    assert_int_equal(table->rows, rows + 1);
    assert_null(table->wrong);
    line_end(line);
}

enum { NO_COLUMN = -1 };

/* A line that does not fit into a table of numbers and short texts, and which column it
 * fails in. The table is as before it then. */
static void assert_wrong(struct flat_columns *table, const char *text, int wrong, size_t column,
                         const char *expected) {
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;
    size_t rows = table->rows, text_size = table->text_size;
    struct flat_column before[3];

    assert_in_range(table->count, 1, COUNT_OF(before));
    flat_columns_remember(table, before);
    if (flat_columns_line(table, &cursor)) fail_msg("%s was taken", text);
    assert_failed(line, cursor, column, expected);
    assert_ptr_equal(table->wrong, wrong == NO_COLUMN ? NULL : &table->columns[wrong]);
    assert_int_equal(table->rows, rows);
    flat_columns_restore(table, before);
    assert_int_equal(table->text_size, text_size);
    line_end(line);
}

static void items_in_any_spelling(void **state) {
    static const char *const lines[] = {
        "(1, 2.5, 'abc')",       "[1,2.5,\"abc\",]",      " ( 1 , 2.5 ,\t'abc' , ) # abc",
        "(0x1,25e-1,'\\x61bc')", "[+1, 2.50, 'ab\\143']", "(1 ,2.5, u'abc') ",
    };
    struct flat_columns table = table_make(FLAT_SHAPE_ITEMS, 3);
    (void)state;

    for (size_t i = 0; i < COUNT_OF(lines); i++) read_line(&table, lines[i]);
    for (size_t row = 0; row < COUNT_OF(lines); row++) {
        double real;

        assert_int_at(&table, row, 1);
        memcpy(&real, table.columns[1].values + 8 * row, sizeof real);
        assert_true(real == 2.5);
        assert_text_at(&table.columns[2], row, "abc", 3);
    }
    table_drop(&table);
}

static void items_that_do_not_fit(void **state) {
    static const char more[] = "the end of the record: it has more values than there are columns";
    struct flat_columns table = table_make(FLAT_SHAPE_ITEMS, 2);
    (void)state;

    read_line(&table, "(1, 'a')");
    assert_wrong(&table, "(1)", 1, 3, "',' and another value");
    assert_wrong(&table, "(1,)", 1, 4, "a str");
    assert_wrong(&table, "()", 0, 2, "an int");
    assert_wrong(&table, "(1", 1, 3, "',' and another value");
    assert_wrong(&table, "(1, ", 1, 5, "a str");
    assert_wrong(&table, "(1, 'a', 2)", NO_COLUMN, 10, more);
    assert_wrong(&table, "(1, 'a',", NO_COLUMN, 9, more);
    assert_wrong(&table, "(1, 'a'", NO_COLUMN, 8, "the end of the record");
    assert_wrong(&table, "(1, 'a']", NO_COLUMN, 8, "the end of the record");
    assert_wrong(&table, "('a', 1)", 0, 2, "an int");
    assert_wrong(&table, "(1, 2)", 1, 5, "a str");
    assert_wrong(&table, "(1, 'a') 2", NO_COLUMN, 10, "the end of the line");
    assert_wrong(&table, "(1, 'a'))", NO_COLUMN, 9, "the end of the line");
    assert_wrong(&table, " 1, 'a'", NO_COLUMN, 2, "a tuple or a list, as before");
    assert_wrong(&table, "{'a': 1, 'b': 'a'}", NO_COLUMN, 1, "a tuple or a list, as before");
    assert_wrong(&table, "", NO_COLUMN, 1, "a tuple or a list, as before");
    read_line(&table, "(2, 'b')");
    assert_int_at(&table, 1, 2);
    table_drop(&table);
}

static void keys_in_any_order(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_KEYS, 3);
    (void)state;

    read_line(&table, "{'a': 1, 'b': 2, 'c': 3}");
    read_line(&table, "{'c': 3, 'a': 1, 'b': 2,}");
    read_line(&table, "{\"b\" :2,'\\x63':3 , u'a': 1}");
    for (size_t row = 0; row < 3; row++)
        for (size_t i = 0; i < 3; i++) {
            uint64_t value;

            memcpy(&value, table.columns[i].values + 8 * row, sizeof value);
            assert_int_equal(value, i + 1);
        }
    table_drop(&table);
}

static void keys_that_do_not_fit(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_KEYS, 2);
    (void)state;

    read_line(&table, "{'a': 1, 'b': 2}");
    assert_wrong(&table, "{'a': 1}", 1, 8, "all keys");
    assert_wrong(&table, "{'b': 1,}", 0, 9, "all keys");
    assert_wrong(&table, "{}", 0, 2, "all keys");
    assert_wrong(&table, "{'b': 1, 'b': 2}", 1, 10, "each key once");
    assert_wrong(&table, "{'a': 1, 'b': 2, 'a': 1}", 0, 18, "each key once");
    assert_wrong(&table, "{'a': 1, 'c': 2}", NO_COLUMN, 10, "a key that all records have");
    assert_wrong(&table, "{'aa': 1, 'b': 2}", NO_COLUMN, 2, "a key that all records have");
    assert_wrong(&table, "{'': 1}", NO_COLUMN, 2, "a key that all records have");
    assert_wrong(&table, "{b'a': 1, 'b': 2}", NO_COLUMN, 2, "a key that all records have");
    assert_wrong(&table, "{1: 1}", NO_COLUMN, 2, "a string as the key");
    assert_wrong(&table, "{'a' 1}", 0, 6, "':'");
    assert_wrong(&table, "{'a': 1 'b': 2}", NO_COLUMN, 9, "',' or '}'");
    assert_wrong(&table, "{'a': 1, 'b': 2", NO_COLUMN, 16, "',' or '}'");
    assert_wrong(&table, "{'b': 1, 'a': 'x'}", 0, 15, "an int");
    assert_wrong(&table, "{'a': 1, 'b': 2} 3", NO_COLUMN, 18, "the end of the line");
    assert_wrong(&table, "(1, 2)", NO_COLUMN, 1, "a dict, as before");
    table_drop(&table);
}

static void single_values(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    read_line(&table, "1");
    read_line(&table, " 22 # two");
    assert_int_at(&table, 0, 1);
    assert_int_at(&table, 1, 22);
    assert_wrong(&table, "1, 2", NO_COLUMN, 2, "the end of the line");
    assert_wrong(&table, "(1)", 0, 1, "an int");
    assert_wrong(&table, "'1'", 0, 1, "an int");
    table_drop(&table);
}

/* ---- Batches ------------------------------------------------------------- */

static void a_batch_is_full_of_rows(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_ITEMS, 2);
    (void)state;

    table.columns[0].nullable = true;
    for (size_t row = 0; row < TABLE_ROWS; row++) {
        assert_false(flat_columns_are_full(&table));
        read_line(&table, row == 3 ? "(None, 'abc')" : "(1, 'ab')");
    }
    assert_true(flat_columns_are_full(&table));

    flat_columns_restart(&table);
    assert_false(flat_columns_are_full(&table));
    assert_int_equal(table.rows + table.text_size, 0);
    assert_int_equal(table.columns[0].nulls, 0);
    read_line(&table, "(5, 'x')");
    assert_int_at(&table, 0, 5);
    assert_text_at(&table.columns[1], 0, "x", 1);
    /* What holds of all rows is not forgotten. */
    assert_int_equal(table.columns[1].longest, 3);
    assert_true(table.columns[1].uneven);
    table_drop(&table);
}

static void a_batch_is_full_of_text(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_ITEMS, 2);
    char *text = malloc(FLAT_BATCH_TEXT + 1);
    (void)state;

    assert_non_null(text);
    memset(text, 'x', FLAT_BATCH_TEXT);
    memcpy(text, "('", 2);
    strcpy(text + FLAT_BATCH_TEXT - 6, "', '')");
    read_line(&table, text);
    assert_int_equal(table.text_size, FLAT_BATCH_TEXT - 8);
    assert_false(flat_columns_are_full(&table));
    read_line(&table, "('1234', '567')");
    assert_false(flat_columns_are_full(&table));
    read_line(&table, "('', '8')");
    assert_true(flat_columns_are_full(&table));
    free(text);
    table_drop(&table);
}

/* Though its values, up to the place where it is wrong, changed what the columns are. */
static void a_line_that_was_taken_back_leaves_no_trace(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_ITEMS, 3);
    struct flat_column *columns = table.columns;
    (void)state;

    columns[2].nullable = true;
    read_line(&table, "(1, 'ab', None)");
    read_line(&table, "(-2, 'cd', None)");
    assert_wrong(&table, "(2.5, 'efgh', 7) x", NO_COLUMN, 18, "the end of the line");
    assert_wrong(&table, "(3, 'e', None) x", NO_COLUMN, 16, "the end of the line");
    assert_int_equal(columns[0].kind, FLAT_KIND_INT);
    assert_int_at(&table, 0, 1);
    assert_int_at(&table, 1, -2);
    assert_true(columns[1].longest == 2 && !columns[1].uneven && columns[1].text_size == 4);
    assert_true(columns[2].kind == FLAT_KIND_UNKNOWN && columns[2].nulls == 2);
    read_line(&table, "(3, 'ef', 7)");
    assert_text_at(&columns[1], 2, "ef", 2);
    assert_int_equal(columns[2].valid[0] & 7, 4);
    table_drop(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_in_any_spelling),
        cmocka_unit_test(items_that_do_not_fit),
        cmocka_unit_test(keys_in_any_order),
        cmocka_unit_test(keys_that_do_not_fit),
        cmocka_unit_test(single_values),
        cmocka_unit_test(a_batch_is_full_of_rows),
        cmocka_unit_test(a_batch_is_full_of_text),
        cmocka_unit_test(a_line_that_was_taken_back_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
