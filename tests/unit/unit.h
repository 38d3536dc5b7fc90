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

/* Built for another machine, of which qemu-user makes the processor and Linux: make test-arm64. */
#ifdef SHOAL_EMULATED
enum { IS_EMULATED = 1 };
#else
enum { IS_EMULATED = 0 };
#endif

/* How many times slower this is under a sanitizer of threads, or emulated. */
#ifdef __SANITIZE_THREAD__
enum { SLOWNESS = 10 };
#else
enum { SLOWNESS = IS_EMULATED ? 10 : 1 };
#endif

/* Skips a test where it is emulated: `lacks` says what qemu-user does not do. */
#define skip_emulated(lacks) \
    do { \
        if (IS_EMULATED) { \
            print_message("emulated: %s: %s\n", __func__, lacks); \
            skip(); \
        } \
    } while (0)

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
