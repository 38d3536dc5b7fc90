/* Columns for tests, all of whose memory is as long as they say: a sanitizer sees every
 * byte too far. A table is made with table_make(), told what its columns are to be, and
 * freed by table_drop(). */
#ifndef SHOAL_TESTS_FLAT_TABLE_H
#define SHOAL_TESTS_FLAT_TABLE_H

#include "flat_line.h"
#include "serial/flat_column.h"

enum { TABLE_ROWS = 16 };

/* How much more room is made for texts than was asked for. The quick way to read a text
 * needs some; without, every text is scanned. */
static size_t spare_room;

static inline bool make_room(struct flat_columns *table, struct flat_column *column, size_t more) {
    size_t room = column->text_size + more + spare_room;
    unsigned char *text = realloc(column->text, room == 0 ? 1 : room);

    (void)table;
    assert_non_null(text);
    column->text = text;
    column->text_room = room;
    return true;
}

static inline bool make_no_room(struct flat_columns *table, struct flat_column *column,
                                size_t more) {
    (void)table, (void)column, (void)more;
    return false;
}

/* `count` columns of nothing so far, called "a", "b", "c". */
static inline struct flat_columns table_make(enum flat_shape shape, size_t count) {
    struct flat_columns table = {
        .shape = shape, .count = count, .most_rows = TABLE_ROWS, .make_room = make_room};

    table.columns = calloc(count, sizeof *table.columns);
    assert_non_null(table.columns);
    for (size_t i = 0; i < count; i++) {
        struct flat_column *column = &table.columns[i];

        column->name = (const unsigned char *)"abcdefghijklmnopqrstuvwxyz" + i;
        column->name_size = 1;
        column->values = malloc(8 * TABLE_ROWS);
        column->ends = calloc(TABLE_ROWS + 1, sizeof *column->ends);
        column->valid = malloc((TABLE_ROWS + 7) / 8);
        assert_true(column->values != NULL && column->ends != NULL && column->valid != NULL);
        memset(column->values, 0xa5, 8 * TABLE_ROWS);
    }
    return table;
}

static inline void table_drop(struct flat_columns *table) {
    for (size_t i = 0; i < table->count; i++) {
        free(table->columns[i].values);
        free(table->columns[i].ends);
        free(table->columns[i].valid);
        free(table->columns[i].text);
    }
    free(table->columns);
}

/* The schema says what a column is. */
static inline void give(struct flat_column *column, enum flat_kind kind, bool is_signed,
                        unsigned width) {
    column->given = true;
    column->kind = kind;
    column->is_signed = is_signed;
    column->width = width;
    if (!flat_is_number_kind(kind)) return;
    column->values = realloc(column->values, TABLE_ROWS * flat_value_width(column));
    assert_non_null(column->values);
}

/* Reads a value, which must be all of the text, into the next row of the first column.
 * Not the quick way. */
static inline void put(struct flat_columns *table, const char *text) {
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;

    if (!flat_column_read(table, table->columns, &cursor))
        fail_msg("%s: expected %s", text, cursor.expected);
    assert_ptr_equal(cursor.at, cursor.end);
    table->rows++;
    line_end(line);
}

/* A value that does not fit into the first column, and why. */
static inline void assert_refused(struct flat_columns *table, const char *text, size_t column,
                                  const char *expected) {
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;

    if (flat_column_read(table, table->columns, &cursor)) fail_msg("%s was taken", text);
    assert_failed(line, cursor, column, expected);
    line_end(line);
}

static inline void assert_int_at(const struct flat_columns *table, size_t row, int64_t expected) {
    int64_t value;

    memcpy(&value, table->columns->values + 8 * row, sizeof value);
    assert_int_equal(value, expected);
}

/* To the bit, so that -0.0 is not 0.0. */
static inline void assert_float_at(const struct flat_columns *table, size_t row, double expected) {
    assert_memory_equal(table->columns->values + 8 * row, &expected, sizeof expected);
}

static inline void assert_text_at(const struct flat_column *column, size_t row,
                                  const char *expected, size_t size) {
    assert_int_equal(column->ends[row + 1] - column->ends[row], size);
    if (size > 0) assert_memory_equal(column->text + column->ends[row], expected, size);
}

#endif
