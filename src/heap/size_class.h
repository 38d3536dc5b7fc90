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
    uint16_t block_bytes;
    uint16_t blocks; /* in a pool */
    uint16_t pages;  /* of a pool */
    uint16_t first;  /* bytes: where in the pool its first block starts */
};

extern const struct size_class size_classes[CLASS_COUNT];

/* For is_block_offset(), which every free asks; so apart from the rest. */
struct class_divisor {
    uint32_t inverse; /* ceil(2^32 / block_bytes)      */
    uint32_t bias;    /* first * inverse, modulo 2^32  */
};
extern const struct class_divisor class_divisors[CLASS_COUNT];

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

/* Whether a block of the class may start `offset` bytes (under 65536) into its
 * pool: whether block_bytes divides offset - first. n * ceil(2^32 / d) wraps to
 * less than ceil(2^32 / d) exactly when d divides n (D. Lemire et al., Faster
 * remainder by direct computation, 2019). */
static inline int is_block_offset(unsigned class, uint32_t offset) {
    const struct class_divisor *divisor = &class_divisors[class];
    return (uint32_t)(offset * divisor->inverse - divisor->bias) < divisor->inverse;
}

/* Whether every block of the class is at a multiple of `align`, a power of two
 * of at most a page: pools start at pages. */
static inline int class_is_aligned(unsigned class, size_t align) {
    return ((size_classes[class].block_bytes | size_classes[class].first) & (align - 1)) == 0;
}

#endif
