/* Where lines are written: a buffer that its user makes grow, and leaves as repr
 * writes them. */
#ifndef SHOAL_FLAT_OUTPUT_H
#define SHOAL_FLAT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shoal/pickle_text.h" /* struct shoal_text */

struct flat_output {
    unsigned char *start; /* of the buffer */
    unsigned char *at;    /* where the next byte goes */
    unsigned char *end;   /* one past the buffer */

    /* Makes room for at least `more` bytes at `at`; false: no memory, or more than is
     * allowed; reported. */
    bool (*make_room)(struct flat_output *output, size_t more);

    /* Whether repr shows a code point above 0x7f as it is. */
    bool (*is_printable)(uint32_t point);
};

/* Room for `size` bytes, or NULL. What is written there counts once `at` is moved. */
static inline unsigned char *flat_room(struct flat_output *output, size_t size) {
    if ((size_t)(output->end - output->at) < size && !output->make_room(output, size)) return NULL;
    return output->at;
}

static inline bool flat_put(struct flat_output *output, const void *bytes, size_t size) {
    unsigned char *room = flat_room(output, size);

    if (room == NULL) return false;
    memcpy(room, bytes, size);
    output->at = room + size;
    return true;
}

static inline bool flat_put_byte(struct flat_output *output, char byte) {
    unsigned char *room = flat_room(output, 1);

    if (room == NULL) return false;
    *room = (unsigned char)byte;
    output->at = room + 1;
    return true;
}

/* A whole number in decimal. */
bool flat_put_int(struct flat_output *output, bool negative, uint64_t magnitude);

/* A float: as repr, but inf as 1e999, which every reader of Python takes for it. */
bool flat_put_float(struct flat_output *output, double value);
bool flat_put_complex(struct flat_output *output, double real, double imaginary);

/* 'text', quoted and escaped; a surrogate is escaped too, so the bytes are UTF-8. */
bool flat_put_text(struct flat_output *output, struct shoal_text text);

/* b'bytes'. */
bool flat_put_bytes(struct flat_output *output, const unsigned char *bytes, size_t size);

#endif
