#include "shoal/flat_scan.h"

#include <string.h>

const unsigned char flat_tokens[256] = {
    ['0'] = FLAT_NUMBER,       ['1'] = FLAT_NUMBER,       ['2'] = FLAT_NUMBER,
    ['3'] = FLAT_NUMBER,       ['4'] = FLAT_NUMBER,       ['5'] = FLAT_NUMBER,
    ['6'] = FLAT_NUMBER,       ['7'] = FLAT_NUMBER,       ['8'] = FLAT_NUMBER,
    ['9'] = FLAT_NUMBER,       ['+'] = FLAT_NUMBER,       ['-'] = FLAT_NUMBER,
    ['.'] = FLAT_NUMBER,       ['\''] = FLAT_STRING,      ['"'] = FLAT_STRING,
    ['('] = FLAT_OPEN_TUPLE,   ['['] = FLAT_OPEN_LIST,    ['{'] = FLAT_OPEN_BRACE,
    [')'] = FLAT_CLOSE_TUPLE,  [']'] = FLAT_CLOSE_LIST,   ['}'] = FLAT_CLOSE_BRACE,
    [','] = FLAT_COMMA,        [':'] = FLAT_COLON,        ['#'] = FLAT_END,
    ['a' ... 'z'] = FLAT_NAME, ['A' ... 'Z'] = FLAT_NAME, ['_'] = FLAT_NAME,
};

static bool is_quote(unsigned char byte) { return byte == '\'' || byte == '"'; }

/* b, r, u, br or rb with a quote behind it. */
static bool is_prefix(const struct flat_cursor *cursor) {
    const unsigned char *at = cursor->at;
    size_t left = (size_t)(cursor->end - at);
    unsigned char first = *at | 0x20, second;

    if (first != 'b' && first != 'r' && first != 'u') return false;
    if (left >= 2 && is_quote(at[1])) return true;
    if (left < 3 || !is_quote(at[2])) return false;
    second = at[1] | 0x20;
    return (first == 'b' && second == 'r') || (first == 'r' && second == 'b');
}

enum flat_token flat_look_closer(const struct flat_cursor *cursor) {
    if (*cursor->at != '.') return is_prefix(cursor) ? FLAT_STRING : FLAT_NAME;
    if (cursor->end - cursor->at >= 3 && memcmp(cursor->at, "...", 3) == 0) return FLAT_POINTS;
    return FLAT_NUMBER;
}

bool flat_take(struct flat_cursor *cursor, char character, const char *expected) {
    flat_skip_space(cursor);
    if (cursor->at == cursor->end || *cursor->at != (unsigned char)character)
        return flat_fail(cursor, cursor->at, expected);
    cursor->at++;
    return true;
}

/* ---- Names --------------------------------------------------------------- */

static bool is_name_byte(unsigned char byte) {
    return flat_tokens[byte] == FLAT_NAME || (byte >= '0' && byte <= '9') || byte >= 0x80;
}

static const struct {
    const char *text;
    unsigned char size, name;
} names[] = {
    {"None", 4, FLAT_NAME_NONE},   {"True", 4, FLAT_NAME_TRUE},
    {"False", 5, FLAT_NAME_FALSE}, {"Ellipsis", 8, FLAT_NAME_ELLIPSIS},
    {"set", 3, FLAT_NAME_SET},     {"frozenset", 9, FLAT_NAME_FROZENSET},
};

bool flat_scan_name(struct flat_cursor *cursor, enum flat_name *name) {
    const unsigned char *end = cursor->at;

    if (flat_peek(cursor) == FLAT_POINTS) {
        cursor->at += 3;
        *name = FLAT_NAME_ELLIPSIS;
        return true;
    }
    while (end < cursor->end && is_name_byte(*end)) end++;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].size != end - cursor->at) continue;
        if (memcmp(names[i].text, cursor->at, names[i].size) != 0) continue;
        cursor->at = end;
        *name = names[i].name;
        return true;
    }
    return flat_fail(cursor, cursor->at, "a value");
}

/* ---- Where --------------------------------------------------------------- */

/* Bytes of the character that begins here, 1 if it is no UTF-8. */
static size_t character_size(const unsigned char *at, const unsigned char *end) {
    size_t size = *at < 0xc2 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 1;

    if (size > (size_t)(end - at)) return 1;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80) return 1;
    return size;
}

size_t flat_column(const unsigned char *line, const unsigned char *byte) {
    size_t column = 1;

    for (; line < byte; line += character_size(line, byte)) column++;
    return column;
}
