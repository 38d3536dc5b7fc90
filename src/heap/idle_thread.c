/* The thread that looks after the reserve: when it is there, and when it is not.
 *
 * To the program it must not be there at all. It blocks all signals; it has ended
 * when fork looks, so that a child has no trace of it and nobody counts it; it is made
 * by what frees, never from inside the C library, whose own locks may be held then
 * (what a thread's end frees is freed under the lock that a new thread needs). */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/os.h"
#include "base/os_threads.h"
#include "heap/idle.h"
#include "heap/lock.h"
#include "heap/reserve.h"
#include "heap/watch.h"

enum {
    STACK_BYTES = 64 << 10, /* besides what the C library takes      */
    NEXT_TRY_MS = 1000,     /* after a thread could not be made      */
    AFTER_FORK_MS = 100,    /* no thread yet: someone may count them ... */
    AFTER_FORK_PAGES = 256, /* ... unless so much more is kept           */
    YIELDS_MAX = 10000,     /* some ms                               */
};

_Atomic(enum idle_state) idle_state;

/* Held by who starts or ends the thread, and throughout a fork. */
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;
static bool has_thread; /* made and not joined */
static pthread_t thread;
static atomic_int thread_id; /* the system's */
static _Atomic(uint64_t) not_before; /* ms */
static atomic_size_t not_below;      /* pages kept, until then */
static atomic_int home; /* a child of vfork has our memory, and is not us */

static pthread_mutex_t bell_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell;
static bool must_end; /* guarded by bell_lock */

/* ---- In the thread -------------------------------------------------------------- */

/* Until the next look; false when the thread must end. */
static bool rest(void) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&bell_lock);
    int status = 0;
    while (!must_end && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&bell, &bell_lock, &until);
    bool goes_on = !must_end;
    pthread_mutex_unlock(&bell_lock);
    return goes_on;
}

/* What was freed while the thread made up its mind expects nobody: it looks once more. */
static bool may_end(void) {
    enum idle_state nothing = IDLE_NOTHING;
    atomic_store(&idle_state, IDLE_NOTHING);
    if (idle_pages() < IDLE_WORTH) return true;
    return !atomic_compare_exchange_strong(&idle_state, &nothing, IDLE_WATCHED);
}

static void *look_after(void *unused) {
    (void)unused;
    thread_id = os_thread();
    os_is_helper = true;
    pthread_setname_np(pthread_self(), "shoal-idle");
    idle_begin();
    while (rest())
        if (!idle_look() && may_end()) break;
    return NULL;
}

/* ---- Its life ------------------------------------------------------------------- */

/* What the C library takes for it is no doing of who frees. */
static bool make_thread(void) {
    pthread_attr_t attributes;
    sigset_t all, before;
    must_end = false;
    thread_id = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES + os_stack_taken());
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    watch_look_away();
    bool is_made = pthread_create(&thread, &attributes, look_after, NULL) == 0;
    watch_look_again();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return is_made;
}

/* A thread that was joined may still be counted for a moment. One that is not there may never
 * have been: in a child that the C library does not know of and that has its parent's number, as
 * the first in a namespace of its own. */
static void join_thread(void) {
    if (!has_thread) return;
    watch_look_away();
    if (thread_id && !os_has_thread(thread_id))
        pthread_tryjoin_np(thread, NULL);
    else
        pthread_join(thread, NULL);
    watch_look_again();
    for (int i = 0; i < YIELDS_MAX && os_has_thread(thread_id); i++) sched_yield();
    has_thread = false;
}

static void end_thread(void) {
    pthread_mutex_lock(&bell_lock);
    must_end = true;
    pthread_cond_signal(&bell);
    pthread_mutex_unlock(&bell_lock);
    join_thread();
}

/* Asked again at every free in a slow path, for a second where threads are forbidden:
 * no system call, and the locks of idle_pages only after a fork. */
static bool is_too_early(void) {
    if (os_milliseconds() >= not_before) return false;
    return not_below == SIZE_MAX || idle_pages() < not_below;
}

void idle_start(const void *caller) {
    int saved_errno = errno; /* free() leaves it alone */
    if (is_too_early() || os_in_c_library(caller) || pthread_mutex_trylock(&life) != 0) return;
    enum idle_state expected = IDLE_EXPECTED;
    if (os_process() == home &&
        atomic_compare_exchange_strong(&idle_state, &expected, IDLE_WATCHED)) {
        join_thread(); /* one that had nothing left to do */
        has_thread = make_thread();
        if (!has_thread) {
            not_before = os_milliseconds() + NEXT_TRY_MS;
            not_below = SIZE_MAX;
            atomic_store(&idle_state, IDLE_EXPECTED);
        }
    }
    pthread_mutex_unlock(&life);
    errno = saved_errno;
}

/* ---- While the process forks ------------------------------------------------------- */

/* Not for a thread that forks already, which other libraries' fork handlers may have made trim;
 * nor for a child that fork's handlers did not see: it has neither the thread nor `life`. */
static bool can_pause(void) { return !lock_holds_all && os_process() == home; }

void idle_pause(void) {
    if (!can_pause()) return;
    pthread_mutex_lock(&life);
    if (!has_thread) return;
    end_thread();
    atomic_store(&idle_state, IDLE_EXPECTED);
}

static void hold_off(void) {
    not_before = os_milliseconds() + AFTER_FORK_MS;
    not_below = idle_pages() + AFTER_FORK_PAGES;
}

void idle_go_on(void) {
    if (!can_pause()) return;
    hold_off();
    if (atomic_load(&idle_state) == IDLE_EXPECTED && idle_pages() < IDLE_WORTH)
        atomic_store(&idle_state, IDLE_NOTHING);
    pthread_mutex_unlock(&life);
}

/* Where nothing is to be given back nobody needs to look, as if somebody did. */
static enum idle_state first_state(void) {
    if (!reserve_may_shrink()) return IDLE_WATCHED;
    return idle_pages() >= IDLE_WORTH ? IDLE_EXPECTED : IDLE_NOTHING;
}

void idle_init(void) {
    pthread_condattr_t attributes;
    home = os_process();
    pthread_mutex_init(&life, NULL);
    pthread_mutex_init(&bell_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&bell, &attributes);
    pthread_condattr_destroy(&attributes);
    atomic_store(&idle_state, first_state());
}

void idle_go_on_in_child(void) {
    has_thread = false;
    idle_init();
    hold_off();
}
