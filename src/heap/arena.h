/* Arenas: ranges of addresses, their pages and the records of these.
 *
 * Runs are named by the record of their first page. */
#ifndef SHOAL_HEAP_ARENA_H
#define SHOAL_HEAP_ARENA_H

#include "base/hints.h"
#include "heap/counters.h"
#include "heap/types.h"

/* Readies an `arenas` that is all zero. Maps nothing yet. */
void arenas_init(struct arenas *arenas, bool shared);

void arenas_lock(struct arenas *arenas);
void arenas_unlock(struct arenas *arenas);

/* Under the lock: a run of pages never used before, committed and zero; NULL
 * when there is no address space or no memory. Makes an arena if need be. At most
 * 16 MiB. Those for pools will all be written to: they may come as huge pages. */
struct pool *arenas_take_new(struct arenas *arenas, size_t pages, bool is_for_pools);

/* Whether record_fast() finds the pages of the first arena. Not while it is closed. */
void arenas_open_fast_path(struct arenas *arenas, bool is_open);

/* The arena of a record or an address, NULL when it is in none. */
struct arena *arena_of_record(struct arenas *arenas, const struct pool *record);
struct arena *arena_of_address(struct arenas *arenas, const void *address);

/* The record of the page at an address of any arena, NULL when it is in none. */
struct pool *arenas_record(struct arenas *arenas, const void *address);

/* Bytes, or an address, up to the next whole page. */
static inline size_t whole_pages(size_t bytes) {
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

static inline void *page_address(const struct arena *arena, const struct pool *record) {
    return (void *)(arena->pages + ((size_t)(record - arena->records) << PAGE_SHIFT));
}

/* Pages that had no memory behind them are handed out. */
static inline void arenas_grew(struct arenas *arenas, size_t pages) {
    resident_grew(pages);
    atomic_fetch_add_explicit(&arenas->pooled, pages, memory_order_relaxed);
}

/* Pages went back to the system. */
static inline void arenas_returned(struct arenas *arenas, size_t pages) {
    resident_returned(pages);
    atomic_fetch_sub_explicit(&arenas->pooled, pages, memory_order_relaxed);
}

/* The address of a run's first page. */
static inline char *run_start(struct arenas *arenas, const struct pool *run) {
    return page_address(arena_of_record(arenas, run), run);
}

/* The record of the page at an address, if it is in the first arena. Fast. */
static always_inline bool record_fast(const struct arenas *arenas, const void *address,
                                      struct pool **record) {
    size_t page = ((uintptr_t)address - arenas->first_page) >> PAGE_SHIFT;
    *record = arenas->first_records + page;
    return likely(page < arenas->first_count);
}

#endif
