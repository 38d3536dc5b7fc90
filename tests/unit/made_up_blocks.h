/* Blocks that nobody has, told to the profiler's engine, and what it says of their lines. */
#ifndef SHOAL_TESTS_MADE_UP_BLOCKS_H
#define SHOAL_TESTS_MADE_UP_BLOCKS_H

#include <shoal/profile.h>

static void *block(size_t index) { return (void *)(((uintptr_t)7 << 42) + index * 4096); }

static void took(size_t index, size_t bytes) { shoal_profile_took(block(index), bytes, 1); }
static void gave(size_t index) { shoal_profile_gave(block(index), 1); }

static struct shoal_line *line(struct shoal_function *function, int number) {
    return &function->lines[number - function->first_line];
}

static int64_t live(struct shoal_function *function, int number) {
    return shoal_profile_account(line(function, number)->site).live;
}

#endif
