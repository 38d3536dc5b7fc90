/* The mark: what the whole process has taken since a moment and not given back,
 * and the most that this ever was, for whoever measures a stretch of a program.
 *
 * The blocks that it counts are known by their sites. Each mark has a site of
 * its own, for blocks that are asked for while no line is open, so that those of
 * older marks are told from its own. Of lines' sites it counts all blocks.
 *
 * Only calls that hold the interpreter lock write `live` and `high`, by a plain
 * load and store; the others have atomic sums of their own. */
#ifndef SHOAL_PROFILE_MARK_H
#define SHOAL_PROFILE_MARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hints.h"

enum { MARK_SITES = 256 }; /* the first sites; those of lines follow */

struct mark {
    _Atomic(unsigned) site; /* 0: never set */
    _Atomic(int64_t) live, high;
    _Atomic(int64_t) unguarded_live, unguarded_high;
};

extern struct mark mark;

/* The site of blocks that no line asks for, 0 for none. */
static always_inline unsigned mark_site(void) {
    return atomic_load_explicit(&mark.site, memory_order_relaxed);
}

static always_inline bool mark_counts(unsigned site) {
    unsigned own = mark_site();
    return unlikely(own != 0) && (site == own || site > MARK_SITES);
}

static always_inline int64_t mark_load(_Atomic(int64_t) *sum) {
    return atomic_load_explicit(sum, memory_order_relaxed);
}

static always_inline void mark_store(_Atomic(int64_t) *sum, int64_t value) {
    atomic_store_explicit(sum, value, memory_order_relaxed);
}

/* A call without the lock: `bytes` below 0 were given back. */
void mark_change_unguarded(int64_t bytes);

/* Of a site that counts, `bytes` were taken, or given back: then they are below 0. */
static always_inline void mark_change(int64_t bytes, bool guarded) {
    if (unlikely(!guarded)) {
        mark_change_unguarded(bytes);
        return;
    }
    int64_t live = mark_load(&mark.live) + bytes;
    mark_store(&mark.live, live);
    int64_t sum = live + mark_load(&mark.unguarded_live);
    if (sum > mark_load(&mark.high)) mark_store(&mark.high, sum);
}

#endif
