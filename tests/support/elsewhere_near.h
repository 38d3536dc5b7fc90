/* In the place of compact/elsewhere.c: the memory outside of the heap is what a test says it
 * is, and the calling thread's stack. For builds in which the rest is terabytes (sanitizers),
 * and for tests that move thousands of times. */
#ifndef SHOAL_TESTS_ELSEWHERE_NEAR_H
#define SHOAL_TESTS_ELSEWHERE_NEAR_H

#include "compact/elsewhere.h"

struct elsewhere_near {
    struct os_range words;   /* all that is read beside the stack                      */
    bool has_threads;
    unsigned shared_every;   /* every so many-th pool is shared with another process;
                                0: none is                                             */
};

extern struct elsewhere_near elsewhere_near;

#endif
