/* What glibc's malloc has in its heaps, block after block. */
#ifndef SHOAL_INSPECT_MALLOC_HEAP_H
#define SHOAL_INSPECT_MALLOC_HEAP_H

#include "inspect/census.h"
#include "inspect/malloc_arenas.h"

/* Counts all that is in the regions. What contradicts itself ends its region, whose rest is
 * unread. False when there is no memory. */
bool malloc_heap_count(struct census *census, const struct malloc_regions *regions);

#endif
