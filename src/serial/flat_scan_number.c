#include <math.h>
#include <string.h>

#include "flat_plain.h"
#include "shoal/flat_float.h"
#include "shoal/flat_scan.h"

/* Bytes that make the number in front of them another word, or a longer one. */
static const bool joins[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true,   ['a' ... 'z'] = true,
    ['_'] = true,         [0x80 ... 0xff] = true, ['.'] = true,
};

static const char a_digit[] = "a digit";
static const char an_end[] = "a digit or the end of the number";

static bool is_decimal(unsigned char byte) { return byte >= '0' && byte <= '9'; }

static unsigned digit_value(unsigned char byte) {
    if (is_decimal(byte)) return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : 99;
}

static bool goes_on(const struct flat_cursor *cursor, const unsigned char *at) {
    return at < cursor->end && joins[*at];
}

/* Whether a byte behind digits makes them a float, or imaginary. */
static bool is_fraction(unsigned char byte) {
    return byte == '.' || (byte | 0x20) == 'e' || (byte | 0x20) == 'j';
}

/* Passes over digits with single underscores between them, at least one; NULL: failed. */
static const unsigned char *pass_digits(struct flat_cursor *cursor, const unsigned char *at,
                                        unsigned base) {
    for (;;) {
        const unsigned char *start = at;

        while (at < cursor->end && digit_value(*at) < base) at++;
        if (at == start) {
            flat_fail(cursor, at, a_digit);
            return NULL;
        }
        if (at == cursor->end || *at != '_') return at;
        at++;
    }
}

/* ---- Integers ------------------------------------------------------------ */

/* Sets kind and magnitude, or what a FLAT_BIG_INT has, from digits that were passed. */
static void count_integer(struct flat_number *number, const unsigned char *at,
                          const unsigned char *end, unsigned base) {
    uint64_t magnitude = 0;
    bool fits = true;

    while (at < end && (*at == '0' || *at == '_')) at++;
    number->digits = at;
    number->digits_end = end;
    number->digit_count = 0;
    number->base = base;
    for (; at < end; at++) {
        if (*at == '_') continue;
        number->digit_count++;
        fits = fits && !__builtin_mul_overflow(magnitude, (uint64_t)base, &magnitude) &&
               !__builtin_add_overflow(magnitude, (uint64_t)digit_value(*at), &magnitude);
    }
    number->kind = fits ? FLAT_INT : FLAT_BIG_INT;
    number->magnitude = magnitude;
}

/* 0x, 0o, 0b: the prefix is there. */
static bool scan_based(struct flat_cursor *cursor, const unsigned char *at, unsigned base,
                       struct flat_number *number) {
    const unsigned char *start = at + 2, *end;

    if (start < cursor->end && *start == '_') start++;
    end = pass_digits(cursor, start, base);
    if (end == NULL) return false;
    if (goes_on(cursor, end)) return flat_fail(cursor, end, an_end);
    count_integer(number, start, end, base);
    cursor->at = end;
    return true;
}

static bool has_eight_digits(uint64_t word) {
    return ((word & 0xf0f0f0f0f0f0f0f0u) |
            ((word + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4) == 0x3333333333333333u;
}

/* Eight digits at once: pairs, then fours, then all, in the fields of one word. */
static uint64_t eight_digits(uint64_t word) {
    word = (word & 0x0f0f0f0f0f0f0f0fu) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    return (word & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
}

/* Passes over plain digits and adds up the first 19, which 64 bits always hold. */
static const unsigned char *pass_plain(const unsigned char *at, const unsigned char *end,
                                       uint64_t *magnitude) {
    const unsigned char *start = at;
    uint64_t sum = 0, word;

    while (end - at >= 8 && at - start <= 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        memcpy(&word, at, 8);
        if (!has_eight_digits(word)) break;
        sum = sum * 100000000 + eight_digits(word);
        at += 8;
    }
    for (; at < end && is_decimal(*at) && at - start < 19; at++) sum = sum * 10 + (*at - '0');
    while (at < end && is_decimal(*at)) at++;
    *magnitude = sum;
    return at;
}

/* ---- Floats -------------------------------------------------------------- */

/* Fails at the beginning of the number. */
static bool read_plain(struct flat_cursor *cursor, const unsigned char *start, size_t size,
                       const unsigned char **end, double *value) {
    size_t used = flat_float_read(start, size, value);

    *end = start + used;
    if (used == 0) return flat_fail(cursor, cursor->at, "memory for a float");
    return used <= FLAT_LONGEST_FLOAT ||
           flat_fail(cursor, cursor->at, "a float of at most 1024 characters");
}

/* Where a float with underscores ends; NULL: failed. */
static const unsigned char *pass_float(struct flat_cursor *cursor, const unsigned char *at) {
    if (*at != '.') at = pass_digits(cursor, at, 10);
    if (at != NULL && at < cursor->end && *at == '.') {
        at++;
        if (at < cursor->end && is_decimal(*at)) at = pass_digits(cursor, at, 10);
    }
    if (at == NULL || at == cursor->end || (*at | 0x20) != 'e') return at;
    at++;
    if (at < cursor->end && (*at == '+' || *at == '-')) at++;
    return pass_digits(cursor, at, 10);
}

/* The same with the underscores taken away, for what flat_float_read() does not take. */
static bool read_spaced(struct flat_cursor *cursor, const unsigned char *start,
                        const unsigned char **end, double *value) {
    unsigned char room[FLAT_LONGEST_FLOAT + 1];
    const unsigned char *stop = pass_float(cursor, start), *behind;
    size_t size = 0;

    if (stop == NULL) return false;
    for (const unsigned char *at = start; at < stop && size < sizeof room; at++)
        if (*at != '_') room[size++] = *at;
    *end = stop;
    return read_plain(cursor, room, size, &behind, value);
}

static bool read_float(struct flat_cursor *cursor, const unsigned char *start,
                       const unsigned char **end, double *value) {
    size_t left = (size_t)(cursor->end - start);

    if (!read_plain(cursor, start, left, end, value)) return false;
    if (*end == cursor->end || (**end != '_' && (**end | 0x20) != 'e')) return true;
    return read_spaced(cursor, start, end, value);
}

/* Takes "j" where it is; whatever would not belong there fails. */
static bool end_part(struct flat_cursor *cursor, const unsigned char *at, bool *imaginary) {
    *imaginary = at < cursor->end && (*at | 0x20) == 'j';
    at += *imaginary;
    if (goes_on(cursor, at)) return flat_fail(cursor, at, an_end);
    cursor->at = at;
    return true;
}

static bool scan_float(struct flat_cursor *cursor, const unsigned char *start,
                       struct flat_number *number, bool *imaginary) {
    const unsigned char *end;

    if (!read_float(cursor, start, &end, &number->real)) return false;
    number->kind = FLAT_FLOAT;
    return end_part(cursor, end, imaginary);
}

/* ---- Decimal ------------------------------------------------------------- */

/* Whether plain digits, of which pass_plain() has added up 19, are a FLAT_INT. */
static bool is_small(struct flat_number *number, const unsigned char *start,
                     const unsigned char *end) {
    number->kind = FLAT_INT;
    if (end - start <= 19) return true;
    return end - start == 20 &&
           !__builtin_mul_overflow(number->magnitude, (uint64_t)10, &number->magnitude) &&
           !__builtin_add_overflow(number->magnitude, (uint64_t)(end[-1] - '0'),
                                   &number->magnitude);
}

/* Digits up to `at`, and no fraction behind them. */
static bool scan_integer(struct flat_cursor *cursor, const unsigned char *start,
                         const unsigned char *at, struct flat_number *number, bool *imaginary) {
    bool plain = at == cursor->end || *at != '_';

    if (!plain) at = pass_digits(cursor, start, 10);
    if (at == NULL) return false;
    if (at < cursor->end && !plain && is_fraction(*at))
        return scan_float(cursor, start, number, imaginary);
    if (!plain || *start == '0' || !is_small(number, start, at)) {
        count_integer(number, start, at, 10);
        if (*start == '0' && number->digit_count > 0)
            return flat_fail(cursor, start, "an integer without leading zeros");
    }
    return end_part(cursor, at, imaginary);
}

static bool scan_decimal(struct flat_cursor *cursor, const unsigned char *start,
                         struct flat_number *number, bool *imaginary) {
    const unsigned char *at = pass_plain(start, cursor->end, &number->magnitude);
    unsigned char next = at < cursor->end ? *at : 0;

    if (at == start && (next != '.' || at + 1 == cursor->end || !is_decimal(at[1])))
        return flat_fail(cursor, at, a_digit);
    if (is_fraction(next)) return scan_float(cursor, start, number, imaginary);
    return scan_integer(cursor, start, at, number, imaginary);
}

/* ---- nan and inf --------------------------------------------------------- */

static bool is_nan_or_inf(const unsigned char *at, const unsigned char *end) {
    return end - at >= 3 && (memcmp(at, "nan", 3) == 0 || memcmp(at, "inf", 3) == 0);
}

bool flat_is_number_name(const struct flat_cursor *cursor) {
    const unsigned char *behind = cursor->at + 3;

    if (!is_nan_or_inf(cursor->at, cursor->end)) return false;
    if (behind < cursor->end && *behind == 'j') behind++;
    return !goes_on(cursor, behind);
}

static bool scan_name(struct flat_cursor *cursor, const unsigned char *at,
                      struct flat_number *number, bool *imaginary) {
    number->kind = FLAT_FLOAT;
    number->real = *at == 'n' ? (double)NAN : (double)INFINITY;
    return end_part(cursor, at + 3, imaginary);
}

/* ---- Whole numbers ------------------------------------------------------- */

/* A number without its sign; `imaginary`: with "j" behind it. The cursor's `at` is
 * moved only on success. */
static bool scan_part(struct flat_cursor *cursor, const unsigned char *at,
                      struct flat_number *number, bool *imaginary) {
    *imaginary = false;
    if (at < cursor->end && (*at == 'n' || *at == 'i') && is_nan_or_inf(at, cursor->end))
        return scan_name(cursor, at, number, imaginary);
    if (cursor->end - at >= 2 && *at == '0') {
        switch (at[1] | 0x20) {
        case '.': /* which has that bit */
            return scan_float(cursor, at, number, imaginary);
        case 'x':
            return scan_based(cursor, at, 16, number);
        case 'o':
            return scan_based(cursor, at, 8, number);
        case 'b':
            return scan_based(cursor, at, 2, number);
        default:
            break;
        }
    }
    return scan_decimal(cursor, at, number, imaginary);
}

static const unsigned char *pass_sign(const struct flat_cursor *cursor, bool *negative) {
    struct flat_cursor after = *cursor;

    *negative = after.at < after.end && *after.at == '-';
    if (*negative || (after.at < after.end && *after.at == '+')) {
        after.at++;
        flat_skip_space(&after);
    }
    return after.at;
}

/* A part of a complex as a double; false: it is an integer beyond them. */
static bool part_as_double(struct flat_cursor *cursor, const unsigned char *start,
                           const struct flat_number *number, double *value) {
    const unsigned char *end;

    *value = number->kind == FLAT_INT ? (double)number->magnitude : number->real;
    if (number->kind != FLAT_BIG_INT) return true;
    if (number->base == 10 && read_float(cursor, number->digits, &end, value) && !isinf(*value))
        return true;
    return flat_fail(cursor, start, "a number in the range of floats");
}

/* Behind the real part: a sign and the imaginary part. */
static bool scan_imaginary(struct flat_cursor *cursor, const unsigned char *start,
                           struct flat_number *number) {
    struct flat_number part;
    bool negative, imaginary;
    const unsigned char *at = pass_sign(cursor, &negative);

    if (!part_as_double(cursor, start, number, &number->real)) return false;
    if (number->negative) number->real = -number->real;
    if (!scan_part(cursor, at, &part, &imaginary)) return false;
    if (!imaginary) return flat_fail(cursor, cursor->at, "'j'");
    number->kind = FLAT_COMPLEX;
    number->negative = false;
    if (!part_as_double(cursor, at, &part, &number->imaginary)) return false;
    if (negative) number->imaginary = -number->imaginary;
    return true;
}

/* A number that is all imaginary: its real part is 0.0, as repr leaves it out. */
static bool make_imaginary(struct flat_cursor *cursor, const unsigned char *start,
                           struct flat_number *number) {
    if (!part_as_double(cursor, start, number, &number->imaginary)) return false;
    if (number->negative) number->imaginary = -number->imaginary;
    number->real = 0.0;
    number->negative = false;
    number->kind = FLAT_COMPLEX;
    return true;
}

/* Whether the imaginary part comes behind the real one; passes over space to it. */
static bool has_imaginary(struct flat_cursor *cursor) {
    const unsigned char *behind = cursor->at;

    if (behind == cursor->end || *behind == ',' || *behind == ')') return false;
    flat_skip_space(cursor);
    if (cursor->at < cursor->end && (*cursor->at == '+' || *cursor->at == '-')) return true;
    cursor->at = behind;
    return false;
}

bool flat_scan_number(struct flat_cursor *cursor, struct flat_number *number) {
    const unsigned char *start = cursor->at, *behind;
    bool imaginary;

    behind = flat_plain_number(start, cursor->end, number);
    if (behind != NULL) {
        cursor->at = behind;
        return true;
    }
    if (!scan_part(cursor, pass_sign(cursor, &number->negative), number, &imaginary)) return false;
    if (imaginary) return make_imaginary(cursor, start, number);
    if (has_imaginary(cursor)) {
        if (scan_imaginary(cursor, start, number)) return true;
        cursor->at = start;
        return false;
    }
    if (number->kind == FLAT_FLOAT) {
        if (number->negative) number->real = -number->real;
        number->negative = false;
    }
    return true;
}
