/* Where glibc's malloc has its heaps, found without symbols: its lists of free blocks
 * lead into themselves, and the heaps of threads lie at multiples of 64 MiB. */
#ifndef SHOAL_INSPECT_MALLOC_ARENAS_H
#define SHOAL_INSPECT_MALLOC_ARENAS_H

#include "inspect/maps.h"
#include "inspect/remote.h"

/* Glibc's words for its own: a block with its head is a chunk, a range of chunks a heap.
 * Here: a block, and a region. */
enum {
    MALLOC_HEAD_BYTES = 16,     /* of a block: what the one before has, and its size */
    MALLOC_IS_BEFORE_USED = 1, /* the low bits of the size */
    MALLOC_IS_MAPPED = 2,
    MALLOC_SIZE_BITS = 7,
    MALLOC_LEAST_BYTES = 32,   /* of a block with its head  */
    MALLOC_FIRSTS = 3,
};

struct malloc_region {
    uint64_t start, end;
    uint64_t firsts[MALLOC_FIRSTS]; /* where the first block may be; 0: none             */
    uint64_t top; /* the block that is never used, or 0: the region is full to its end */
};

struct malloc_regions {
    struct malloc_region *items; /* by address */
    size_t count, room;
    uint64_t *fast; /* blocks in lists that leave them marked as used; sorted */
    size_t fast_count, fast_room;
    bool is_out_of_memory;
};

/* Finds them; none where malloc is another's. False when there is no memory. */
bool malloc_regions_find(struct malloc_regions *regions, struct remote *remote,
                         const struct maps *maps);
void malloc_regions_end(struct malloc_regions *regions);

bool malloc_is_fast(const struct malloc_regions *regions, uint64_t block);

#endif
