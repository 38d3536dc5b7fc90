#include "shoal/flat_output.h"

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

enum {
    LONGEST_ESCAPE = 10, /* \Uxxxxxxxx */
    BLOCK = 64,          /* code points for which room is asked at a time */
};

static uint64_t bytes_equal(uint64_t word, unsigned char byte) {
    uint64_t zeros = word ^ ONES * byte;

    return (zeros - ONES) & ~zeros & HIGHS;
}

/* Whether a byte of eight is not written as it is within single quotes. */
static bool has_special(uint64_t word) {
    uint64_t below_space = (word - ONES * 0x20) & ~word;

    return ((below_space | word) & HIGHS) != 0 ||
           (bytes_equal(word, '\'') | bytes_equal(word, '\\') | bytes_equal(word, 0x7f)) != 0;
}

static bool is_special(unsigned char byte) {
    return byte < 0x20 || byte >= 0x7f || byte == '\'' || byte == '\\';
}

/* Copies bytes for as long as none is special; how many that were. */
static size_t copy_plain(unsigned char *room, const unsigned char *bytes, size_t size) {
    size_t done = 0;
    uint64_t word;

    for (; size - done >= 8; done += 8) {
        memcpy(&word, bytes + done, 8);
        if (has_special(word)) return done;
        memcpy(room + done, &word, 8);
    }
    for (; done < size && !is_special(bytes[done]); done++) room[done] = bytes[done];
    return done;
}

/* 'bytes' with nothing to escape in them; false: not so, or no room. */
static bool put_plain(struct flat_output *output, const unsigned char *bytes, size_t size,
                      bool *no_room) {
    unsigned char *room = flat_room(output, size + 2);

    *no_room = room == NULL;
    if (room == NULL || copy_plain(room + 1, bytes, size) < size) return false;
    room[0] = room[size + 1] = '\'';
    output->at = room + size + 2;
    return true;
}

/* ---- What has something to escape ---------------------------------------- */

static inline uint32_t point_at(struct shoal_text text, size_t i) {
    if (text.width == 1) return ((const uint8_t *)text.points)[i];
    if (text.width == 2) return ((const uint16_t *)text.points)[i];
    return ((const uint32_t *)text.points)[i];
}

/* Double quotes where that saves escapes: there are single ones and no double ones. */
static char quote_for(struct shoal_text text) {
    bool has_single = false;

    for (size_t i = 0; i < text.length; i++) {
        uint32_t point = point_at(text, i);

        if (point == '"') return '\'';
        if (point == '\'') has_single = true;
    }
    return has_single ? '"' : '\'';
}

/* A backslash, a letter and digits. */
static unsigned char *put_hexadecimal(unsigned char *room, char letter, uint32_t point,
                                      int digits) {
    *room++ = '\\';
    *room++ = (unsigned char)letter;
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
        *room++ = (unsigned char)"0123456789abcdef"[point >> shift & 0xf];
    return room;
}

/* A code point below 0x80, within `quote`. */
static unsigned char *put_ascii(unsigned char *room, uint32_t point, char quote) {
    char letter = 0;

    if (point == (unsigned char)quote || point == '\\') letter = (char)point;
    if (point == '\t') letter = 't';
    if (point == '\n') letter = 'n';
    if (point == '\r') letter = 'r';
    if (letter != 0) {
        *room++ = '\\';
        *room++ = (unsigned char)letter;
        return room;
    }
    if (point < 0x20 || point == 0x7f) return put_hexadecimal(room, 'x', point, 2);
    *room++ = (unsigned char)point;
    return room;
}

static unsigned char *put_point(const struct flat_output *output, unsigned char *room,
                                uint32_t point, char quote) {
    if (point < 0x80) return put_ascii(room, point, quote);
    if (output->is_printable(point))
        return shoal_utf8_write((struct shoal_text){&point, 1, 4}, room);
    if (point <= 0xff) return put_hexadecimal(room, 'x', point, 2);
    if (point <= 0xffff) return put_hexadecimal(room, 'u', point, 4);
    return put_hexadecimal(room, 'U', point, 8);
}

static bool put_escaped(struct flat_output *output, struct shoal_text text) {
    char quote = quote_for(text);

    if (!flat_put_byte(output, quote)) return false;
    for (size_t i = 0; i < text.length;) {
        size_t stop = text.length - i < BLOCK ? text.length : i + BLOCK;
        unsigned char *room = flat_room(output, (stop - i) * LONGEST_ESCAPE);

        if (room == NULL) return false;
        for (; i < stop; i++) room = put_point(output, room, point_at(text, i), quote);
        output->at = room;
    }
    return flat_put_byte(output, quote);
}

bool flat_put_text(struct flat_output *output, struct shoal_text text) {
    bool no_room = false;

    if (text.width == 1 && put_plain(output, text.points, text.length, &no_room)) return true;
    return !no_room && put_escaped(output, text);
}

/* ---- Bytes --------------------------------------------------------------- */

static bool put_escaped_bytes(struct flat_output *output, const unsigned char *bytes, size_t size) {
    char quote = quote_for((struct shoal_text){bytes, size, 1});

    if (!flat_put_byte(output, quote)) return false;
    for (size_t i = 0; i < size;) {
        size_t stop = size - i < BLOCK ? size : i + BLOCK;
        unsigned char *room = flat_room(output, (stop - i) * LONGEST_ESCAPE);

        if (room == NULL) return false;
        for (; i < stop; i++)
            room = bytes[i] < 0x80 ? put_ascii(room, bytes[i], quote)
                                   : put_hexadecimal(room, 'x', bytes[i], 2);
        output->at = room;
    }
    return flat_put_byte(output, quote);
}

bool flat_put_bytes(struct flat_output *output, const unsigned char *bytes, size_t size) {
    bool no_room = false;

    if (!flat_put_byte(output, 'b')) return false;
    if (put_plain(output, bytes, size, &no_room)) return true;
    return !no_room && put_escaped_bytes(output, bytes, size);
}
