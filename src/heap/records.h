/* Records that say nothing.
 *
 * Inside a free run no record says anything; zeros, as which memory reads that the system
 * took back, say just that (PAGE_UNUSED). So whole pages of such records go back too, once
 * the pages that they are of have gone: one for each half a megabyte. */
#ifndef SHOAL_HEAP_RECORDS_H
#define SHOAL_HEAP_RECORDS_H

#include "heap/types.h"

enum {
    RECORDS_A_PAGE = PAGE_BYTES / sizeof(struct pool),
    RECORDS_WORTH = 1024, /* pages that became clean since, for which one looks */
    RECORDS_PART = 8,     /* and so large a part of all clean ones              */
};

/* Returns the records inside clean runs. Under the lock. Cost: one system call for 128 runs,
 * and a look at each that is long. */
void arenas_return_records(struct arenas *arenas);

/* Whether that is worth it in the midst of giving back. */
static inline bool arenas_returned_much(const struct arenas *arenas) {
    size_t part = arenas->clean_pages / RECORDS_PART;
    return arenas->new_clean >= RECORDS_WORTH && arenas->new_clean >= part;
}

#endif
