/* The memory of the process outside of the heap, as /proc/self tells of it. */
#ifndef SHOAL_COMPACT_ELSEWHERE_H
#define SHOAL_COMPACT_ELSEWHERE_H

#include "compact/snapshot.h"

/* Whether /proc/self has what is needed. */
bool elsewhere_is_readable(void);

/* Whether the process has threads besides the calling one. */
bool elsewhere_has_threads(void);

/* Sets is_shared of the pools of which not every page is this process's alone. False when
 * that is not told. */
bool elsewhere_find_shared(struct own_mover *own);

/* Words that may be addresses, in memory that is a program's: `step` says at which multiples
 * of bytes they may start. What lies behind `end` is not looked at. */
typedef void take_words(struct own_mover *own, const char *from, const char *end, size_t step,
                        bool is_own_stack);

/* Calls `take` for all private memory that was ever written, but the heap's pages, the
 * mover's own and what is not in use of the calling thread's stack: `frame` and above are.
 * False when /proc cannot be read. */
bool elsewhere_each(struct own_mover *own, const void *frame, take_words *take);

#endif
