/* Counts for the whole process that no single owner has. */
#ifndef SHOAL_HEAP_COUNTERS_H
#define SHOAL_HEAP_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/os.h"

struct counters {
    atomic_size_t resident;  /* pages in use or dirty, in arenas and mappings */
    atomic_size_t peak;      /* most of `resident` so far                     */
    atomic_size_t returned;  /* pages given back to the system so far         */
    atomic_size_t unasked;   /* of these, by the thread of idle_thread.c      */
    atomic_size_t mapped;    /* bytes of large blocks in mappings of their own */
    atomic_size_t runs;      /* pages of large blocks in arenas               */
    atomic_size_t own;       /* bytes mapped for the heap's own tables        */
};
extern struct counters counters;

/* Pages that had no memory behind them are handed out. */
static inline void resident_grew(size_t pages) {
    size_t now = atomic_fetch_add_explicit(&counters.resident, pages, memory_order_relaxed) + pages;
    if (now > atomic_load_explicit(&counters.peak, memory_order_relaxed))
        atomic_store_explicit(&counters.peak, now, memory_order_relaxed);
}

/* Pages went back to the system. */
static inline void resident_returned(size_t pages) {
    atomic_fetch_sub_explicit(&counters.resident, pages, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters.returned, pages, memory_order_relaxed);
    if (os_is_helper) atomic_fetch_add_explicit(&counters.unasked, pages, memory_order_relaxed);
}

#endif
