/* One value of one column. */
#ifndef SHOAL_SERIAL_FLAT_COLUMN_H
#define SHOAL_SERIAL_FLAT_COLUMN_H

#include "shoal/flat_columns.h"

/* Reads a value into the column's next row. False: the cursor says where and why. */
bool flat_column_read(struct flat_columns *table, struct flat_column *column,
                      struct flat_cursor *cursor);

/* Stores what was read. `start` is where it is, for the report of a failure. */
bool flat_column_put_int(const struct flat_columns *table, struct flat_column *column,
                         struct flat_cursor *cursor, const unsigned char *start,
                         const struct flat_number *number);
bool flat_column_put_float(const struct flat_columns *table, struct flat_column *column,
                           struct flat_cursor *cursor, const unsigned char *start, double real);

#endif
