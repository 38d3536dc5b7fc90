/* The reserve: how much freed memory to keep, and what keeping less may cost.
 *
 * Freed pages are kept for the next request. When they exceed the limit the
 * excess goes to the system, in batches. So freeing itself gives back: no
 * thread, no timer, no further call.
 *
 * The limit adapts to what returning costs. Taking back a page that was
 * returned costs about 1.8 us (0.4 to return it, 1.4 to fault it in again);
 * we grant that CREDIT_PER_MS times a millisecond, 1 % of one processor, saved
 * up to CREDIT_MAX. What a program takes back beyond that raises the limit as
 * much: it needs those pages again and again. What lay in the reserve for a
 * whole window of WINDOW_MS without being needed lowers the limit, and goes.
 * The clock is read every EVENTS_A_LOOK takings and givings. And a program that
 * gives SURGE_FACTOR times the limit in one go is not about to take it again:
 * that ends what the limit had risen to. If it does take it again, the limit
 * rises to what was given then: the program breathes that deep.
 *
 * A limit that was raised outlives the breathing: a service without requests
 * calls nobody, so nobody lowers it. Therefore what stays of LAZY_ROW pages or
 * more given in a row becomes lazy at once: the system may take it when it runs
 * short. A page costs 0.15 us (0.06 to make it lazy, 0.09 to write to it again);
 * we grant LAZY_PER_MS a millisecond, saved up to LAZY_MAX: 2 % of a processor
 * for a program that breathes deep all the time, nothing for others. */
#ifndef SHOAL_HEAP_RESERVE_H
#define SHOAL_HEAP_RESERVE_H

#include "heap/types.h"

enum {
    RESERVE_LEAST = 16, /* pages: the limit of a program that needs none */
    CREDIT_PER_MS = 6,   /* pages */
    CREDIT_MAX = 1024,   /* pages: 2 ms of work */
    WINDOW_MS = 1000,
    EVENTS_A_LOOK = 64,
    SURGE_FACTOR = 2,
    LAZY_PER_MS = 128,  /* pages */
    LAZY_MAX = 1 << 16, /* pages: 10 ms of work */
    LAZY_ROW = 256,     /* pages given and none taken */
};

/* SHOAL_RELEASE=never|always in the environment fixes the limit, to measure
 * what releasing costs. `least` is the limit to begin with, in pages. */
void reserve_init(struct reserve *reserve, size_t least);

/* `pages` were taken and `kept` are left; `taken_back` of those taken had been
 * returned before. Gives how many may stay: `kept`, or less when some must go. */
size_t reserve_note_taken(struct reserve *reserve, size_t kept, size_t pages, size_t taken_back);

/* The system would not take pages of the `kept`: locked memory. Asks for no more
 * until there are twice as many. */
void reserve_note_refused(struct reserve *reserve, size_t kept);

/* `pages` were given and `kept` are there now. Gives how many may stay. */
size_t reserve_note_given(struct reserve *reserve, size_t kept, size_t pages);

/* Of what is kept `eager` pages are not lazy. Gives how many of them the caller
 * is to make lazy now: 0, or `at_least`. */
size_t reserve_grant_lazy(struct reserve *reserve, size_t eager, size_t at_least);

#endif
