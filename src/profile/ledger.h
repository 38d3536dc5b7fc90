/* The ledger: what every site has made and not lost again, to the byte asked
 * for, and how high each thread stands now and stood at most.
 *
 * Calls that hold the interpreter lock, and those that may not, have accounts
 * of their own, plain and atomic; a reader adds them up. */
#ifndef SHOAL_PROFILE_LEDGER_H
#define SHOAL_PROFILE_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the gauge told while a thread in watched functions had the interpreter lock:
 * sums of differences. Guarded by that lock. */
struct share {
    int64_t rss, held, returned;
    struct share *next; /* of those that nobody has */
};

/* Of one thread, and touched by it alone. All in bytes asked for. */
struct tally {
    unsigned site; /* the site it works for now, 0 for none  */
    int64_t net;   /* taken less freed by it, since it began */
    int64_t high;  /* the most that net was, since it was last set to net */
    struct share *share; /* NULL: it is in no watched function, or makes a pause */
};

extern __thread struct tally tally __attribute__((tls_model(SHOAL_TLS_MODEL)));

/* Threads that are in watched functions, and one more from the first mark on. */
extern atomic_int ledger_busy;

/* One more, and one less. */
void ledger_begin(void);
void ledger_end(void);

/* Bytes live by what guarded calls and the others took and gave, from some beginning. */
extern int64_t ledger_live_guarded;
extern _Atomic(int64_t) ledger_live_unguarded;

/* Of both. At every line, so without a call. */
static inline int64_t ledger_live(void) {
    return ledger_live_guarded + atomic_load_explicit(&ledger_live_unguarded, memory_order_relaxed);
}

/* While it is idle: knows of what came and went meanwhile, where blocks were freed that
 * nobody had told of. With the interpreter lock. */
void ledger_catch_up(void);

/* What was taken for a site and nobody freed. A few loads. */
int64_t ledger_live_of(unsigned site);

/* Whose share what the gauge tells now goes to; NULL: nobody's. */
extern struct share *ledger_running;

/* Maps the accounts at the first call; false when there is no memory. */
bool ledger_has_accounts(void);

/* A new site, above those of marks; when there are no more, the last one again.
 * 0 when there is no memory. */
unsigned ledger_new_site(void);

/* Bytes of the accounts, touched or not. */
size_t ledger_bytes(void);

#endif
