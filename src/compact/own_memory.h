/* The mover's own memory: mappings that the scan leaves out. */
#ifndef SHOAL_COMPACT_OWN_MEMORY_H
#define SHOAL_COMPACT_OWN_MEMORY_H

#include "base/os.h"
#include "compact/snapshot.h"

/* Zeroed memory that goes with the mover; NULL, and mover->is_short, when there is none.
 * At most OWN_MAPPINGS of them. */
void *own_take(struct own_mover *own, size_t bytes);

/* More room for memory of own_take, which may move. */
void *own_grow(struct own_mover *own, void *start, size_t bytes);

#endif
