#include <string.h>

#include "shoal/flat_scan.h"
#include "shoal/pickle_text.h"

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* The high bit of each byte that is `byte`, exact up to the first. */
static uint64_t bytes_equal(uint64_t word, unsigned char byte) {
    uint64_t zeros = word ^ ONES * byte;

    return (zeros - ONES) & ~zeros & HIGHS;
}

/* The first quote or backslash from `at` on, or the end. Adds up in `high` what was
 * passed over. */
static const unsigned char *find_stop(const unsigned char *at, const unsigned char *end,
                                      unsigned char quote, uint64_t *high) {
    uint64_t word;

    for (; end - at >= 8; at += 8) {
        uint64_t stops;

        memcpy(&word, at, 8);
        stops = bytes_equal(word, quote) | bytes_equal(word, '\\');
        if (stops != 0 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
            *high |= word & ((stops & -stops) - 1);
            return at + __builtin_ctzll(stops) / 8;
        }
        if (stops != 0) break;
        *high |= word;
    }
    for (; at < end && *at != quote && *at != '\\'; at++) *high |= *at;
    return at;
}

/* Takes the prefix, which flat_peek() has found to be one. */
static const unsigned char *take_prefix(const unsigned char *at, struct flat_string *string) {
    string->is_bytes = string->is_raw = false;
    for (; *at != '\'' && *at != '"'; at++) {
        if ((*at | 0x20) == 'b') string->is_bytes = true;
        if ((*at | 0x20) == 'r') string->is_raw = true;
    }
    return at;
}

bool flat_scan_string(struct flat_cursor *cursor, struct flat_string *string) {
    const unsigned char *at, *end = cursor->end;
    uint64_t high = 0;
    unsigned char quote;

    if (flat_peek(cursor) != FLAT_STRING) return flat_fail(cursor, cursor->at, "a string");
    at = take_prefix(cursor->at, string);
    quote = *at++;
    string->body = at;
    string->has_escapes = false;
    for (;;) {
        at = find_stop(at, end, quote, &high);
        if (at == end) return flat_fail(cursor, end, "the closing quote");
        if (*at == quote) break;
        string->has_escapes = !string->is_raw;
        if (end - at < 2) return flat_fail(cursor, end, "the closing quote");
        high |= at[1];
        at += 2;
    }
    string->body_end = at;
    string->is_ascii = (high & HIGHS) == 0;
    cursor->at = at + 1;
    return true;
}

/* ---- What is in it ------------------------------------------------------- */

/* Goes through a body, one code point after the other. */
struct walk {
    const struct flat_string *string;
    const unsigned char *at;
    const char *expected; /* after a failure; `at` is where */
};

enum { FAILED = -1 };

static int32_t fail_at(struct walk *walk, const unsigned char *at, const char *expected) {
    walk->at = at;
    walk->expected = expected;
    return FAILED;
}

static int hexadecimal(unsigned char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Exactly `count` digits from `at` on. */
static int32_t take_hexadecimal(struct walk *walk, const unsigned char *at, int count) {
    uint32_t point = 0;

    for (int i = 0; i < count; i++, at++) {
        int value = at < walk->string->body_end ? hexadecimal(*at) : -1;

        if (value < 0) return fail_at(walk, at, "a hexadecimal digit");
        point = point << 4 | (uint32_t)value;
    }
    if (point > 0x10ffff) return fail_at(walk, at - count, "a code point up to 10ffff");
    walk->at = at;
    return (int32_t)point;
}

/* One to three digits. Of bytes the low eight bits count, as in Python. */
static int32_t take_octal(struct walk *walk, const unsigned char *at) {
    int32_t point = 0;

    for (int i = 0; i < 3 && at < walk->string->body_end && *at >= '0' && *at <= '7'; i++, at++)
        point = point << 3 | (*at - '0');
    walk->at = at;
    return walk->string->is_bytes ? point & 0xff : point;
}

/* What a letter behind a backslash stands for; 0: nothing. */
static const unsigned char simple_escapes[256] = {
    ['\\'] = '\\', ['\''] = '\'', ['"'] = '"',  ['a'] = '\a', ['b'] = '\b',
    ['f'] = '\f',  ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t', ['v'] = '\v',
};

/* An escape; `at` is on its backslash, behind which there is another byte. */
static int32_t take_escape(struct walk *walk) {
    const unsigned char *at = walk->at;
    unsigned char letter = at[1];

    if (simple_escapes[letter] != 0) {
        walk->at = at + 2;
        return simple_escapes[letter];
    }
    if (letter >= '0' && letter <= '7') return take_octal(walk, at + 1);
    if (letter == 'x') return take_hexadecimal(walk, at + 2, 2);
    if (!walk->string->is_bytes) {
        if (letter == 'u') return take_hexadecimal(walk, at + 2, 4);
        if (letter == 'U') return take_hexadecimal(walk, at + 2, 8);
        if (letter == 'N') return fail_at(walk, at, "an escape other than \\N");
    }
    walk->at = at + 1; /* no escape: the backslash stands for itself */
    return '\\';
}

/* A character of two bytes or more, strictly: no surrogates, nothing longer than it
 * need be. */
static int32_t take_utf8(struct walk *walk) {
    static const int32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = walk->at;
    unsigned size = *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
    int32_t point;

    if (size == 0 || (size_t)(walk->string->body_end - at) < size)
        return fail_at(walk, at, "valid UTF-8");
    point = *at & (0xff >> (size + 1));
    for (unsigned i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) return fail_at(walk, at, "valid UTF-8");
        point = point << 6 | (at[i] & 0x3f);
    }
    if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return fail_at(walk, at, "valid UTF-8");
    walk->at = at + size;
    return point;
}

/* The next code point or byte; the walk is not at the end. */
static inline int32_t take_point(struct walk *walk) {
    unsigned char byte = *walk->at;

    if (byte == '\\' && walk->string->has_escapes) return take_escape(walk);
    if (byte < 0x80) {
        walk->at++;
        return byte;
    }
    if (walk->string->is_bytes) return fail_at(walk, walk->at, "an ASCII character, or an escape");
    return take_utf8(walk);
}

bool flat_string_measure(struct flat_cursor *cursor, const struct flat_string *string,
                         struct flat_text *text) {
    struct walk walk = {string, string->body, NULL};
    uint32_t widest = 0;
    size_t length = 0;

    if (string->is_ascii && !string->has_escapes) {
        *text = (struct flat_text){(size_t)(string->body_end - string->body), 0x7f};
        return true;
    }
    for (; walk.at < string->body_end; length++) {
        int32_t point = take_point(&walk);

        if (point == FAILED) return flat_fail(cursor, walk.at, walk.expected);
        if ((uint32_t)point > widest) widest = (uint32_t)point;
    }
    *text = (struct flat_text){length, widest};
    return true;
}

void flat_string_write(const struct flat_string *string, void *room, unsigned width) {
    struct walk walk = {string, string->body, NULL};
    size_t size = (size_t)(string->body_end - string->body);

    if (width == 1 && string->is_ascii && !string->has_escapes) {
        memcpy(room, string->body, size);
        return;
    }
    for (size_t i = 0; walk.at < string->body_end; i++) {
        int32_t point = take_point(&walk);

        if (width == 1) ((uint8_t *)room)[i] = (uint8_t)point;
        if (width == 2) ((uint16_t *)room)[i] = (uint16_t)point;
        if (width == 4) ((uint32_t *)room)[i] = (uint32_t)point;
    }
}

size_t flat_string_write_utf8(const struct flat_string *string, unsigned char *room) {
    struct walk walk = {string, string->body, NULL};
    unsigned char *at = room;

    if (!string->has_escapes) {
        memcpy(room, string->body, (size_t)(string->body_end - string->body));
        return (size_t)(string->body_end - string->body);
    }
    while (walk.at < string->body_end) {
        uint32_t point = (uint32_t)take_point(&walk);

        if (point < 0x80 || string->is_bytes)
            *at++ = (unsigned char)point;
        else
            at = shoal_utf8_write((struct shoal_text){&point, 1, 4}, at);
    }
    return (size_t)(at - room);
}
