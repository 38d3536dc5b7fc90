/* More of C's stack, for calls that are deeper than the thread's own has room for. */
#ifndef SHOAL_PYTHON_DEEP_STACK_H
#define SHOAL_PYTHON_DEEP_STACK_H

#include <stdint.h>

/* Below this the calling thread's stack has little room left. UINTPTR_MAX: it was not
 * asked yet. */
extern __thread uintptr_t deep_stack_limit __attribute__((tls_model(SHOAL_TLS_MODEL)));

int deep_stack_is_little(void);

/* Whether a call is better made by deep_stack_call(). Two loads. */
static inline int deep_stack_is_needed(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return __builtin_expect(here < deep_stack_limit, 0) && deep_stack_is_little();
}

/* Calls `function` on a stack of its own, which is gone when it returns. False, and
 * nothing is done, when there is no memory for one, or a C library that cannot do that. */
int deep_stack_call(void (*function)(void *argument), void *argument);

/* From now on there are none: who moves pieces of the stack away, and back, as greenlets
 * do, cannot know of them. */
void deep_stack_is_shared(void);

#endif
