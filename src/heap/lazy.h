/* Lazy pages: they stay in the reserve, and the system may take them when it runs
 * short; see reserve.h for which, and how many. A lazy page that is taken from the
 * reserve costs 0.09 us when it is written to and is eager again. */
#ifndef SHOAL_HEAP_LAZY_H
#define SHOAL_HEAP_LAZY_H

#include "heap/types.h"

/* Makes about `pages` dirty pages lazy that were not, of the longest runs there are.
 * A run is made lazy whole; one that is so for the most part is left. Under the
 * lock, which it drops while the system works. */
void arenas_make_lazy(struct arenas *arenas, size_t pages);

#endif
