/* Large blocks in mappings of their own, for sizes that would leave holes in
 * the arenas: grown with mremap, without a copy. Any thread; one lock. */
#ifndef SHOAL_HEAP_MAPPING_H
#define SHOAL_HEAP_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/reserve.h"

void mapping_init(void);

/* A block of at least `bytes` at a multiple of `align`, NULL when there is no
 * memory. *zeroed: all its bytes are zero. */
void *mapping_take(size_t bytes, size_t align, bool *zeroed);

/* Gives a block back; false when it is none of ours. */
bool mapping_give(void *block);

/* The bytes of a block, 0 when it is none of ours. */
size_t mapping_bytes(const void *block);

struct mapping {
    void *start; /* NULL: an empty slot */
    size_t bytes;
};

/* Every mapping in use, by address: open addressing, at most half full. */
extern struct mapping_table {
    struct mapping *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t used;
} mapping_table;

/* The start of the mapping that `address` is in, NULL when it is in none.
 * Slow: for telling a crime. */
void *mapping_around(const void *address);

/* Changes the size of one of our blocks, moving it when it must; NULL and the
 * block as it was when there is no memory. */
void *mapping_resize(void *block, size_t bytes);

/* To be called now and then, with no lock held: makes what is kept lazy when it
 * lay there for a while. A load when there is nothing to look at. */
void mapping_tend(void);

/* Unmaps of what is kept for the next request the oldest, at most `pages`; gives how
 * many went. */
size_t mapping_return(size_t pages);
static inline size_t mapping_return_all(void) { return mapping_return(SIZE_MAX); }

/* What is kept for the next request, for idle.c. */
struct kept mapping_look(void);

/* Bytes kept for the next request. */
size_t mapping_kept(void);

/* Calls `see` for every mapping, in use or kept for the next request. */
void mapping_each(void (*see)(void *start, size_t bytes, bool in_use, void *context),
                  void *context);

void mapping_lock(void);
void mapping_unlock(void);

#endif
