/* Columns as records side by side, as structured arrays have them. */
#include "shoal/flat_columns.h"

#include <string.h>

static inline void spread_numbers(const struct flat_column *column, size_t rows, unsigned char *to,
                                  size_t stride, size_t width) {
    const unsigned char *from = column->values;

    for (size_t row = 0; row < rows; row++, to += stride, from += width) memcpy(to, from, width);
}

static void spread_texts(const struct flat_column *column, size_t rows, unsigned char *to,
                         size_t stride, size_t width) {
    for (size_t row = 0; row < rows; row++, to += stride) {
        size_t start = (size_t)column->ends[row], size = (size_t)column->ends[row + 1] - start;

        if (size > 0) memcpy(to, column->text + start, size);
        if (size < width) memset(to + size, 0, width - size);
    }
}

void flat_column_spread(const struct flat_column *column, size_t rows, unsigned char *to,
                        size_t stride, size_t width) {
    if (!flat_is_number_kind(column->kind)) {
        spread_texts(column, rows, to, stride, width);
        return;
    }
    switch (width) { /* sizes that the compiler knows are one move each */
    case 8:
        spread_numbers(column, rows, to, stride, 8);
        break;
    case 4:
        spread_numbers(column, rows, to, stride, 4);
        break;
    default:
        spread_numbers(column, rows, to, stride, width);
    }
}

/* One field of one record. What is longer than before is padded with NUL. */
static void move_field(unsigned char *to, const unsigned char *from,
                       const struct flat_field *field) {
    size_t size = field->from_size < field->to_size ? field->from_size : field->to_size;

    memmove(to + field->to, from + field->from, size);
    memset(to + field->to + size, 0, field->to_size - size);
}

void flat_records_move(unsigned char *records, size_t rows, size_t from_stride, size_t to_stride,
                       const struct flat_field *fields, size_t count) {
    if (to_stride > from_stride) { /* from the last on: nothing is written over */
        for (size_t row = rows; row-- > 0;)
            for (size_t i = count; i-- > 0;)
                move_field(records + row * to_stride, records + row * from_stride, &fields[i]);
        return;
    }
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < count; i++)
            move_field(records + row * to_stride, records + row * from_stride, &fields[i]);
}
