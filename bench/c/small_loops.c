/* One thread, small blocks: the paths that a program takes most often. */
#include "loops.h"

#include <stdlib.h>
#include <string.h>

/* ---- pair: one block asked for and freed at once ------------------------- */

static size_t run_pair(size_t iterations, size_t size) {
    for (size_t i = 0; i < iterations; i++) {
        void *block = malloc(size);
        loop_use(block);
        free(block);
    }
    return iterations;
}

/* ---- batch: ten thousand blocks, then free them in some order ------------ */

enum { BATCH = 10000 };
enum batch_order { FIFO, LIFO, SHUFFLED };

/* The order in which the blocks are freed, as their indexes. */
static void fill_order(uint32_t *order, enum batch_order kind, uint64_t *random) {
    for (uint32_t i = 0; i < BATCH; i++) order[i] = kind == LIFO ? BATCH - 1 - i : i;
    if (kind != SHUFFLED) return;
    for (uint32_t i = BATCH - 1; i > 0; i--) {
        uint32_t other = (uint32_t)(loop_random(random) % (i + 1));
        uint32_t swapped = order[i];
        order[i] = order[other];
        order[other] = swapped;
    }
}

static size_t run_batch(size_t iterations, size_t kind) {
    static void *blocks[BATCH];
    static uint32_t order[BATCH];
    uint64_t random = 0x9E3779B97F4A7C15;
    fill_order(order, (enum batch_order)kind, &random);
    for (size_t round = 0; round < iterations; round++) {
        for (size_t i = 0; i < BATCH; i++) {
            size_t size = 16 + (loop_random(&random) & 127);
            char *block = loop_malloc(size);
            block[0] = (char)i;
            blocks[i] = block;
        }
        for (size_t i = 0; i < BATCH; i++) free(blocks[order[i]]);
    }
    return iterations * BATCH;
}

/* ---- glibc-simple: after the malloc-simple benchmark of glibc ------------
 * Blocks of one size, a few or many of them, freed in the order they came. */

static size_t simple_group(void **blocks, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++) {
        blocks[i] = loop_malloc(size);
        memset(blocks[i], 1, 8);
    }
    for (size_t i = 0; i < count; i++) free(blocks[i]);
    return count;
}

static size_t run_simple(size_t iterations, size_t parameter) {
    static const size_t counts[] = {25, 100, 400, 1600};
    static void *blocks[1600];
    size_t operations = 0;
    (void)parameter;
    for (size_t round = 0; round < iterations; round++)
        for (size_t size = 8; size <= 512; size *= 2)
            for (size_t group = 0; group < 4; group++)
                operations += simple_group(blocks, counts[group], size);
    return operations;
}

/* ---- alloc-test: after the benchmark of that name ------------------------
 * A table of slots; each step empties or fills one chosen at random, so that
 * lifetimes are random too. Small sizes are the likelier. */

enum { SLOTS = 65536 };

static size_t likely_small(uint64_t *random) {
    uint64_t bits = loop_random(random);
    size_t limit = (size_t)16 << (bits & 7);
    return 1 + ((bits >> 8) & (limit - 1));
}

static size_t run_alloc_test(size_t iterations, size_t parameter) {
    static char *slots[SLOTS];
    uint64_t random = 0xD1B54A32D192ED03;
    (void)parameter;
    for (size_t step = 0; step < iterations; step++) {
        char **slot = &slots[(loop_random(&random) >> 20) % SLOTS];
        if (*slot != NULL) {
            free(*slot);
            *slot = NULL;
        } else {
            size_t size = likely_small(&random);
            *slot = loop_malloc(size);
            (*slot)[0] = (char)step;
            (*slot)[size - 1] = (char)step;
        }
    }
    for (size_t i = 0; i < SLOTS; i++) {
        free(slots[i]);
        slots[i] = NULL;
    }
    return iterations;
}

const struct loop small_loops[] = {
    {"pair:16", 10000000, 16, run_pair},
    {"pair:32", 10000000, 32, run_pair},
    {"pair:64", 10000000, 64, run_pair},
    {"pair:128", 10000000, 128, run_pair},
    {"pair:256", 10000000, 256, run_pair},
    {"pair:512", 10000000, 512, run_pair},
    {"pair:1024", 10000000, 1024, run_pair},
    {"batch:fifo", 500, FIFO, run_batch},
    {"batch:lifo", 500, LIFO, run_batch},
    {"batch:random", 500, SHUFFLED, run_batch},
    {"glibc-simple", 500, 0, run_simple},
    {"alloc-test", 4000000, 0, run_alloc_test},
    {NULL, 0, 0, NULL},
};
