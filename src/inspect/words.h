/* Numbers out of a copy of another process's memory, which need not be aligned. */
#ifndef SHOAL_INSPECT_WORDS_H
#define SHOAL_INSPECT_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t word_of(const uint8_t *copy, size_t at) {
    uint64_t word;
    memcpy(&word, copy + at, sizeof word);
    return word;
}

static inline uint32_t half_of(const uint8_t *copy, size_t at) {
    uint32_t half;
    memcpy(&half, copy + at, sizeof half);
    return half;
}

static inline uint16_t short_of(const uint8_t *copy, size_t at) {
    uint16_t value;
    memcpy(&value, copy + at, sizeof value);
    return value;
}

#endif
