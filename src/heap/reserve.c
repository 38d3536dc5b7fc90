#include "heap/reserve.h"

#include <stdlib.h>
#include <string.h>

enum policy { ADAPTIVE, NEVER, ALWAYS };
static enum policy policy;

static enum policy policy_of_environment(void) {
    const char *wish = getenv("SHOAL_RELEASE");
    if (wish && strcmp(wish, "never") == 0) return NEVER;
    if (wish && strcmp(wish, "always") == 0) return ALWAYS;
    return ADAPTIVE;
}

void reserve_init(struct reserve *reserve, size_t least) {
    policy = policy_of_environment();
    reserve->limit = policy == NEVER ? SIZE_MAX : policy == ALWAYS ? 0 : least;
    reserve->window_start = reserve->credit_time = reserve->lazy_time = os_milliseconds();
    reserve->credit = CREDIT_MAX;
    reserve->lazy_credit = LAZY_MAX;
}

/* The credit with what has been granted since it was last added to. */
static long added_to(long credit, uint64_t *last, uint64_t now, long per_ms, long most) {
    uint64_t elapsed = now - *last;
    *last = now;
    if (elapsed > (uint64_t)most) elapsed = (uint64_t)most;
    credit += (long)elapsed * per_ms;
    return credit < most ? credit : most;
}

/* Ends the window when it is over: the limit comes down to what was used. */
static void end_window(struct reserve *reserve, size_t kept, uint64_t now) {
    if (now - reserve->window_start < WINDOW_MS) return;
    size_t limit = reserve->limit < reserve->highest ? reserve->limit : reserve->highest;
    limit -= reserve->lowest < limit ? reserve->lowest : limit;
    reserve->limit = limit > RESERVE_LEAST ? limit : RESERVE_LEAST;
    reserve->ended_by = 0;
    reserve->window_start = now;
    reserve->lowest = reserve->highest = kept;
}

/* Down to half the limit, so that calls are few and batches are long. */
static size_t may_stay(struct reserve *reserve, size_t kept) {
    if (++reserve->events % EVENTS_A_LOOK == 0 && policy == ADAPTIVE)
        end_window(reserve, kept, os_milliseconds());
    return kept > reserve->limit ? reserve->limit / 2 : kept;
}

static void charge(struct reserve *reserve, size_t taken_back) {
    reserve->credit -= (long)taken_back;
    if (reserve->credit >= 0) return;
    reserve->credit = added_to(reserve->credit, &reserve->credit_time, os_milliseconds(),
                               CREDIT_PER_MS, CREDIT_MAX);
    if (reserve->credit >= 0) return;
    reserve->limit += taken_back;
    if (reserve->limit < reserve->ended_by) reserve->limit = reserve->ended_by;
    reserve->credit = 0;
}

/* Most of what is kept now is to be there still when it is looked at again. */
static void look_again(struct reserve *reserve, size_t kept) {
    reserve->quiet_at = os_milliseconds() + QUIET_MS;
    reserve->quiet_least = kept - kept / QUIET_PART;
}

size_t reserve_note_taken(struct reserve *reserve, size_t kept, size_t pages, size_t taken_back) {
    if (kept < reserve->lowest) reserve->lowest = kept;
    if (kept < reserve->unused) reserve->unused = kept;
    reserve->in_a_row = 0;
    if (reserve->quiet_at && kept < reserve->quiet_least) look_again(reserve, kept);
    reserve->surge -= pages < reserve->surge ? pages : reserve->surge;
    if (taken_back && policy == ADAPTIVE) charge(reserve, taken_back);
    return may_stay(reserve, kept);
}

/* Until the surge ends, what it comes to is what ended the raise. */
static void end_raise(struct reserve *reserve) {
    if (reserve->limit > RESERVE_LEAST) reserve->limit = RESERVE_LEAST;
    reserve->ended_by = reserve->surge;
}

size_t reserve_note_given(struct reserve *reserve, size_t kept, size_t pages) {
    if (kept > reserve->highest) reserve->highest = kept;
    reserve->surge += pages;
    reserve->in_a_row += pages;
    if (policy == ADAPTIVE && reserve->surge / SURGE_FACTOR > reserve->limit) end_raise(reserve);
    size_t stay = may_stay(reserve, kept);
    if (reserve->in_a_row >= ROW_PAGES && policy == ADAPTIVE) look_again(reserve, stay);
    return stay;
}

size_t reserve_grant_lazy(struct reserve *reserve, size_t eager, size_t at_least) {
    if (reserve->quiet_at == 0) return 0;
    uint64_t now = os_milliseconds();
    if (now < reserve->quiet_at) return 0;
    reserve->quiet_at = 0;
    reserve->lazy_credit =
        added_to(reserve->lazy_credit, &reserve->lazy_time, now, LAZY_PER_MS, LAZY_MAX);
    size_t credit = (size_t)reserve->lazy_credit;
    size_t grant = eager < credit ? eager : credit;
    if (grant < at_least) return 0;
    reserve->lazy_credit -= (long)grant;
    return grant;
}

struct kept reserve_look(struct reserve *reserve, size_t kept) {
    size_t unused = reserve->unused < kept ? reserve->unused : kept;
    reserve->unused = kept;
    return (struct kept){kept, unused, reserve->events};
}

bool reserve_may_shrink(void) { return policy != NEVER; }

void reserve_note_refused(struct reserve *reserve, size_t kept) {
    if (reserve->limit < kept * 2) reserve->limit = kept * 2;
}
