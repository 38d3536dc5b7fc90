/* One value of one column. */
#ifndef SHOAL_SERIAL_FLAT_COLUMN_H
#define SHOAL_SERIAL_FLAT_COLUMN_H

#include "shoal/flat_columns.h"

#define FLAT_EXACT ((uint64_t)1 << 53) /* doubles have every integer up to here */

/* Reads a value into the column's next row. False: the cursor says where and why. */
bool flat_column_read(struct flat_columns *table, struct flat_column *column,
                      struct flat_cursor *cursor);

/* Stores what was read. `start` is where it is, for the report of a failure. */
bool flat_column_put_int(const struct flat_columns *table, struct flat_column *column,
                         struct flat_cursor *cursor, const unsigned char *start,
                         const struct flat_number *number);
bool flat_column_put_float(const struct flat_columns *table, struct flat_column *column,
                           struct flat_cursor *cursor, const unsigned char *start, double real);

/* What is in the room behind text_size becomes the next row. */
static inline bool flat_column_put_text(struct flat_columns *table, struct flat_column *column,
                                        struct flat_cursor *cursor, const unsigned char *start,
                                        size_t size) {
    if (column->width != 0 && size > column->width)
        return flat_fail(cursor, start, "a text no longer than the schema allows, in UTF-8 bytes");
    if (column->padded && size > 0 && column->text[column->text_size + size - 1] == 0)
        return flat_fail(cursor, start, "a text that does not end in NUL, which NumPy takes away");
    column->uneven |= column->begun && size != column->longest;
    column->begun = true;
    if (size > column->longest) column->longest = size;
    column->text_size += size;
    table->text_size += size;
    column->ends[table->rows + 1] = (int32_t)column->text_size;
    return true;
}

#endif
