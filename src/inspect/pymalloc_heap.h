/* Pymalloc's arenas, one after the other. */
#ifndef SHOAL_INSPECT_PYMALLOC_HEAP_H
#define SHOAL_INSPECT_PYMALLOC_HEAP_H

#include "inspect/arena_table.h"
#include "inspect/census.h"

/* Counts all that is in the arenas. A pool that could not be read is an
 * inconsistent one. False when there is no memory. */
bool pymalloc_heap_count(struct census *census, const struct arena_table *table,
                         const struct layout *layout);

#endif
