/* Memory by the megabyte: where the cost is the operating system's. */
#include "loops.h"

#include <stdlib.h>

enum { PAGE = 4096 };

/* Asks for a block and writes to each of its pages. */
static char *touched(size_t size) {
    char *block = loop_malloc(size);
    for (size_t at = 0; at < size; at += PAGE) block[at] = 1;
    block[size - 1] = 1;
    return block;
}

/* ---- large: blocks of 64 KiB to 8 MiB, eight alive at a time ------------- */

enum { LARGE_RING = 8 };

static size_t run_large(size_t iterations, size_t parameter) {
    char *ring[LARGE_RING] = {NULL};
    uint64_t random = 0x2545F4914F6CDD1D;
    (void)parameter;
    for (size_t i = 0; i < iterations; i++) {
        uint64_t bits = loop_random(&random);
        size_t least = (size_t)65536 << (bits >> 8) % 7;
        free(ring[i % LARGE_RING]);
        ring[i % LARGE_RING] = touched(least + (bits >> 16) % least);
    }
    for (size_t i = 0; i < LARGE_RING; i++) free(ring[i]);
    return iterations;
}

/* ---- churn: 64 MB asked for, written to and freed, over and over ---------
 * As one block, or as small ones: what releasing costs shows here. */

enum { CHURN = 64000000, PIECES = CHURN / 256 };

static size_t run_churn_one(size_t iterations, size_t parameter) {
    (void)parameter;
    for (size_t i = 0; i < iterations; i++) free(touched(CHURN));
    return iterations;
}

/* Sizes average 256 bytes: 16 to 496. */
static size_t run_churn_small(size_t iterations, size_t parameter) {
    static char *pieces[PIECES];
    uint64_t random = 0xD1B54A32D192ED03;
    (void)parameter;
    for (size_t round = 0; round < iterations; round++) {
        for (size_t i = 0; i < PIECES; i++) {
            pieces[i] = loop_malloc(16 + loop_random(&random) % 481);
            pieces[i][0] = 1;
        }
        for (size_t i = 0; i < PIECES; i++) free(pieces[i]);
    }
    return iterations;
}

const struct loop large_loops[] = {
    {"large", 600, 0, run_large},
    {"churn64:one", 20, 0, run_churn_one},
    {"churn64:small", 10, 0, run_churn_small},
    {NULL, 0, 0, NULL},
};
