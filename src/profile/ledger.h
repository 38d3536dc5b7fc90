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

/* Of one thread, and touched by it alone. All in bytes asked for. */
struct tally {
    unsigned site; /* the site it works for now, 0 for none  */
    int64_t net;   /* taken less freed by it, since it began */
    int64_t high;  /* the most that net was, since it was last set to net */
};

extern __thread struct tally tally __attribute__((tls_model("initial-exec")));

/* Threads that are in watched functions, and one more from the first mark on. */
extern atomic_int ledger_busy;

/* One more, and one less. */
void ledger_begin(void);
void ledger_end(void);

/* Maps the accounts at the first call; false when there is no memory. */
bool ledger_has_accounts(void);

/* A new site, above those of marks; when there are no more, the last one again.
 * 0 when there is no memory. */
unsigned ledger_new_site(void);

/* Bytes of the accounts, touched or not. */
size_t ledger_bytes(void);

#endif
