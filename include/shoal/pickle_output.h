/* Where the bytes of a pickle are written: a buffer with frames in it.
 *
 * The buffer belongs to its user, who gives a function that makes room: it grows
 * the buffer. Between two objects the user calls pickle_output_boundary(), and
 * where that says so, closes the frame and may send away what is in the buffer.
 *
 * From protocol 4 on (`framing`) a frame is open all the time but around long
 * payloads: nine bytes are kept for its header and filled when it is closed; of a
 * frame too short for one the header is taken out again. */
#ifndef SHOAL_PICKLE_OUTPUT_H
#define SHOAL_PICKLE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shoal/pickle_opcodes.h"

struct pickle_output {
    unsigned char *start; /* of the buffer */
    unsigned char *at;    /* where the next byte goes */
    unsigned char *end;   /* one past the buffer */
    size_t frame;         /* offset of the open frame's header; only if `framed` */
    size_t boundary;      /* offset from which on a boundary is worth a call */
    bool framing;         /* this protocol has frames */
    bool framed;          /* a frame is open */

    /* Makes room for at least `more` bytes at `at`; false: no memory, reported. */
    bool (*make_room)(struct pickle_output *output, size_t more);
};

static inline size_t pickle_output_length(const struct pickle_output *output) {
    return (size_t)(output->at - output->start);
}

/* Room for `size` bytes, or NULL. What is written there counts once `at` is moved. */
static inline unsigned char *pickle_output_room(struct pickle_output *output, size_t size) {
    if ((size_t)(output->end - output->at) < size && !output->make_room(output, size)) return NULL;
    return output->at;
}

static inline bool pickle_put(struct pickle_output *output, const void *bytes, size_t size) {
    unsigned char *room = pickle_output_room(output, size);

    if (room == NULL) return false;
    memcpy(room, bytes, size);
    output->at = room + size;
    return true;
}

static inline bool pickle_put_opcode(struct pickle_output *output, enum pickle_opcode opcode) {
    unsigned char *room = pickle_output_room(output, 1);

    if (room == NULL) return false;
    *room = (unsigned char)opcode;
    output->at = room + 1;
    return true;
}

/* Stores the low `size` bytes of a number, least significant first. */
static inline void pickle_store(unsigned char *room, uint64_t number, unsigned size) {
    for (unsigned i = 0; i < size; i++) room[i] = (unsigned char)(number >> (8 * i));
}

/* An opcode and its argument: a number of `size` bytes, least significant first. */
static inline bool pickle_put_number(struct pickle_output *output, enum pickle_opcode opcode,
                                     uint64_t number, unsigned size) {
    unsigned char *room = pickle_output_room(output, 9);

    if (room == NULL) return false;
    *room = (unsigned char)opcode;
    pickle_store(room + 1, number, size);
    output->at = room + 1 + size;
    return true;
}

/* An opcode and a double, most significant byte first. */
static inline bool pickle_put_double(struct pickle_output *output, double number) {
    unsigned char *room = pickle_output_room(output, 9);
    uint64_t bits;

    if (room == NULL) return false;
    memcpy(&bits, &number, sizeof bits);
    *room = PICKLE_BINFLOAT;
    for (int i = 0; i < 8; i++) room[1 + i] = (unsigned char)(bits >> (56 - 8 * i));
    output->at = room + 9;
    return true;
}

/* The opcodes that fetch and store the memo's entry `index`. From protocol 4 on
 * (`counted`) what is stored goes to the next index by itself. */
bool pickle_put_memo_get(struct pickle_output *output, size_t index, bool binary);
bool pickle_put_memo_put(struct pickle_output *output, size_t index, bool binary, bool counted);

/* Opens a frame, if this protocol has frames. */
bool pickle_frame_open(struct pickle_output *output);

/* Closes the open frame, if there is one: fills its header or takes it out. */
void pickle_frame_close(struct pickle_output *output);

/* Whether enough has been written that the frame is to be closed, or the buffer
 * sent away. Cost: one comparison. */
static inline bool pickle_output_is_full(const struct pickle_output *output) {
    return pickle_output_length(output) >= output->boundary;
}

#endif
