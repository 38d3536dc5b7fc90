/* The C benchmark programs: what they share.
 *
 * Every program is a function that does a fixed, repeatable amount of work with
 * malloc and its family, frees everything it asked for, and says how many
 * operations that was. loops_main.c picks one by name, takes the time around it
 * and prints one JSON line. They know nothing of any allocator: which one
 * answers malloc is settled by LD_PRELOAD.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include <stddef.h>
#include <stdint.h>

struct loop {
    const char *name;       /* "family" or "family:variant"                  */
    size_t iterations;      /* the default: a quarter of a second or so      */
    size_t parameter;       /* what the variant varies: a size, an order     */
    /* Does the work and returns the number of operations. */
    size_t (*run)(size_t iterations, size_t parameter);
};

/* Each table ends with an entry whose name is NULL. */
extern const struct loop small_loops[];
extern const struct loop thread_loops[];
extern const struct loop bignum_loops[];
extern const struct loop growth_loops[];
extern const struct loop large_loops[];

/* Prints "loops: <what>" on standard error and exits with status 1. */
_Noreturn void loop_fail(const char *what);

/* As malloc, calloc and realloc, but a refused request ends the program. */
void *loop_malloc(size_t size);
void *loop_calloc(size_t count, size_t size);
void *loop_realloc(void *block, size_t size);

/* Makes the compiler believe that the block is read and written here, so that
 * it can neither drop the request nor move it. Costs no instruction. */
static inline void loop_use(void *block) { __asm__ volatile("" : : "r"(block) : "memory"); }

/* A xorshift generator (Marsaglia): the same numbers on every machine. The
 * state is never zero. */
static inline uint64_t loop_random(uint64_t *state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x;
}

#endif
