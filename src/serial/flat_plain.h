/* Values in the spelling that repr gives nearly all of them, read in one go: eight bytes
 * at a time, and without the questions that only other spellings raise. Each function
 * takes a value and what has to be behind it is looked at; where anything is not as plain
 * as that, it returns NULL, and flat_scan.h has the last word. */
#ifndef SHOAL_SERIAL_FLAT_PLAIN_H
#define SHOAL_SERIAL_FLAT_PLAIN_H

#include <string.h>

#include "shoal/flat_float.h"
#include "shoal/flat_scan.h"

#define FLAT_EACH_BYTE(byte) (0x0101010101010101u * (byte))

/* Whether a value can end in front of this byte. */
static inline bool flat_ends_plain(const unsigned char *at, const unsigned char *end) {
    return at < end && (*at == ',' || *at == ')' || *at == ']' || *at == '}');
}

/* A word whose bytes are in the order of the text, the first lowest. */
static inline uint64_t flat_word_at(const unsigned char *at) {
    uint64_t word;

    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* How many of eight bytes are digits, before the first that is none. */
static inline unsigned flat_count_digits(uint64_t word) {
    uint64_t off = word ^ FLAT_EACH_BYTE('0'); /* digits: 0 to 9 */
    uint64_t others = ((off + FLAT_EACH_BYTE(0x76)) | off) & FLAT_EACH_BYTE(0x80);

    return others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
}

/* The number that eight digits are: pairs, then fours, then all. */
static inline uint64_t flat_eight_digits(uint64_t word) {
    word = (word & 0x0f0f0f0f0f0f0f0fu) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    return (word & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
}

/* The digits at `at`, at most eight of them, as a number; how many goes to `digits`. The
 * bytes from `start` to `end` may be looked at, and there are eight. */
static inline uint64_t flat_some_digits(const unsigned char *at, const unsigned char *end,
                                        unsigned *digits) {
    size_t left = (size_t)(end - at);
    uint64_t word = 0;

    if (left >= 8)
        word = flat_word_at(at);
    else if (left > 0)
        word = flat_word_at(end - 8) >> (64 - 8 * left);
    *digits = flat_count_digits(word);
    /* What is missing becomes zeros in front. */
    return *digits == 0 ? 0 : flat_eight_digits(word << (64 - 8 * *digits));
}

enum { FLAT_SAFE_DIGITS = 19 }; /* any so many fit 64 bits */

static const uint64_t flat_powers[] = {1,      10,      100,      1000,     10000,
                                       100000, 1000000, 10000000, 100000000};

/* All digits at `at`, behind those of `sum`, which is right while there are no more than
 * FLAT_SAFE_DIGITS together. The bytes up to `end` are at least eight. */
static inline const unsigned char *flat_add_digits(const unsigned char *at,
                                                   const unsigned char *end, uint64_t *sum) {
    unsigned digits;

    do {
        uint64_t more = flat_some_digits(at, end, &digits);

        *sum = *sum * flat_powers[digits] + more;
        at += digits;
    } while (digits == 8);
    return at;
}

/* An integer of at most 20 digits that fits 64 bits. */
static inline const unsigned char *flat_plain_int(const unsigned char *at, const unsigned char *end,
                                                  struct flat_number *number) {
    const unsigned char *start;
    bool too_large = false;
    uint64_t sum = 0;
    unsigned digits;

    if (end - at < 9) return NULL; /* eight bytes, and perhaps a sign */
    number->negative = *at == '-';
    start = at += number->negative;
    do {
        uint64_t more = flat_some_digits(at, end, &digits);

        /* Asked of all: whether there are 19 digits or 20 no processor can guess. */
        too_large |= __builtin_mul_overflow(sum, flat_powers[digits], &sum);
        too_large |= __builtin_add_overflow(sum, more, &sum);
        at += digits;
    } while (digits == 8 && at - start <= 16);
    if (at == start || too_large || (*start == '0' && at - start > 1) || !flat_ends_plain(at, end))
        return NULL;
    number->kind = FLAT_INT;
    number->magnitude = sum;
    return at;
}

/* A float of few digits, with a point and without an exponent, not negative. */
static inline const unsigned char *flat_plain_decimal(const unsigned char *at,
                                                      const unsigned char *end, double *value) {
    const unsigned char *start = at, *point;
    uint64_t sum = 0;

    if (end - at < 8) return NULL;
    if (at[1] == '.') {
        sum = (uint64_t)*at - '0';
        point = at + 1;
        if (sum > 9) return NULL;
    } else {
        point = flat_add_digits(at, end, &sum);
        if (point == start || point == end || *point != '.') return NULL;
    }
    at = flat_add_digits(point + 1, end, &sum);
    if (at - start > FLAT_SAFE_DIGITS + 1 || !flat_ends_plain(at, end)) return NULL;
    return flat_float_of_digits(sum, -(int)(at - point - 1), value) ? at : NULL;
}

/* Either. */
static inline const unsigned char *
flat_plain_number(const unsigned char *at, const unsigned char *end, struct flat_number *number) {
    const unsigned char *digits = at + (at < end && *at == '-'), *behind;

    if (end - digits < 2) return NULL;
    if (digits[1] != '.') {
        behind = flat_plain_int(at, end, number);
        if (behind != NULL) return behind;
    }
    behind = flat_plain_decimal(digits, end, &number->real);
    if (behind == NULL) return NULL;
    if (digits > at) number->real = -number->real;
    number->kind = FLAT_FLOAT;
    number->negative = false;
    return behind;
}

/* A float with a point, in any spelling but with a plus. */
static inline const unsigned char *flat_any_float(const unsigned char *at, const unsigned char *end,
                                                  double *value) {
    size_t left = (size_t)(end - at), used;

    if (*at < '0' || *at > '9') return NULL;
    used = flat_float_read(at, left < FLAT_LONGEST_FLOAT ? left : FLAT_LONGEST_FLOAT, value);
    if (used == 0 || !flat_ends_plain(at + used, end)) return NULL;
    return memchr(at, '.', used) == NULL ? NULL : at + used;
}

/* A float with a point. */
static inline const unsigned char *flat_plain_float(const unsigned char *at,
                                                    const unsigned char *end, double *value) {
    const unsigned char *behind;
    bool negative;

    if (end - at < 3) return NULL;
    negative = *at == '-';
    at += negative;
    behind = flat_plain_decimal(at, end, value);
    if (behind == NULL) behind = flat_any_float(at, end, value);
    if (behind != NULL && negative) *value = -*value;
    return behind;
}

/* A text in single quotes, in ASCII and without escapes, which is copied to `room` as it is
 * looked at. `at` is behind the opening quote; NULL, or where the closing one is. The
 * room is for what is left of the line and eight bytes. */
static inline const unsigned char *flat_plain_text(const unsigned char *at,
                                                   const unsigned char *end, unsigned char *room) {
    for (; end - at >= 8; at += 8, room += 8) {
        uint64_t word = flat_word_at(at);
        uint64_t quote = word ^ FLAT_EACH_BYTE('\''), escape = word ^ FLAT_EACH_BYTE('\\');
        /* The lowest high bit that is set is that of the first such byte; those above
         * may be wrong. */
        uint64_t found = ((quote - FLAT_EACH_BYTE(1)) & ~quote) |
                         ((escape - FLAT_EACH_BYTE(1)) & ~escape) | word;

        memcpy(room, at, 8);
        found &= FLAT_EACH_BYTE(0x80);
        if (found == 0) continue;
        at += (unsigned)__builtin_ctzll(found) / 8;
        return *at == '\'' ? at : NULL;
    }
    for (; at < end && *at != '\'' && *at != '\\' && *at < 0x80; at++) *room++ = *at;
    return at < end && *at == '\'' ? at : NULL;
}

#endif
