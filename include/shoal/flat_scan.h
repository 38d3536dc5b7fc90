/* The leaves of a line of Python literals, scanned: numbers, strings, names and the
 * signs between them. No Python, no memory of its own, no recursion.
 *
 * A cursor goes over bytes [at, end), which may be anything: nothing outside is ever
 * looked at. A function that succeeds moves `at` behind what it took. One that fails
 * returns false, leaves `wrong` at the byte that does not fit and `expected` at words
 * for what should be there ("a digit"), static text. docs/flat.md has the grammar. */
#ifndef SHOAL_FLAT_SCAN_H
#define SHOAL_FLAT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flat_cursor {
    const unsigned char *at;    /* the next byte */
    const unsigned char *end;   /* of the line, whose line break is not in it */
    const unsigned char *wrong; /* after a failure: at <= wrong <= end */
    const char *expected;       /* after a failure */
};

/* What begins at a byte. */
enum flat_token {
    FLAT_WRONG,  /* nothing does */
    FLAT_END,    /* of the line, or a comment, which goes to the end */
    FLAT_NUMBER, /* a digit, a sign or a point */
    FLAT_STRING, /* a quote, or a prefix with a quote behind it */
    FLAT_NAME,   /* a letter */
    FLAT_POINTS, /* "...", the other spelling of Ellipsis */
    FLAT_OPEN_TUPLE,
    FLAT_OPEN_LIST,
    FLAT_OPEN_BRACE,
    FLAT_CLOSE_TUPLE,
    FLAT_CLOSE_LIST,
    FLAT_CLOSE_BRACE,
    FLAT_COMMA,
    FLAT_COLON,
};

static inline bool flat_fail(struct flat_cursor *cursor, const unsigned char *wrong,
                             const char *expected) {
    cursor->wrong = wrong;
    cursor->expected = expected;
    return false;
}

/* Passes over spaces, tabs and form feeds. */
static inline void flat_skip_space(struct flat_cursor *cursor) {
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\f'))
        cursor->at++;
}

/* What a byte can begin, by itself: a prefix of a string counts as FLAT_NAME. */
extern const unsigned char flat_tokens[256];

/* The rest of flat_peek(), where one byte does not tell: a letter or a point. */
enum flat_token flat_look_closer(const struct flat_cursor *cursor);

/* Passes over space and says what comes then; takes nothing of it. */
static inline enum flat_token flat_peek(struct flat_cursor *cursor) {
    flat_skip_space(cursor);
    if (cursor->at == cursor->end) return FLAT_END;
    if (flat_tokens[*cursor->at] == FLAT_NAME || *cursor->at == '.')
        return flat_look_closer(cursor);
    return (enum flat_token)flat_tokens[*cursor->at];
}

/* Takes one character, with space before it; `expected` is for the failure. */
bool flat_take(struct flat_cursor *cursor, char character, const char *expected);

/* ---- Numbers ------------------------------------------------------------- */

enum flat_number_kind { FLAT_INT, FLAT_BIG_INT, FLAT_FLOAT, FLAT_COMPLEX };

/* The longest number that is no integer, in bytes. repr needs 24. */
enum { FLAT_LONGEST_FLOAT = 1024 };

struct flat_number {
    enum flat_number_kind kind;
    bool negative;      /* integers */
    uint64_t magnitude; /* FLAT_INT: without its sign */

    /* FLAT_BIG_INT, beyond 64 bits: its digits, without sign and prefix, first to one
     * past the last, single underscores among them. */
    const unsigned char *digits, *digits_end;
    size_t digit_count; /* underscores not counted, leading zeros neither */
    unsigned base;      /* 2, 8, 10 or 16 */

    double real, imaginary; /* FLAT_FLOAT: real; FLAT_COMPLEX: both */
};

/* A number as Python has it: 1, -2, + 3, 1_000, 0xff, 0o17, 0b11, .5, 1e-7, 2j, 1+2j,
 * -0-0j, and besides nan and inf wherever a float may be. Floats beyond the range are
 * inf, as in Python. flat_peek() must have said FLAT_NUMBER, or FLAT_NAME where
 * flat_is_number_name() holds. */
bool flat_scan_number(struct flat_cursor *cursor, struct flat_number *number);

/* Whether nan, inf, nanj or infj is what begins here. */
bool flat_is_number_name(const struct flat_cursor *cursor);

/* An integer as int64_t; false: it is none, or does not fit. Reports nothing. */
static inline bool flat_number_int64(const struct flat_number *number, int64_t *value) {
    if (number->kind != FLAT_INT || number->magnitude > (uint64_t)INT64_MAX + number->negative)
        return false;
    *value = (int64_t)(number->negative ? -number->magnitude : number->magnitude);
    return true;
}

/* ---- Strings and bytes --------------------------------------------------- */

struct flat_string {
    const unsigned char *body, *body_end; /* what is between the quotes */
    bool is_bytes;                        /* b'...' */
    bool is_raw;                          /* r'...': backslashes stand for themselves */
    bool has_escapes;                     /* there are backslashes that do not */
    bool is_ascii;                        /* no byte of the body is above 0x7f */
};

/* A literal in either quote, with a prefix of b, r, u or none. The body has been
 * looked at only to find its end: escapes and UTF-8 are checked by the functions
 * below. */
bool flat_scan_string(struct flat_cursor *cursor, struct flat_string *string);

/* What is in a string once its escapes are taken away. */
struct flat_text {
    size_t length;   /* code points; of bytes: bytes */
    uint32_t widest; /* the largest code point; below it every bit may be set */
};

/* Checks escapes and UTF-8 and says how long the result is. The cursor is for the
 * report of a failure only; its `at` stays. Bytes must be ASCII outside of escapes. */
bool flat_string_measure(struct flat_cursor *cursor, const struct flat_string *string,
                         struct flat_text *text);

/* Writes the code points of a string that was measured, `width` (1, 2 or 4) bytes
 * each, which must hold `widest`; `room` is for `length` of them. For bytes: width 1. */
void flat_string_write(const struct flat_string *string, void *room, unsigned width);

/* Writes a string that was measured as UTF-8, a surrogate as three bytes like any other
 * code point, or bytes as they are; returns how many. At most the length of the body. */
size_t flat_string_write_utf8(const struct flat_string *string, unsigned char *room);

/* ---- Names --------------------------------------------------------------- */

enum flat_name {
    FLAT_NAME_NONE,
    FLAT_NAME_TRUE,
    FLAT_NAME_FALSE,
    FLAT_NAME_ELLIPSIS,
    FLAT_NAME_SET,
    FLAT_NAME_FROZENSET
};

/* None, True, False, Ellipsis (or "..."), set or frozenset; nothing may be joined to
 * it. Behind the last two comes "(", which is not taken. */
bool flat_scan_name(struct flat_cursor *cursor, enum flat_name *name);

/* ---- Where --------------------------------------------------------------- */

/* The column of a byte of a line, in characters from 1. A byte that is no UTF-8
 * counts as one. */
size_t flat_column(const unsigned char *line, const unsigned char *byte);

/* Whether a line has no record: it is empty, of spaces, or a comment. */
static inline bool flat_is_blank(const unsigned char *line, const unsigned char *end) {
    struct flat_cursor cursor = {line, end, NULL, NULL};

    flat_skip_space(&cursor);
    return cursor.at == end || *cursor.at == '#';
}

#endif
