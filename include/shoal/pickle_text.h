/* Text as CPython stores it, code points of 1, 2 or 4 bytes, into the bytes that
 * are written: UTF-8 in which a surrogate is three bytes like any other code
 * point, and the escaped form of pickle's protocol 0. */
#ifndef SHOAL_PICKLE_TEXT_H
#define SHOAL_PICKLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Code points, `width` (1, 2 or 4) bytes each. */
struct shoal_text {
    const void *points;
    size_t length; /* in code points */
    unsigned width;
};

/* Bytes of the text in UTF-8. */
size_t shoal_utf8_length(struct shoal_text text);

/* Writes it, shoal_utf8_length() bytes, and returns where it ends. */
unsigned char *shoal_utf8_write(struct shoal_text text, unsigned char *room);

/* The escaped form: Latin-1, with \uxxxx and \Uxxxxxxxx for what is not, and for
 * what would end or begin an escape or a line. At most 10 bytes a code point. */
size_t shoal_escaped_length(struct shoal_text text);
unsigned char *shoal_escaped_write(struct shoal_text text, unsigned char *room);

/* Whether all of the bytes are below 0x80. */
static inline bool shoal_is_ascii(const unsigned char *bytes, size_t size) {
    uint64_t word = 0, high = 0;
    size_t i = 0;

    for (; i + 8 <= size; i += 8) {
        memcpy(&word, bytes + i, 8);
        high |= word;
    }
    if (size >= 8) {
        memcpy(&word, bytes + size - 8, 8); /* some of them once more */
        return ((high | word) & 0x8080808080808080u) == 0;
    }
    for (; i < size; i++) high |= bytes[i];
    return (high & 0x80) == 0;
}

#endif
