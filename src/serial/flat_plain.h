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

/* Passes over digits. */
static inline const unsigned char *flat_pass_digits(const unsigned char *at,
                                                    const unsigned char *end) {
    while (end - at >= 8) {
        unsigned digits = flat_count_digits(flat_word_at(at));

        at += digits;
        if (digits < 8) return at;
    }
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at;
}

/* An integer of at most 20 digits that fits 64 bits. */
static inline const unsigned char *flat_plain_int(const unsigned char *at, const unsigned char *end,
                                                  struct flat_number *number) {
    const unsigned char *start;
    uint64_t sum = 0;

    number->negative = at < end && *at == '-';
    start = at += number->negative;
    while (end - at >= 8 && at - start < 16 && flat_count_digits(flat_word_at(at)) == 8) {
        sum = sum * 100000000 + flat_eight_digits(flat_word_at(at));
        at += 8;
    }
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (at - start >= 19 && (at - start > 19 || sum > UINT64_MAX / 10)) return NULL;
        if (__builtin_add_overflow(sum * 10, (uint64_t)(*at - '0'), &sum)) return NULL;
    }
    if (at == start || (*start == '0' && at - start > 1) || !flat_ends_plain(at, end)) return NULL;
    number->kind = FLAT_INT;
    number->magnitude = sum;
    return at;
}

/* A float with a point between digits, and perhaps an exponent. */
static inline const unsigned char *flat_plain_float(const unsigned char *at,
                                                    const unsigned char *end, double *value) {
    bool negative = at < end && *at == '-';
    const unsigned char *start = at + negative, *point = flat_pass_digits(start, end), *stop;

    if (point == start || point == end || *point != '.') return NULL;
    stop = flat_pass_digits(point + 1, end);
    if (stop == point + 1 || stop == end) return NULL;
    if (*stop == 'e') {
        at = stop + 1;
        at += at < end && (*at == '-' || *at == '+');
        stop = flat_pass_digits(at, end);
        if (stop == at) return NULL;
    }
    if (!flat_ends_plain(stop, end) || stop - start > FLAT_LONGEST_FLOAT) return NULL;
    if (!flat_float_read(start, (size_t)(stop - start), value)) return NULL;
    if (negative) *value = -*value;
    return stop;
}

/* The end of a text in single quotes, in ASCII and without escapes: where its closing
 * quote is. `at` is behind the opening one. */
static inline const unsigned char *flat_plain_text(const unsigned char *at,
                                                   const unsigned char *end) {
    while (end - at >= 8) {
        uint64_t word = flat_word_at(at);
        uint64_t quote = word ^ FLAT_EACH_BYTE('\''), escape = word ^ FLAT_EACH_BYTE('\\');
        /* The lowest high bit that is set is that of the first such byte; those above
         * may be wrong. */
        uint64_t found = ((quote - FLAT_EACH_BYTE(1)) & ~quote) |
                         ((escape - FLAT_EACH_BYTE(1)) & ~escape) | word;

        found &= FLAT_EACH_BYTE(0x80);
        if (found == 0) {
            at += 8;
            continue;
        }
        at += (unsigned)__builtin_ctzll(found) / 8;
        return *at == '\'' ? at : NULL;
    }
    while (at < end && *at != '\'' && *at != '\\' && *at < 0x80) at++;
    return at < end && *at == '\'' ? at : NULL;
}

#endif
