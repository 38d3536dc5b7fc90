#include "shoal/pickle_text.h"

static inline uint32_t point_at(struct shoal_text text, size_t i) {
    if (text.width == 1) return ((const uint8_t *)text.points)[i];
    if (text.width == 2) return ((const uint16_t *)text.points)[i];
    return ((const uint32_t *)text.points)[i];
}

/* One loop for each width: the compiler drops point_at()'s questions from it. */
static inline size_t utf8_length(struct shoal_text text) {
    size_t bytes = text.length;

    for (size_t i = 0; i < text.length; i++) {
        uint32_t point = point_at(text, i);

        bytes += (point > 0x7f) + (point > 0x7ff) + (point > 0xffff);
    }
    return bytes;
}

size_t shoal_utf8_length(struct shoal_text text) {
    if (text.width == 1) return utf8_length((struct shoal_text){text.points, text.length, 1});
    if (text.width == 2) return utf8_length((struct shoal_text){text.points, text.length, 2});
    return utf8_length((struct shoal_text){text.points, text.length, 4});
}

static inline unsigned char *utf8_write_point(uint32_t point, unsigned char *room) {
    if (point <= 0x7f) {
        *room++ = (unsigned char)point;
        return room;
    }
    if (point <= 0x7ff) {
        *room++ = (unsigned char)(0xc0 | point >> 6);
    } else if (point <= 0xffff) {
        *room++ = (unsigned char)(0xe0 | point >> 12);
        *room++ = (unsigned char)(0x80 | (point >> 6 & 0x3f));
    } else {
        *room++ = (unsigned char)(0xf0 | point >> 18);
        *room++ = (unsigned char)(0x80 | (point >> 12 & 0x3f));
        *room++ = (unsigned char)(0x80 | (point >> 6 & 0x3f));
    }
    *room++ = (unsigned char)(0x80 | (point & 0x3f));
    return room;
}

static inline unsigned char *utf8_write(struct shoal_text text, unsigned char *room) {
    for (size_t i = 0; i < text.length; i++) room = utf8_write_point(point_at(text, i), room);
    return room;
}

unsigned char *shoal_utf8_write(struct shoal_text text, unsigned char *room) {
    if (text.width == 1) return utf8_write((struct shoal_text){text.points, text.length, 1}, room);
    if (text.width == 2) return utf8_write((struct shoal_text){text.points, text.length, 2}, room);
    return utf8_write((struct shoal_text){text.points, text.length, 4}, room);
}

/* Digits of the escape that a code point needs: 0 for none. */
static unsigned escape_digits(uint32_t point) {
    if (point > 0xffff) return 8;
    if (point > 0xff) return 4;
    switch (point) {
    case '\\':
    case '\0':
    case '\n':
    case '\r':
    case 0x1a: /* the end of a file, once */
        return 4;
    default:
        return 0;
    }
}

size_t shoal_escaped_length(struct shoal_text text) {
    size_t bytes = 0;

    for (size_t i = 0; i < text.length; i++) {
        unsigned digits = escape_digits(point_at(text, i));

        bytes += digits == 0 ? 1 : 2 + digits;
    }
    return bytes;
}

unsigned char *shoal_escaped_write(struct shoal_text text, unsigned char *room) {
    for (size_t i = 0; i < text.length; i++) {
        uint32_t point = point_at(text, i);
        unsigned digits = escape_digits(point);

        if (digits == 0) {
            *room++ = (unsigned char)point;
            continue;
        }
        *room++ = '\\';
        *room++ = digits == 8 ? 'U' : 'u';
        while (digits-- > 0) *room++ = (unsigned char)"0123456789abcdef"[point >> 4 * digits & 15];
    }
    return room;
}
