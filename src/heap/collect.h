/* Whole free pages out of heaps that the caller does not own.
 *
 * A thread that waits takes nothing back, so what others free of its blocks would
 * stay for as long as it waits. Of a pool of which every live block has been freed
 * by others nothing is left that its owner's fast paths could reach: no block that
 * it could free, and it allocates from its current pools only. So whoever holds the
 * heap's lock may give back the pages of such a pool, whatever the owner does.
 * Current pools stay: at most one a size class. */
#ifndef SHOAL_HEAP_COLLECT_H
#define SHOAL_HEAP_COLLECT_H

#include "heap/types.h"

/* Gives the pages of pools whose every live block others have freed to the arenas.
 * Any thread. Aborts with one line for a block that was freed twice. Cost: what
 * others freed is sorted, some 0.1 us a block, also what has to stay. */
void heap_collect(struct heap *heap);

/* Gives the pages taken ahead and not used yet to the arenas. Any thread. */
void heap_give_ahead(struct heap *heap);

#endif
