/* Huge pages for a heap that is large and grows, where they are asked for.
 *
 * Shoal asks for small pages, so that sparse memory can go back. In a large heap most of a
 * program's cache misses are then the processor's in its page tables, and a new page costs a
 * fault for every 4 KiB. So once an arena is HUGE_LEAST pages large and its pools grow although hardly
 * any of it is free, each region of 2 MiB that it grows into is taken from the system as one
 * page, all at once. Right after that the region is as the others for the system, which never
 * makes it huge again by itself: small pages that went back stay away.
 *
 *     filled   pages up to here are resident, ahead of top
 *     is_huge  bit i: region i came as one page, and nothing of it has gone back
 *
 * Some machines take long to give a huge page: virtual ones whose host has taken what was
 * free (4 ms, where small pages take 1 and a huge one otherwise .2). After one that was dear
 * regions are left out, four times as many each time.
 *
 * A region of which a part goes back is split first, by MADV_FREE of a page that goes anyway:
 * else the system would keep all 2 MiB until it runs short. In fork's child a page that is
 * written to is copied as a small one. */
#ifndef SHOAL_HEAP_HUGE_H
#define SHOAL_HEAP_HUGE_H

#include "heap/types.h"

enum {
    HUGE_PAGES = 512,   /* small ones in a huge one: 2 MiB                     */
    HUGE_LEAST = 32768, /* pages: 128 MiB, of which what is filled ahead is 2 % */
    HUGE_FREE_PART = 16, /* of the arena, at most so much is free               */
    HUGE_SPLITS = 2,     /* regions that a run leaves a part of                 */
    HUGE_DEAR = 1000000, /* ns: small pages cost as much                        */
    HUGE_PAUSE = 256,    /* regions that are left out at most                   */
};

/* Only with SHOAL_HUGE=1 in the environment. */
void huge_init(struct arenas *arenas);

/* All under the lock. */

/* Whether an arena that grows is to do so by huge pages. */
static inline bool huge_is_worth_it(const struct arenas *arenas, const struct arena *arena) {
    size_t free = arenas->clean_pages + arenas->dirty_pages;
    return arena->top >= arenas->huge.least && free <= arena->top / HUGE_FREE_PART;
}

/* The arena is about to grow by `pages`: fills the regions that begin there, of those that
 * are committed. */
void huge_grow(struct arenas *arenas, struct arena *arena, size_t pages);

/* Whether a run of new pages, which nobody wrote to yet, is resident all the same. */
bool huge_filled(const struct arena *arena, const struct pool *run);

/* A range goes back to the system. Puts a page of each region that it leaves a part of in
 * `splits`, which has room for HUGE_SPLITS, and returns how many: they are to be given to
 * os_purge_lazily before the range is purged. */
size_t huge_leave(struct arena *arena, const struct os_range *range, struct os_range *splits);

/* Returns what is filled ahead of what is used; gives the pages. */
size_t huge_return_ahead(struct arenas *arenas);

/* Pages filled ahead, and bytes in huge pages. */
size_t huge_ahead(const struct arena *arena);
size_t huge_bytes(const struct arena *arena);

#endif
