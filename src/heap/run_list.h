/* Lists of free runs by length, newest first. Under the arenas' lock. */
#ifndef SHOAL_HEAP_RUN_LIST_H
#define SHOAL_HEAP_RUN_LIST_H

#include "heap/types.h"

/* The index of the list for runs of so many pages. */
unsigned run_list_of(size_t pages);

/* Marks the first and the last page of a run that is in no list. */
void run_set_kind(struct pool *run, size_t pages, enum page_kind kind);

/* Links a run that has no neighbour of its kind, PAGE_DIRTY or PAGE_CLEAN. Of a
 * dirty one `lazy_pages` is set, or more than there are pages. */
void run_link(struct arenas *arenas, struct pool *run, size_t pages, enum page_kind kind);

/* Links what follows the first `used` of an unlinked run's `pages`, if anything. */
void run_link_rest(struct arenas *arenas, struct pool *run, size_t pages, size_t used,
                   enum page_kind kind);

/* Links a run together with its neighbours of the same kind. */
void run_link_merged(struct arenas *arenas, struct pool *run, size_t pages, enum page_kind kind);

/* Takes a run out of its list; its pages are of no kind then. */
void run_unlink(struct arenas *arenas, struct pool *run);

/* Marks a run that is in no list as busy, until it is linked again: for the time
 * that the lock is dropped in. */
void run_set_busy(struct arenas *arenas, struct pool *run, size_t pages);
void run_end_busy(struct pool *run);

/* A linked run of at least `pages`, of the shortest that are quick to find, or
 * NULL. Bit i of `filled` says that lists[i] is not empty. */
struct pool *run_find(struct pool *lists, uint64_t filled, size_t pages);

/* How many pages of a linked run the system may take when it runs short. */
static inline size_t run_lazy_pages(const struct pool *run) {
    return run->lazy_pages == LAZY_ALL ? run->run_pages : run->lazy_pages;
}

/* The list of the longest runs; `filled`, which must not be 0, as above. */
static inline struct pool *run_longest(struct pool *lists, uint64_t filled) {
    return &lists[63u - (unsigned)__builtin_clzll(filled)];
}

#endif
