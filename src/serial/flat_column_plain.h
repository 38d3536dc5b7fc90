/* A value in the plain spelling of its column's type, which is what nearly all are: read
 * and stored in one go, in line with the loop over a record. */
#ifndef SHOAL_SERIAL_FLAT_COLUMN_PLAIN_H
#define SHOAL_SERIAL_FLAT_COLUMN_PLAIN_H

#include <string.h>

#include "base/hints.h"
#include "flat_column.h"
#include "flat_plain.h"

/* Each returns where the value ends, or NULL: it is not spelt so, or does not fit. Nothing
 * happened then, but for a failure of the cursor, which will be the same again. */

static inline const unsigned char *flat_column_plain_float(struct flat_columns *table,
                                                           struct flat_column *column,
                                                           struct flat_cursor *cursor) {
    const unsigned char *start = cursor->at, *behind;
    double real;

    behind = flat_plain_float(start, cursor->end, &real);
    if (behind == NULL) return NULL;
    if (flat_value_width(column) == 8) {
        memcpy(column->values + 8 * table->rows, &real, 8);
        return behind;
    }
    return flat_column_put_float(table, column, cursor, start, real) ? behind : NULL;
}

/* Whether nothing has to be asked but whether a double would hold it: not below 0, and
 * within what an inferred column has by now. */
static inline bool flat_column_has_room_for(const struct flat_column *column,
                                            const struct flat_number *number) {
    return !column->given && !number->negative && (column->big || number->magnitude <= INT64_MAX);
}

static inline const unsigned char *flat_column_plain_int(struct flat_columns *table,
                                                         struct flat_column *column,
                                                         struct flat_cursor *cursor) {
    const unsigned char *start = cursor->at, *behind;
    struct flat_number number;

    behind = flat_plain_int(start, cursor->end, &number);
    if (behind == NULL) return NULL;
    if (flat_column_has_room_for(column, &number)) {
        column->inexact |= number.magnitude > FLAT_EXACT;
        memcpy(column->values + 8 * table->rows, &number.magnitude, 8);
        return behind;
    }
    return flat_column_put_int(table, column, cursor, start, &number) ? behind : NULL;
}

static inline const unsigned char *flat_column_plain_text(struct flat_columns *table,
                                                          struct flat_column *column,
                                                          struct flat_cursor *cursor) {
    const unsigned char *start = cursor->at, *behind;
    size_t left = (size_t)(cursor->end - start);

    if (left == 0 || *start != '\'') return NULL;
    if (column->text_room - column->text_size < left + 8) return NULL;
    behind = flat_plain_text(start + 1, cursor->end, column->text + column->text_size);
    if (behind == NULL) return NULL;
    if (!flat_column_put_text(table, column, cursor, start, (size_t)(behind - start) - 1))
        return NULL;
    return behind + 1;
}

/* False: flat_column_read() has the last word. */
static always_inline bool flat_column_read_plain(struct flat_columns *table,
                                                 struct flat_column *column,
                                                 struct flat_cursor *cursor) {
    const unsigned char *behind = NULL;

    if (column->kind == FLAT_KIND_FLOAT)
        behind = flat_column_plain_float(table, column, cursor);
    else if (column->kind == FLAT_KIND_INT)
        behind = flat_column_plain_int(table, column, cursor);
    else if (column->kind == FLAT_KIND_TEXT)
        behind = flat_column_plain_text(table, column, cursor);
    if (behind == NULL) return false;
    cursor->at = behind;
    return true;
}

#endif
