/* realloc and calloc: buffers that grow, blocks that must come back zeroed. */
#include "loops.h"

#include <stdlib.h>
#include <string.h>

/* ---- vector: sixteen arrays side by side, each doubled until 256 KiB ----- */

enum { VECTORS = 16, VECTOR_MAX = 256 * 1024 };

static size_t run_vector(size_t iterations, size_t parameter) {
    char *vectors[VECTORS] = {NULL};
    size_t operations = 0;
    (void)parameter;
    for (size_t round = 0; round < iterations; round++) {
        for (size_t size = 16; size <= VECTOR_MAX; size *= 2)
            for (size_t i = 0; i < VECTORS; i++) {
                vectors[i] = loop_realloc(vectors[i], size);
                memset(vectors[i] + size / 2, (int)i, size / 2);
                operations++;
            }
        for (size_t i = 0; i < VECTORS; i++) {
            free(vectors[i]);
            vectors[i] = NULL;
        }
    }
    return operations;
}

/* ---- string: eight texts side by side, a few letters appended at a time -- */

enum { STRINGS = 8, STRING_MAX = 16 * 1024 };

static size_t run_string(size_t iterations, size_t parameter) {
    uint64_t random = 0x94D049BB133111EB;
    size_t operations = 0;
    (void)parameter;
    for (size_t round = 0; round < iterations; round++) {
        char *texts[STRINGS] = {NULL};
        size_t lengths[STRINGS] = {0};
        while (lengths[0] < STRING_MAX)
            for (size_t i = 0; i < STRINGS; i++) {
                size_t more = 1 + (loop_random(&random) & 31);
                texts[i] = loop_realloc(texts[i], lengths[i] + more + 1);
                memset(texts[i] + lengths[i], 'a', more);
                lengths[i] += more;
                texts[i][lengths[i]] = 0;
                operations++;
            }
        for (size_t i = 0; i < STRINGS; i++) free(texts[i]);
    }
    return operations;
}

/* ---- calloc: a ring of blocks, all written to before they are freed ------ */

enum { CALLOC_RING = 512 };

static size_t run_calloc(size_t iterations, size_t parameter) {
    static unsigned char *ring[CALLOC_RING];
    uint64_t random = 0x9E3779B97F4A7C15;
    (void)parameter;
    for (size_t i = 0; i < iterations; i++) {
        uint64_t bits = loop_random(&random);
        size_t size = 16 + (bits >> 8) % ((size_t)32 << (bits & 7));
        if (i % 256 == 0) size = 65536 + (bits >> 8) % 196608;
        unsigned char *block = loop_calloc(1, size);
        size_t probe = (bits >> 32) % size;
        if (block[probe] != 0) loop_fail("calloc handed out a block that is not zero");
        memset(block, 0xA5, size);
        free(ring[i % CALLOC_RING]);
        ring[i % CALLOC_RING] = block;
    }
    for (size_t i = 0; i < CALLOC_RING; i++) {
        free(ring[i]);
        ring[i] = NULL;
    }
    return iterations;
}

const struct loop growth_loops[] = {
    {"vector", 100, 0, run_vector},
    {"string", 400, 0, run_string},
    {"calloc", 1000000, 0, run_calloc},
    {NULL, 0, 0, NULL},
};
