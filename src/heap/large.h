/* Large blocks, over POOLED_MAX bytes: runs of pages of an arena, and beyond
 * LARGE_RUN_MAX mappings of their own. */
#ifndef SHOAL_HEAP_LARGE_H
#define SHOAL_HEAP_LARGE_H

#include "heap/types.h"

enum { LARGE_RUN_MAX = 8 << 20 }; /* bytes */

/* A block of `bytes` at a multiple of `align`; NULL and ENOMEM when there is
 * no memory. `owner` is the heap that must free it, 0 for any thread.
 * *zeroed: all its bytes are zero. */
void *large_take(struct arenas *arenas, uint16_t owner, size_t bytes, size_t align, bool *zeroed);

/* Gives back a large block that is a run; aborts when `block` is not its start. */
void large_give(struct arenas *arenas, struct pool *run, void *block);

/* Makes a run fit `bytes` where it stands; false when it cannot. */
bool large_resize(struct arenas *arenas, struct pool *run, size_t bytes);

#endif
