/* Where the bytes of a pickle are read from: a window on them, which its user
 * moves on. Nothing outside the window is ever looked at. */
#ifndef SHOAL_PICKLE_INPUT_H
#define SHOAL_PICKLE_INPUT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pickle_input {
    const unsigned char *at;  /* the next byte */
    const unsigned char *end; /* of the window */

    /* Brings at least `size` bytes into the window; false: there are not so many,
     * or reading failed, reported. */
    bool (*fill)(struct pickle_input *input, size_t size);
};

static inline size_t pickle_input_left(const struct pickle_input *input) {
    return (size_t)(input->end - input->at);
}

/* The next `size` bytes, which are passed over; NULL as `fill`. They are good
 * until the next call. */
static inline const unsigned char *pickle_take(struct pickle_input *input, size_t size) {
    const unsigned char *bytes;

    if (pickle_input_left(input) < size && !input->fill(input, size)) return NULL;
    bytes = input->at;
    input->at += size;
    return bytes;
}

/* A number of `size` bytes, least significant first. */
static inline uint64_t pickle_fetch(const unsigned char *bytes, unsigned size) {
    uint64_t number = 0;

    for (unsigned i = 0; i < size; i++) number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

/* The same of 8 bytes. Compilers make one load of this, but of the loop eight. */
static inline uint64_t pickle_fetch_word(const unsigned char *bytes) {
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

/* A number of 1 to 8 bytes in two's complement. */
static inline int64_t pickle_fetch_signed(const unsigned char *bytes, unsigned size) {
    unsigned unused = 64 - 8 * size;

    return (int64_t)(pickle_fetch(bytes, size) << unused) >> unused;
}

/* A double, most significant byte first. */
static inline double pickle_fetch_double(const unsigned char *bytes) {
    uint64_t bits;
    double number;

    memcpy(&bits, bytes, sizeof bits);
    bits = be64toh(bits);
    memcpy(&number, &bits, sizeof number);
    return number;
}

#endif
