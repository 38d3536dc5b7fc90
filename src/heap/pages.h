/* Pages: from whom heaps take runs of them and to whom they give them back.
 * Any thread: every function takes the lock itself. */
#ifndef SHOAL_HEAP_PAGES_H
#define SHOAL_HEAP_PAGES_H

#include "heap/arena.h"
#include "heap/reserve.h"

/* A run of `pages` whose first page's number is a multiple of `align` (a power
 * of two, 1 for any) within the address space; NULL when there is no memory.
 * The newest dirty run that fits best, else a returned one, else new pages.
 * *zeroed: all its bytes are zero. Records are as the last owner left them. */
struct pool *arenas_take(struct arenas *arenas, size_t pages, size_t align, bool *zeroed);

/* A run of 1 to `most` pages, the longer the better; *pages says how many. Those
 * that are *zeroed do not count as resident yet: whoever uses one says so with
 * arenas_grew(). Lengthens the arenas rather than use up short runs, as long
 * as free runs are a small part of them. */
struct pool *arenas_take_ahead(struct arenas *arenas, size_t most, size_t *pages, bool *zeroed);

/* Gives pages taken ahead back, as they were. */
void arenas_give_unused(struct arenas *arenas, struct pool *run, size_t pages, bool is_dirty);

/* Gives a run back; it is dirty from now on. May return memory to the system.
 * Clears what the records say, so that a later free into the run is noticed. */
void arenas_give(struct arenas *arenas, struct pool *run, size_t pages);

/* Makes `run` of `pages` longer in place; false when what follows is in use. */
bool arenas_extend(struct arenas *arenas, struct pool *run, size_t pages, size_t longer);

/* Returns `pages` dirty pages to the system, or as many as there are; gives how
 * many went. */
size_t arenas_return(struct arenas *arenas, size_t pages);
static inline size_t arenas_return_all(struct arenas *arenas) {
    return arenas_return(arenas, SIZE_MAX);
}

/* The reserve; the first is for idle.c. */
struct kept arenas_look(struct arenas *arenas);
size_t arenas_dirty(struct arenas *arenas); /* pages kept */

/* Under the lock, in the child of a fork: runs that another thread was giving
 * back to the system are free ones again. */
void arenas_recover_busy(struct arenas *arenas);

#endif
