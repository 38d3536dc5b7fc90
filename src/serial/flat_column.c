#include "flat_column.h"

#include <string.h>

static const char *words_for(const struct flat_column *column) {
    switch (column->kind) {
    case FLAT_KIND_INT:
        return "an int";
    case FLAT_KIND_FLOAT:
        return "a float";
    case FLAT_KIND_BOOL:
        return "True or False";
    case FLAT_KIND_TEXT:
        return "a str";
    case FLAT_KIND_BYTES:
        return "bytes";
    default:
        return "a number, a str, bytes, True, False or None";
    }
}

/* ---- What a column is ---------------------------------------------------- */

/* The rows of the batch as floats. Earlier batches are their user's. */
static void ints_to_floats(const struct flat_columns *table, struct flat_column *column) {
    for (size_t row = 0; row < table->rows; row++) {
        int64_t whole;
        double real;

        memcpy(&whole, column->values + 8 * row, sizeof whole);
        real = (double)whole;
        memcpy(column->values + 8 * row, &real, sizeof real);
    }
    column->kind = FLAT_KIND_FLOAT;
}

/* The first value says what an inferred column is; above it there was only None. */
static void begin(const struct flat_columns *table, struct flat_column *column,
                  enum flat_kind kind) {
    column->kind = kind;
    if (flat_is_number_kind(kind))
        memset(column->values, 0, table->rows * 8);
    else
        memset(column->ends, 0, (table->rows + 1) * sizeof *column->ends);
    column->begun = table->rows > 0;
}

static bool is_of(const struct flat_columns *table, struct flat_column *column,
                  enum flat_kind kind) {
    if (column->kind == FLAT_KIND_UNKNOWN) begin(table, column, kind);
    return column->kind == kind;
}

/* ---- Numbers of either kind ------------------------------------------------ */

/* As float(i): an int has no -0. */
static double real_of(const struct flat_number *number) {
    double real = (double)number->magnitude;

    return number->negative && number->magnitude != 0 ? -real : real;
}

/* Into a column of floats only what is equal to one, but where the schema wants floats. */
static bool put_int(const struct flat_columns *table, struct flat_column *column,
                    struct flat_cursor *cursor, const unsigned char *start,
                    const struct flat_number *number, const char *expected) {
    if (column->kind == FLAT_KIND_FLOAT && number->kind == FLAT_INT &&
        (column->given || number->magnitude <= FLAT_EXACT))
        return flat_column_put_float(table, column, cursor, start, real_of(number));
    if (!is_of(table, column, FLAT_KIND_INT)) return flat_fail(cursor, start, expected);
    return flat_column_put_int(table, column, cursor, start, number);
}

static bool put_float(const struct flat_columns *table, struct flat_column *column,
                      struct flat_cursor *cursor, const unsigned char *start, double real,
                      const char *expected) {
    if (column->kind == FLAT_KIND_INT && !column->given && !column->inexact)
        ints_to_floats(table, column);
    if (!is_of(table, column, FLAT_KIND_FLOAT)) return flat_fail(cursor, start, expected);
    return flat_column_put_float(table, column, cursor, start, real);
}

/* ---- None ---------------------------------------------------------------- */

static void mark_null(struct flat_columns *table, struct flat_column *column) {
    size_t row = table->rows;

    if (column->nulls++ == 0) memset(column->valid, 0xff, (table->most_rows + 7) / 8);
    column->valid[row / 8] &= (unsigned char)~(1u << row % 8);
}

static bool put_value(struct flat_columns *table, struct flat_column *column,
                      struct flat_cursor *cursor, const unsigned char *start,
                      const struct flat_value *value) {
    static const char another[] = "no None: the fill is of another type than the column";
    struct flat_number number = {.kind = FLAT_INT, value->negative, value->magnitude};

    if (value->kind == FLAT_KIND_INT)
        return put_int(table, column, cursor, start, &number, another);
    if (value->kind == FLAT_KIND_FLOAT)
        return put_float(table, column, cursor, start, value->real, another);
    if (!is_of(table, column, value->kind)) return flat_fail(cursor, start, another);
    if (value->kind == FLAT_KIND_BOOL) {
        column->values[table->rows] = (unsigned char)value->magnitude;
        return true;
    }
    if (value->size > FLAT_LONGEST_TEXT || !table->make_room(table, column, value->size)) {
        table->no_memory = true;
        return flat_fail(cursor, start, "less");
    }
    if (value->size > 0) memcpy(column->text + column->text_size, value->bytes, value->size);
    return flat_column_put_text(table, column, cursor, start, value->size);
}

static bool put_none(struct flat_columns *table, struct flat_column *column,
                     struct flat_cursor *cursor, const unsigned char *start) {
    static const uint64_t zero;

    if (column->fill.kind != FLAT_KIND_UNKNOWN)
        return put_value(table, column, cursor, start, &column->fill);
    if (!column->nullable)
        return flat_fail(cursor, start, "no None: give the column a fill, or read into Arrow");
    mark_null(table, column);
    if (column->kind == FLAT_KIND_UNKNOWN) return true;
    if (!flat_is_number_kind(column->kind))
        return flat_column_put_text(table, column, cursor, start, 0);
    memcpy(column->values + table->rows * flat_value_width(column), &zero,
           flat_value_width(column));
    return true;
}

/* ---- Values -------------------------------------------------------------- */

static bool read_number(struct flat_columns *table, struct flat_column *column,
                        struct flat_cursor *cursor, const unsigned char *start) {
    struct flat_number number;

    if (!flat_scan_number(cursor, &number)) return false;
    if (number.kind == FLAT_FLOAT)
        return put_float(table, column, cursor, start, number.real,
                         column->inexact ? "an int: the column has ints that no float is equal to"
                                         : words_for(column));
    if (number.kind != FLAT_COMPLEX)
        return put_int(table, column, cursor, start, &number, words_for(column));
    return flat_fail(cursor, start, words_for(column));
}

static bool read_name(struct flat_columns *table, struct flat_column *column,
                      struct flat_cursor *cursor, const unsigned char *start) {
    enum flat_name name;

    if (flat_is_number_name(cursor)) return read_number(table, column, cursor, start);
    if (!flat_scan_name(cursor, &name)) return false;
    if (name == FLAT_NAME_NONE) return put_none(table, column, cursor, start);
    if ((name != FLAT_NAME_TRUE && name != FLAT_NAME_FALSE) ||
        !is_of(table, column, FLAT_KIND_BOOL))
        return flat_fail(cursor, start, words_for(column));
    column->values[table->rows] = name == FLAT_NAME_TRUE;
    return true;
}

/* Lone surrogates are no UTF-8: Arrow and NumPy would refuse them later. */
static bool has_surrogate(const unsigned char *text, size_t size) {
    const unsigned char *end = text + size;

    while ((text = memchr(text, 0xed, (size_t)(end - text))) != NULL && end - text > 1)
        if (*++text >= 0xa0) return true;
    return false;
}

static bool read_string(struct flat_columns *table, struct flat_column *column,
                        struct flat_cursor *cursor, const unsigned char *start) {
    struct flat_string string;
    struct flat_text text = {0, 0};
    size_t size;

    if (!flat_scan_string(cursor, &string)) return false;
    if (!is_of(table, column, string.is_bytes ? FLAT_KIND_BYTES : FLAT_KIND_TEXT))
        return flat_fail(cursor, start, words_for(column));
    size = (size_t)(string.body_end - string.body);
    if (size > FLAT_LONGEST_TEXT) return flat_fail(cursor, start, "a text of at most 1 GiB");
    if (column->text_room - column->text_size < size && !table->make_room(table, column, size)) {
        table->no_memory = true;
        return flat_fail(cursor, start, "less");
    }
    if (string.is_ascii && !string.has_escapes) {
        if (size > 0) memcpy(column->text + column->text_size, string.body, size);
        return flat_column_put_text(table, column, cursor, start, size);
    }
    if (!flat_string_measure(cursor, &string, &text)) return false;
    size = flat_string_write_utf8(&string, column->text + column->text_size);
    if (text.widest >= 0xd800 && string.has_escapes &&
        has_surrogate(column->text + column->text_size, size))
        return flat_fail(cursor, start, "a str without lone surrogates");
    return flat_column_put_text(table, column, cursor, start, size);
}

/* ---- Values ---------------------------------------------------------------- */

bool flat_column_read(struct flat_columns *table, struct flat_column *column,
                      struct flat_cursor *cursor) {
    const unsigned char *start;
    enum flat_token token;

    token = flat_peek(cursor);
    start = cursor->at;
    switch (token) {
    case FLAT_NUMBER:
        return read_number(table, column, cursor, start);
    case FLAT_STRING:
        return read_string(table, column, cursor, start);
    case FLAT_NAME:
        return read_name(table, column, cursor, start);
    default:
        return flat_fail(cursor, start, words_for(column));
    }
}
