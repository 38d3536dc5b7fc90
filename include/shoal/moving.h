/* What the heap offers to whoever moves the interpreter's blocks (src/compact).
 *
 * Only the interpreter's own heap, which the interpreter lock guards, has blocks that can
 * move. All of this is for one thread, which holds that lock. Between shoal_moving_begin and
 * shoal_moving_end it holds every lock of the heap too: other threads wait where they need
 * pages. In between it may end and begin again: as long as it keeps the interpreter lock, no
 * block of that heap is taken or given back. */
#ifndef SHOAL_MOVING_H
#define SHOAL_MOVING_H

#include <stdbool.h>
#include <stdint.h>

#include "shoal/heap.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SHOAL_MOVING_PAGE = 4096,  /* bytes                                      */
    SHOAL_MOVING_CLASSES = 57, /* size classes; no pool is of another        */
    SHOAL_MOVING_WORDS = 4,    /* of a bit map: no pool has over 256 blocks  */
};

/* Where the interpreter's blocks of up to SHOAL_POOLED_MAX bytes are, and what the heap
 * has beside them. */
struct shoal_moving_place {
    char *pages;             /* the first page                                         */
    size_t page_count;       /* so many were ever used                                 */
    size_t mapped;           /* bytes from `pages` on that are mapped                  */
    const char *records;     /* what the heap notes of the pages, which holds addresses
                                of them and nothing that a program put there           */
    size_t record_bytes;
};

/* A pool that has been found, and which of its blocks are live. Block i, of
 * `block_bytes`, starts at start + first + i * block_bytes. */
struct shoal_moving_pool {
    char *start;
    uint64_t live[SHOAL_MOVING_WORDS]; /* bit i: block i is handed out              */
    uint16_t block_bytes;
    uint16_t blocks;                   /* that it has room for                      */
    uint16_t first;                    /* bytes                                     */
    uint16_t pages;
    uint8_t size_class;                /* below SHOAL_MOVING_CLASSES                */
    bool is_current;                   /* blocks are taken from it now              */
};

/* A large block in the same pages. */
struct shoal_moving_large {
    char *start;
    size_t bytes;
};

/* Of the interpreter's heap, in pools that have live blocks. */
struct shoal_moving_figures {
    size_t resident;  /* bytes of these pools                                          */
    size_t live;      /* bytes in blocks handed out                                    */
    size_t blocks;    /* so many are handed out                                        */
    size_t emptiable; /* bytes of the pools that would be left if blocks lay together  */
};

/* Any time. Cost: 32 bytes a page are read, 2 ms a gigabyte. */
SHOAL_API void shoal_moving_figures(struct shoal_moving_figures *figures);

enum shoal_moving_state {
    SHOAL_MOVING_BEGUN,
    SHOAL_MOVING_NOT_ALLOWED, /* the calling thread does not hold the interpreter lock  */
    SHOAL_MOVING_NO_BLOCKS,   /* the heap has none yet                                  */
    SHOAL_MOVING_SCATTERED,   /* its pages are in several ranges, as address space was
                                 taken by others                                        */
};

/* Takes every lock of the heap, if this says SHOAL_MOVING_BEGUN. */
SHOAL_API enum shoal_moving_state shoal_moving_begin(struct shoal_moving_place *place);
SHOAL_API void shoal_moving_end(void);

/* Tells of each pool, in the order of their addresses. Aborts with one line when a free list
 * leads astray. */
typedef void shoal_moving_tell(void *context, const struct shoal_moving_pool *pool);
SHOAL_API void shoal_moving_pools(shoal_moving_tell *tell, void *context);
SHOAL_API size_t shoal_moving_pool_count(void);

/* Fills at most `room` entries, in the order of their addresses, and returns how many large
 * blocks there are. */
SHOAL_API size_t shoal_moving_larges(struct shoal_moving_large *larges, size_t room);

/* The pools of a size class from which blocks are taken once the current one is full, and
 * in which order; all others that have free blocks, but the current one, are closed. They
 * are to be opened again before a block of them is given back. Given by their starts. */
SHOAL_API void shoal_moving_order(unsigned size_class, char *const *starts, size_t count);
SHOAL_API void shoal_moving_open(char *start);

/* A block; NULL when no pool is open that has one and there is no memory for another. */
SHOAL_API void *shoal_moving_take(unsigned size_class);
SHOAL_API void shoal_moving_give(void *block);

/* A closed pool with all its blocks. Cost: that of one block. */
SHOAL_API void shoal_moving_give_pool(char *start);

#ifdef __cplusplus
}
#endif

#endif
