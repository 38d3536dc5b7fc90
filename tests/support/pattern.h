/* Contents by which a test knows its own blocks again.
 *
 * Every byte depends on a tag and on its position, so a block that was moved,
 * cut short, shared with another or cleared does not match. Blocks up to
 * PATTERN_WHOLE bytes are filled whole; of larger ones both ends and one byte
 * in every PATTERN_STEP, so that a test can hold large blocks cheaply.
 */
#ifndef SHOAL_TESTS_PATTERN_H
#define SHOAL_TESTS_PATTERN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PATTERN_WHOLE 4096
#define PATTERN_END 64
#define PATTERN_STEP 1024

static inline unsigned char pattern_byte(uint32_t tag, size_t position) {
    uint32_t mixed = (tag ^ (uint32_t)position) * 2654435761u;
    return (unsigned char)(mixed >> 24);
}

/* Whether the pattern of a block of `size` bytes has a byte at `position`,
 * and otherwise where the next one is. */
static inline size_t pattern_next(size_t size, size_t position) {
    if (size <= PATTERN_WHOLE || position < PATTERN_END || position >= size - PATTERN_END)
        return position;
    size_t step = (position + PATTERN_STEP - 1) / PATTERN_STEP * PATTERN_STEP;
    return step < size - PATTERN_END ? step : size - PATTERN_END;
}

static inline void pattern_fill(void *block, size_t size, uint32_t tag) {
    unsigned char *bytes = block;
    for (size_t i = pattern_next(size, 0); i < size; i = pattern_next(size, i + 1))
        bytes[i] = pattern_byte(tag, i);
}

/* Whether the first `kept` bytes of what was filled as `size` bytes are as
 * they were. */
static inline int pattern_holds(const void *block, size_t size, size_t kept, uint32_t tag) {
    const unsigned char *bytes = block;
    for (size_t i = pattern_next(size, 0); i < kept; i = pattern_next(size, i + 1))
        if (bytes[i] != pattern_byte(tag, i)) return 0;
    return 1;
}

static inline int pattern_is_zero(const void *block, size_t size) {
    const unsigned char *bytes = block;
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* A generator of 64 random bits (splitmix64): small, and the same numbers on
 * every machine, so that a seed names a test case. */
static inline uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#endif
