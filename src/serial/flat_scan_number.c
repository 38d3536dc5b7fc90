#include <math.h>
#include <string.h>

#include "shoal/flat_float.h"
#include "shoal/flat_scan.h"

/* An unsigned number, which a sign or the other part of a complex may belong to. */
struct part {
    struct flat_number number; /* FLAT_INT, FLAT_BIG_INT or FLAT_FLOAT */
    bool imaginary;            /* "j" is behind it */
};

static const char a_digit[] = "a digit";
static const char an_end[] = "a digit or the end of the number";

static bool is_decimal(unsigned char byte) { return byte >= '0' && byte <= '9'; }

static unsigned digit_value(unsigned char byte) {
    if (is_decimal(byte)) return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : 99;
}

/* Whether a byte would make the number in front of it another word. */
static bool goes_on(const struct flat_cursor *cursor, const unsigned char *at) {
    unsigned char byte;

    if (at == cursor->end) return false;
    byte = *at;
    return is_decimal(byte) || byte == '_' || byte == '.' || byte >= 0x80 ||
           ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
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
                       struct part *part) {
    const unsigned char *start = at + 2, *end;

    if (start < cursor->end && *start == '_') start++;
    end = pass_digits(cursor, start, base);
    if (end == NULL) return false;
    if (goes_on(cursor, end)) return flat_fail(cursor, end, an_end);
    count_integer(&part->number, start, end, base);
    cursor->at = end;
    return true;
}

static bool has_eight_digits(uint64_t word) {
    return ((word & 0xf0f0f0f0f0f0f0f0u) | ((word + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4)
           == 0x3333333333333333u;
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

/* The text of a float without its underscores; 0: it is too long. */
static size_t without_underscores(const unsigned char *at, const unsigned char *end,
                                  unsigned char *room) {
    size_t size = 0;

    for (; at < end; at++) {
        if (*at == '_') continue;
        if (size == FLAT_LONGEST_FLOAT) return 0;
        room[size++] = *at;
    }
    return size;
}

static bool read_float(struct flat_cursor *cursor, const unsigned char *start,
                       const unsigned char *end, double *value) {
    unsigned char room[FLAT_LONGEST_FLOAT];
    size_t size = (size_t)(end - start);

    if (memchr(start, '_', size) != NULL) {
        size = without_underscores(start, end, room);
        start = room;
    }
    if (size == 0 || size > FLAT_LONGEST_FLOAT)
        return flat_fail(cursor, cursor->at, "a float of at most 1024 characters");
    return flat_float_read(start, size, value) || flat_fail(cursor, cursor->at, "memory");
}

/* What may be behind the integer part, to its end; NULL: failed. */
static const unsigned char *pass_fraction(struct flat_cursor *cursor, const unsigned char *at) {
    if (at < cursor->end && *at == '.') {
        at++;
        if (at < cursor->end && is_decimal(*at)) at = pass_digits(cursor, at, 10);
        if (at == NULL) return NULL;
    }
    if (at < cursor->end && (*at | 0x20) == 'e') {
        at++;
        if (at < cursor->end && (*at == '+' || *at == '-')) at++;
        at = pass_digits(cursor, at, 10);
    }
    return at;
}

/* Takes "j" where it is, and whatever would not belong there fails. */
static bool end_part(struct flat_cursor *cursor, const unsigned char *at, struct part *part) {
    part->imaginary = at < cursor->end && (*at | 0x20) == 'j';
    if (part->imaginary) at++;
    if (goes_on(cursor, at)) return flat_fail(cursor, at, an_end);
    cursor->at = at;
    return true;
}

static bool is_fraction(const struct flat_cursor *cursor, const unsigned char *at) {
    return at < cursor->end && (*at == '.' || (*at | 0x20) == 'e' || (*at | 0x20) == 'j');
}

static bool scan_float(struct flat_cursor *cursor, const unsigned char *start,
                       const unsigned char *at, struct part *part) {
    at = pass_fraction(cursor, at);
    if (at == NULL || !read_float(cursor, start, at, &part->number.real)) return false;
    part->number.kind = FLAT_FLOAT;
    return end_part(cursor, at, part);
}

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

static bool scan_decimal(struct flat_cursor *cursor, const unsigned char *start,
                         struct part *part) {
    struct flat_number *number = &part->number;
    const unsigned char *at = pass_plain(start, cursor->end, &number->magnitude);
    bool plain = at == cursor->end || *at != '_';

    if (at == start) {
        if (at + 1 < cursor->end && *at == '.' && is_decimal(at[1]))
            return scan_float(cursor, start, at, part);
        return flat_fail(cursor, at, a_digit);
    }
    if (!plain) at = pass_digits(cursor, start, 10);
    if (at == NULL) return false;
    if (is_fraction(cursor, at)) return scan_float(cursor, start, at, part);
    if (!plain || *start == '0' || !is_small(number, start, at))
        count_integer(number, start, at, 10);
    if (*start == '0' && number->digit_count > 0)
        return flat_fail(cursor, start, "an integer without leading zeros");
    return end_part(cursor, at, part);
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

static bool scan_name(struct flat_cursor *cursor, const unsigned char *at, struct part *part) {
    part->number.kind = FLAT_FLOAT;
    part->number.real = *at == 'n' ? (double)NAN : (double)INFINITY;
    return end_part(cursor, at + 3, part);
}

/* ---- Whole numbers ------------------------------------------------------- */

/* A part without its sign; the cursor's `at` is moved only on success. */
static bool scan_part(struct flat_cursor *cursor, const unsigned char *at, struct part *part) {
    part->imaginary = false;
    if (is_nan_or_inf(at, cursor->end)) return scan_name(cursor, at, part);
    if (cursor->end - at >= 2 && *at == '0') {
        switch (at[1] | 0x20) {
        case 'x': return scan_based(cursor, at, 16, part);
        case 'o': return scan_based(cursor, at, 8, part);
        case 'b': return scan_based(cursor, at, 2, part);
        default: break;
        }
    }
    return scan_decimal(cursor, at, part);
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

/* A part as a double; false: it is an integer that is not for complex numbers. */
static bool part_as_double(struct flat_cursor *cursor, const unsigned char *start,
                           const struct flat_number *number, double *value) {
    if (number->kind == FLAT_INT) *value = (double)number->magnitude;
    if (number->kind == FLAT_FLOAT) *value = number->real;
    if (number->kind != FLAT_BIG_INT) return true;
    if (number->base == 10 && read_float(cursor, number->digits, number->digits_end, value) &&
        !isinf(*value))
        return true;
    return flat_fail(cursor, start, "a number in the range of floats");
}

/* Behind the real part: a sign and the imaginary part. */
static bool scan_imaginary(struct flat_cursor *cursor, const unsigned char *start,
                           struct flat_number *number) {
    struct part part;
    bool negative;
    const unsigned char *at = pass_sign(cursor, &negative);

    if (!part_as_double(cursor, start, number, &number->real)) return false;
    if (number->negative) number->real = -number->real;
    if (!scan_part(cursor, at, &part)) return false;
    if (!part.imaginary) return flat_fail(cursor, cursor->at, "'j'");
    number->kind = FLAT_COMPLEX;
    number->negative = false;
    if (!part_as_double(cursor, at, &part.number, &number->imaginary)) return false;
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

bool flat_scan_number(struct flat_cursor *cursor, struct flat_number *number) {
    const unsigned char *start = cursor->at, *at, *behind;
    struct part part;
    bool negative;

    at = pass_sign(cursor, &negative);
    part.number.digit_count = 0;
    if (!scan_part(cursor, at, &part)) return false;
    *number = part.number;
    number->negative = negative;
    if (part.imaginary) return make_imaginary(cursor, start, number);
    behind = cursor->at;
    flat_skip_space(cursor);
    if (cursor->at < cursor->end && (*cursor->at == '+' || *cursor->at == '-')) {
        if (scan_imaginary(cursor, start, number)) return true;
        cursor->at = start;
        return false;
    }
    cursor->at = behind;
    if (number->kind == FLAT_FLOAT && negative) number->real = -number->real;
    if (number->kind == FLAT_FLOAT) number->negative = false;
    return true;
}
