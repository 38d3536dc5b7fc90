/* The heap's locks. Order: threads.c's, then a heap's, then an arenas', then
 * mapping.c's.
 *
 * A thread that forks takes all of them before, and may then be made to
 * allocate by other libraries' fork handlers, which run before or after ours:
 * it goes through locks that it holds already. */
#ifndef SHOAL_HEAP_LOCK_H
#define SHOAL_HEAP_LOCK_H

#include <pthread.h>
#include <stdbool.h>

/* The calling thread holds every lock: it is forking, or checking the heap. */
extern __thread bool lock_holds_all;

static inline void lock_take(pthread_mutex_t *lock) {
    if (!lock_holds_all) pthread_mutex_lock(lock);
}

static inline void lock_drop(pthread_mutex_t *lock) {
    if (!lock_holds_all) pthread_mutex_unlock(lock);
}

#endif
