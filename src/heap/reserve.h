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
 * calls nobody, so nobody lowers it. Therefore what stays of ROW_PAGES or more
 * given in a row is watched until most of it has lain there for QUIET_MS, seen at
 * the next call: then it becomes lazy, which is the system's to take when it runs
 * short. A program that breathes on takes it again before. A lazy page costs
 * 0.15 us (0.06 to make it so, 0.09 to write to it again), several times as much on
 * a busy machine; LAZY_PER_MS a millisecond are granted, saved up to LAZY_MAX. */
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
    ROW_PAGES = 256,    /* given, and none taken */
    QUIET_MS = 25,
    QUIET_PART = 8,     /* of what was kept may be taken meanwhile */
    LAZY_PER_MS = 64,   /* pages */
    LAZY_MAX = 1 << 15, /* pages: 5 ms of work */
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

/* What idle.c sees at a look. */
struct kept {
    size_t pages;
    size_t unused;   /* of these, pages that nobody took since the look before */
    unsigned events; /* differs from then when any was taken or given since    */
};
struct kept reserve_look(struct reserve *reserve, size_t kept);

/* False under SHOAL_RELEASE=never: what is kept stays. */
bool reserve_may_shrink(void);

/* `pages` were given and `kept` are there now. Gives how many may stay. */
size_t reserve_note_given(struct reserve *reserve, size_t kept, size_t pages);

/* Of what is kept `eager` pages are not lazy. Gives how many of them the caller
 * is to make lazy now: 0, or `at_least`. A load when nothing was given in a row. */
size_t reserve_grant_lazy(struct reserve *reserve, size_t eager, size_t at_least);

#endif
