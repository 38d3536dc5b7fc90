/* What a running CPython (3.9 to 3.13) holds, read from outside: nothing is
 * started, injected or stopped, and no symbols are needed.
 *
 * The process is read while it runs, so what it changes meanwhile is met half
 * way; pools that contradict themselves are counted as inconsistent, and of
 * their blocks only the number is used. Whatever it says is checked before it is
 * used: a hostile process can make the figures wrong and nothing else.
 *
 * All sizes are bytes, all addresses the other process's. Threads: any number
 * of inspections may run at once. */
#ifndef SHOAL_INSPECT_H
#define SHOAL_INSPECT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An address range. */
struct shoal_extent {
    uint64_t start;
    uint64_t bytes;
};

/* Pymalloc's arena; of Shoal's heap a MiB of addresses. */
struct shoal_arena_census {
    uint64_t start;
    uint64_t bytes;
    uint64_t resident; /* of it, less Shoal's large blocks; what was never used is not */
    uint64_t pools;    /* with a live block                                       */
    uint64_t used;     /* bytes of these pools, live or not                       */
    uint64_t free;     /* bytes of pools, and of Shoal's pages, that were used before
                          and have no live block                                  */
    uint64_t live_blocks;
    uint64_t live;
    uint64_t page_free; /* resident, in 4 KiB pages that no live block touches */
};

struct shoal_size_census {
    uint32_t block_size;
    uint64_t pools;
    uint64_t live_blocks;
    uint64_t free_blocks;
    uint64_t live;
    uint64_t held; /* of these pools' pages */
};

/* What a block is, as far as it can be told for certain. */
enum shoal_block_kind {
    SHOAL_BLOCK_OBJECT, /* an object that the collector does not track */
    SHOAL_BLOCK_GC,     /* one that it does                            */
    SHOAL_BLOCK_RAW,    /* no object: the insides of one, say          */
};

struct shoal_type_census {
    const char *name; /* with its module, as Python writes it */
    enum shoal_block_kind kind;
    uint64_t blocks;
    uint64_t bytes; /* as the allocator rounds them */
    /* In the emptiest arenas, those that are at most a fourth live: */
    uint64_t pinned_arenas; /* how many of them have such a block          */
    uint64_t pinned_blocks;
    uint64_t pinned_held; /* their held bytes, by the share of live ones */
};

enum shoal_allocator {
    SHOAL_ALLOCATOR_PYMALLOC,
    SHOAL_ALLOCATOR_SHOAL,
};

struct shoal_inspection {
    pid_t pid;
    char python[24]; /* "3.11.7", or "" for what is on Shoal and no Python */
    enum shoal_allocator allocator;
    double seconds;        /* that reading took                     */
    double frozen_seconds; /* that the process stood, all in all; 0: never */
    double longest_stop;   /* in seconds: of reading at most 32 MiB of arenas */
    uint32_t stops;        /* how often it was stopped             */
    uint64_t pools_read, pools_inconsistent;
    uint32_t arena_bytes; /* pymalloc's; 0 when Shoal has the objects         */
    uint32_t pool_bytes;  /* of a place in the arenas: of pymalloc's pools, or
                             4 KiB where Shoal's heap is in use too          */
    uint64_t resident, page_free; /* sums over the arenas, and free runs in none */
    uint64_t mesh_pages; /* 4 KiB pages that could share another's memory, as no
                            live blocks of the two overlap                   */

    struct shoal_arena_census *arenas; /* by address */
    size_t arena_count;
    struct shoal_size_census *sizes; /* by block size, those that have pools */
    size_t size_count;
    struct shoal_type_census *types; /* most bytes first */
    size_t type_count;
    uint8_t *occupancy; /* one for each pool's place in the arenas, in their order:
                           per cent live, or SHOAL_PLACE_FREE */
    size_t occupancy_count;
    struct shoal_extent *large; /* Shoal's blocks that are in no pool */
    size_t large_count;
    struct shoal_extent *ranges; /* everything the allocator has, merged */
    size_t range_count;

    void *names; /* the types' names */
};

enum { SHOAL_PLACE_FREE = 255 };

/* Why there is none. */
enum shoal_inspect_status {
    SHOAL_INSPECT_OK,
    SHOAL_INSPECT_NO_PROCESS, /* or it ended while it was read               */
    SHOAL_INSPECT_NO_RIGHT,   /* to read it, or to stop it                   */
    SHOAL_INSPECT_NO_PYTHON,
    SHOAL_INSPECT_NO_POOLS, /* a Python whose objects come from elsewhere   */
    SHOAL_INSPECT_NO_MEMORY,
};

enum {
    SHOAL_INSPECT_FREEZE = 1
}; /* stop its threads while its arenas are read, a batch at a time */

/* Reads a process; 1 GB of arenas takes about half a second. `message` gets a line
 * that says why not, of at most `room` bytes with the NUL. What `inspection` has
 * then is to be given back by shoal_inspection_end, also after a failure. */
enum shoal_inspect_status shoal_inspect(pid_t pid, int flags, struct shoal_inspection *inspection,
                                        char *message, size_t room);

void shoal_inspection_end(struct shoal_inspection *inspection);

#ifdef __cplusplus
}
#endif

#endif
