/* Giving back in a process that calls nobody.
 *
 * Frees keep a reserve for the next request (reserve.h). When the next request does
 * not come, nobody calls the heap, so a thread looks after the reserve: idle_thread.c
 * starts it when there may be something to give back, and it ends when nothing is
 * left. It holds no interpreter lock and runs no code of the program.
 *
 * Rent or buy. A page that is returned and taken back costs some 2 us. A page that
 * nobody took for QUIET_LOOKS looks goes, but at most PAGES_A_LOOK a look: if the program
 * then takes all of them back it has lost 2 % of its time. 100 MB go within 4 s so. Of more
 * than that a larger share goes, so that 9 s are enough for any reserve; from some 300 MB on
 * a program that rests for just that long may lose more than 2 %. */
#ifndef SHOAL_HEAP_IDLE_H
#define SHOAL_HEAP_IDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/hints.h"

enum {
    LOOK_MS = 250,
    QUIET_LOOKS = 4,     /* a second */
    PAGES_A_LOOK = 2500,
    LOOKS_FOR_ALL = 32,  /* 8 s */
    IDLE_WORTH = 64,     /* pages kept that are worth looking after */
};

/* Whether somebody looks after the reserve. */
enum idle_state {
    IDLE_NOTHING,  /* nobody, and nobody needs to      */
    IDLE_EXPECTED, /* nobody, and somebody ought to    */
    IDLE_WATCHED,  /* the thread is there, or starting */
};
extern _Atomic(enum idle_state) idle_state;

static inline bool idle_is(enum idle_state state) {
    return atomic_load_explicit(&idle_state, memory_order_relaxed) == state;
}

/* There may be something to give back later. Under any lock. */
static inline void idle_expect(void) {
    enum idle_state nothing = IDLE_NOTHING;
    if (idle_is(IDLE_NOTHING)) atomic_compare_exchange_strong(&idle_state, &nothing, IDLE_EXPECTED);
}

/* Starts the thread if it is IDLE_EXPECTED. To be called with no lock held, by what is about
 * to free a block, and after that was seen to be live: a new thread needs memory of its own,
 * and if it got the block's, a second free of that would be no crime that could be seen.
 * `caller` is where the call came from, NULL if that is known to be no C library: inside of
 * that one, where its own locks may be held, no thread is made. */
void idle_start(const void *caller);

/* Ends the thread and keeps it from starting until idle_go_on: while the process
 * forks, or asks the system for what only a process of one thread gets. */
void idle_pause(void);
void idle_go_on(void);
void idle_go_on_in_child(void);

/* Readies all this, before any thread; after the reserves. */
void idle_init(void);

/* For idle_thread.c: one look at everything that is kept. False when there is nothing more to
 * wait for. Only one thread at a time; idle_begin before the first. */
void idle_begin(void);
bool idle_look(void);

/* Returns all of the reserve. Before a fork: unless that is not worth it, or would be
 * more of the time than RENT allows. In the child: always, as what it uses of those pages
 * has to be copied, which costs no less than new ones. */
void idle_return_before_fork(void);
void idle_return_all(void);

/* Pages kept. */
size_t idle_pages(void);

#endif
