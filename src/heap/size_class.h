/* Sizes to size classes and back.
 *
 * Class 0 serves requests of no bytes, classes 1 to 32 every 16 bytes up to
 * 512, and 33 to 56 four sizes to a doubling up to 32768. A pool is one page
 * up to 512 bytes, and above as few pages as waste at most 3 % of it. */
#ifndef SHOAL_HEAP_SIZE_CLASS_H
#define SHOAL_HEAP_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum {
    GRANULE = 16,            /* every block is a multiple, and so aligned */
    SMALL_MAX = 512,         /* bytes: pools of one page                  */
    SMALL_CLASSES = 33,      /* classes 0 to 32                           */
    POOLED_MAX = 32768,      /* bytes: the largest block in a pool        */
    CLASS_COUNT = 57,
    CLASS_LARGE = 255,       /* size_class of a large block's record      */
};

struct size_class {
    uint32_t block_bytes;
    uint16_t blocks; /* in a pool */
    uint16_t pages;  /* of a pool */
};

extern const struct size_class size_classes[CLASS_COUNT];

/* ceil(2^32 / block_bytes), for divides(); apart, since every free reads one. */
extern const uint32_t class_inverses[CLASS_COUNT];

/* The class of a request of up to SMALL_MAX bytes. */
static inline unsigned small_class(size_t bytes) { return (unsigned)((bytes + 15) >> 4); }

/* The class of a request of up to POOLED_MAX bytes. */
static inline unsigned class_of(size_t bytes) {
    if (bytes <= SMALL_MAX) return small_class(bytes);
    size_t last = bytes - 1; /* 512 .. 32767 */
    unsigned doubling = 63u - (unsigned)__builtin_clzll(last);
    unsigned quarter = (unsigned)(last >> (doubling - 2)) & 3;
    return SMALL_CLASSES + (doubling - 9) * 4 + quarter;
}

/* Whether `offset` (under 65536) is a multiple of a class's block size:
 * n * ceil(2^32 / d) wraps to less than ceil(2^32 / d) exactly when d divides
 * n (D. Lemire et al., Faster remainder by direct computation, 2019). */
static inline int class_divides(unsigned class, uint32_t offset) {
    return (uint32_t)(offset * class_inverses[class]) < class_inverses[class];
}

#endif
