/* What the profiler reads at every line: the process's resident memory and what
 * its allocator keeps. */
#ifndef SHOAL_PYTHON_GAUGE_H
#define SHOAL_PYTHON_GAUGE_H

struct shoal_gauge;

enum gauge_of {
    GAUGE_SHOAL,    /* by the heap's own counters                        */
    GAUGE_PYMALLOC, /* by the arenas that the interpreter takes and frees */
};

/* Sets the profiler's gauge, for what serves the OBJ domain. `with_rss`: the
 * process's resident memory too, which costs 0.3 us a reading, and 1 us when it
 * may have changed, instead of 10 ns.
 * Holds the interpreter lock; again after a fork, in the child. */
void gauge_use(enum gauge_of of, int with_rss);

/* Reads it once, without the resident memory. All 0 before it is set. */
void gauge_read(struct shoal_gauge *gauge);

#endif
