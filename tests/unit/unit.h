/* What every unit test includes: cmocka, with the headers it wants before it,
 * the heap, and block contents. */
#ifndef SHOAL_TESTS_UNIT_H
#define SHOAL_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <shoal/heap.h>
#include <string.h>

#include "pattern.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* How many times slower this is under a sanitizer of threads. */
#ifdef __SANITIZE_THREAD__
enum { SLOWNESS = 10 };
#else
enum { SLOWNESS = 1 };
#endif

/* Live bytes by shoal_usage. */
static inline size_t live_now(void) {
    struct shoal_usage usage;
    shoal_usage(&usage);
    return usage.live;
}

/* Teardown of a test: the heap is sound and nothing of the test is left. */
static inline int nothing_left(void **state) {
    (void)state;
    if (live_now() != 0) print_error("%zu bytes are still live\n", live_now());
    return shoal_check() != 0;
}

#endif
