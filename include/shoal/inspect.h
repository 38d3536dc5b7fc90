/* What a running CPython (3.9 to 3.15) holds, read from outside: nothing is
 * started, injected or stopped, and no symbols are needed. What the process never
 * touched is not made resident by it.
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
    uint64_t reserve;   /* of resident, what Shoal keeps for the next request  */
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
    uint64_t blocks; /* objects; of SHOAL_BLOCK_RAW what belongs to none */
    uint64_t bytes;  /* as allocators round them, with what belongs to these objects: a
                        dict's keys, a list's items. Of large blocks what is resident */
    /* In the emptiest arenas, those that are at most a fourth live: */
    uint64_t pinned_arenas; /* how many of them have such a block          */
    uint64_t pinned_blocks;
    uint64_t pinned_held; /* their held bytes, by the share of live ones */
};

/* Memory that is not the objects' heap's. */
enum shoal_owner {
    SHOAL_OWNER_MALLOC,  /* libc's heaps: of the process, and of threads             */
    SHOAL_OWNER_STACK,   /* where the interpreter has its frames                     */
    SHOAL_OWNER_RESERVE, /* of Shoal: mappings that it keeps for the next request    */
    SHOAL_OWNER_RECORDS, /* of Shoal: its records                                    */
    SHOAL_OWNER_ARENA,   /* of pymalloc; told by shoal_owners() only                 */
    SHOAL_OWNER_LARGE,   /* a block of libc's with a mapping of its own; likewise    */
};

struct shoal_owned {
    uint64_t start, bytes;
    enum shoal_owner owner;
};

/* What libc's malloc has, but for blocks with mappings of their own. Resident bytes. */
struct shoal_malloc_census {
    uint64_t live, blocks;
    uint64_t free;
    uint64_t page_free; /* of free: in 4 KiB pages that no live block touches       */
    uint64_t pool_kept; /* of page_free: about as much Shoal would keep, as a pool of
                           its goes back when it is empty                           */
    uint64_t unread;    /* what contradicted itself: it is in neither               */
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
    uint64_t reserve; /* of resident, what Shoal keeps for the next request */
    struct shoal_malloc_census malloc;

    struct shoal_arena_census *arenas; /* by address */
    size_t arena_count;
    struct shoal_size_census *sizes; /* by block size, those that have pools */
    size_t size_count;
    struct shoal_type_census *types; /* most bytes first */
    size_t type_count;
    uint8_t *occupancy; /* one for each pool's place in the arenas, in their order:
                           per cent live, or SHOAL_PLACE_FREE */
    size_t occupancy_count;
    struct shoal_extent *large; /* blocks with mappings of their own, or on Shoal in no
                                   pool; of libc's with their heads                  */
    size_t large_count;
    uint64_t large_resident;
    struct shoal_extent *ranges; /* everything the allocator has, merged */
    size_t range_count;

    struct shoal_owned *owned;
    size_t owned_count;

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

/* Whether CPython 3.minor, which the calling process runs, has its classes as they are read:
 * one that it made, at `class_`, is read back and has to be called `expected`, with its module.
 * True where a process may not read itself. Takes 2 MiB for the time. */
int shoal_layout_agrees(int minor, const void *class_, const char *expected);

/* Whose memory is where, of a process whose heap need not be read: its own, say. */
struct shoal_ownership {
    struct shoal_owned *items; /* by address */
    size_t count;
};

/* `minor`: of its Python 3.minor; 0 when it is none, or unknown. `known`: what has an owner
 * already, by address. A few milliseconds. As shoal_inspect; to be given back likewise. */
enum shoal_inspect_status shoal_owners(pid_t pid, int minor, const struct shoal_extent *known,
                                       size_t known_count, struct shoal_ownership *ownership,
                                       char *message, size_t room);

void shoal_ownership_end(struct shoal_ownership *ownership);

enum { SHOAL_LIBRARY_ROOM = 64 };

/* Which library each of some ranges is of: the one whose data point into it most often, or
 * into what points there. `zeroed`: data of libraries that no file has, as their headers say
 * where they lie. Fills `names`, of SHOAL_LIBRARY_ROOM bytes each; "" for none. */
enum shoal_inspect_status shoal_libraries(pid_t pid, const struct shoal_extent *ranges,
                                          size_t count, const struct shoal_extent *zeroed,
                                          size_t zeroed_count, char (*names)[SHOAL_LIBRARY_ROOM],
                                          char *message, size_t room);

#ifdef __cplusplus
}
#endif

#endif
