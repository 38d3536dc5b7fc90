/* How much of Shoal's heap one block keeps, for a process that is not on it. */
#ifndef SHOAL_INSPECT_SHOAL_POOLS_H
#define SHOAL_INSPECT_SHOAL_POOLS_H

#include <stdint.h>

#include "shoal/heap.h"

enum {
    SHOAL_PAGE_BYTES = 4096,
    SHOAL_ONE_PAGE_MAX = 512, /* bytes: the largest block in a pool of one page */
};

/* Bytes of the pool that a block of so many bytes is in, which goes back when it is empty;
 * 0 for a block without a pool. Four sizes to a doubling, as in heap/size_class.c, which a
 * test compares. */
static inline uint64_t shoal_pool_of(uint64_t bytes) {
    static const uint8_t pages[24] = {3, 3, 2, 1, 5, 3, 4, 2, 5,  3,  7,  4,
                                      5, 6, 7, 8, 5, 6, 7, 8, 10, 12, 14, 16};
    if (bytes > SHOAL_POOLED_MAX) return 0;
    if (bytes <= SHOAL_ONE_PAGE_MAX) return SHOAL_PAGE_BYTES;
    uint64_t last = bytes - 1;
    unsigned doubling = 63u - (unsigned)__builtin_clzll(last);
    unsigned quarter = (unsigned)(last >> (doubling - 2)) & 3;
    return (uint64_t)pages[(doubling - 9) * 4 + quarter] * SHOAL_PAGE_BYTES;
}

#endif
