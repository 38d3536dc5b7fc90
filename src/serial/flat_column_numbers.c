/* Numbers in columns. An inferred column of ints has eight bytes for each: int64, or
 * uint64 from the first on that needs it, which are the same bits while none is below 0.
 * It becomes one of floats at the first float, if every int is exact as a double. */
#include "flat_column.h"

#include <string.h>

static bool wrong(struct flat_cursor *cursor, const unsigned char *start, const char *expected) {
    return flat_fail(cursor, start, expected);
}

/* Copies with a size that the compiler knows: one move each. */
static inline void store(unsigned char *values, size_t row, unsigned width, const void *value) {
    unsigned char *to = values + row * width;

    switch (width) {
    case 1:
        memcpy(to, value, 1);
        break;
    case 2:
        memcpy(to, value, 2);
        break;
    case 4:
        memcpy(to, value, 4);
        break;
    default:
        memcpy(to, value, 8);
    }
}

/* The low `width` bytes of a number, as the machine orders them. */
static void store_bits(unsigned char *values, size_t row, unsigned width, uint64_t bits) {
    uint8_t low8 = (uint8_t)bits;
    uint16_t low16 = (uint16_t)bits;
    uint32_t low32 = (uint32_t)bits;

    store(values, row, width,
          width == 8   ? (const void *)&bits
          : width == 4 ? (const void *)&low32
          : width == 2 ? (const void *)&low16
                       : (const void *)&low8);
}

static const char *range_of(const struct flat_column *column) {
    static const char *const names[2][4] = {
        {"an integer that fits uint8", "an integer that fits uint16", "an integer that fits uint32",
         "an integer that fits uint64"},
        {"an integer that fits int8", "an integer that fits int16", "an integer that fits int32",
         "an integer that fits int64"},
    };
    unsigned width = column->width;

    if (!column->given) return "an integer that fits int64 or uint64 as all of its column do";
    return names[column->is_signed][width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : 3];
}

static bool fits(const struct flat_column *column, bool negative, uint64_t magnitude) {
    unsigned bits = 8 * column->width;

    if (negative && magnitude != 0) {
        if (!column->is_signed) return false;
        return magnitude <= (uint64_t)1 << (bits - 1);
    }
    return magnitude >> (bits - 1) <= !column->is_signed;
}

/* Whether an inferred column can hold an int beside those it has. */
static bool note_int(struct flat_column *column, bool negative, uint64_t magnitude) {
    bool below = negative && magnitude != 0, above = !negative && magnitude > INT64_MAX;

    if (below && magnitude > (uint64_t)INT64_MAX + 1) return false;
    if ((column->negative || below) && (column->big || above)) return false;
    column->negative |= below;
    column->big |= above;
    column->inexact |= magnitude > FLAT_EXACT;
    return true;
}

bool flat_column_put_int(const struct flat_columns *table, struct flat_column *column,
                         struct flat_cursor *cursor, const unsigned char *start,
                         const struct flat_number *number) {
    uint64_t bits = number->negative ? -number->magnitude : number->magnitude;

    if (number->kind == FLAT_BIG_INT) return wrong(cursor, start, range_of(column));
    if (column->given) {
        if (!fits(column, number->negative, number->magnitude))
            return wrong(cursor, start, range_of(column));
    } else if (!note_int(column, number->negative, number->magnitude)) {
        return wrong(cursor, start, range_of(column));
    }
    store_bits(column->values, table->rows, flat_value_width(column), bits);
    return true;
}

bool flat_column_put_float(const struct flat_columns *table, struct flat_column *column,
                           struct flat_cursor *cursor, const unsigned char *start, double real) {
    float narrow;

    if (flat_value_width(column) == 8) {
        store(column->values, table->rows, 8, &real);
        return true;
    }
    narrow = (float)real;
    if (narrow - narrow != 0 && real - real == 0)
        return wrong(cursor, start, "a float that fits float32");
    store(column->values, table->rows, 4, &narrow);
    return true;
}
