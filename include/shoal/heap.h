/* The heap of Shoal, as a C program sees it.
 *
 * Link with libshoal.so (which also answers malloc and its family when it is
 * preloaded or linked) or with libshoal.a (these functions only).
 *
 * Words. live: bytes in blocks handed out. held: resident bytes that the heap
 * keeps and no block uses. returned: bytes given back to the operating system.
 * pinned: held only because a live block shares the page.
 *
 * Threads: every function may be called from any thread unless it says
 * otherwise; a block may be freed by another thread than the one that asked
 * for it. None is safe to call from a signal handler.
 *
 * Misuse (a block freed twice, a pointer that is no block, a free block
 * written to) prints one line that begins with "shoal: " on standard error and
 * aborts; see docs/misuse.md for the lines.
 */
#ifndef SHOAL_HEAP_H
#define SHOAL_HEAP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_API __attribute__((visibility("default")))

/* Blocks up to this many bytes come from pools; larger ones are page runs. */
#define SHOAL_POOLED_MAX 32768

/* ---- Blocks ------------------------------------------------------------
 * As their namesakes in C: 16-byte alignment, NULL and errno = ENOMEM when
 * memory or the size is out of bounds, errno otherwise untouched, size 0 gives
 * a unique block of 16 bytes, shoal_realloc(NULL, n) is shoal_malloc(n) and
 * shoal_realloc(p, 0) frees p and returns NULL.
 * Cost: a handful of instructions and no lock up to SHOAL_POOLED_MAX bytes. */
SHOAL_API void *shoal_malloc(size_t size);
SHOAL_API void *shoal_calloc(size_t count, size_t size);
SHOAL_API void *shoal_realloc(void *block, size_t size);
SHOAL_API void shoal_free(void *block);

/* `alignment` is a power of two (else NULL and errno = EINVAL); any size. */
SHOAL_API void *shoal_aligned_alloc(size_t alignment, size_t size);

/* Bytes of `block` that may be used: at least what was asked for. NULL: 0. */
SHOAL_API size_t shoal_usable_size(const void *block);

/* ---- Where the memory is ----------------------------------------------- */

/* All in bytes, for the whole process. Exact when no other thread is inside
 * the heap during the call; off by those threads' blocks otherwise. */
struct shoal_usage {
    size_t live;      /* in blocks handed out, as rounded up by the heap     */
    size_t held;      /* = pinned + reserve                                  */
    size_t pinned;    /* of held: free blocks' bytes in pools that a live
                         block keeps                                        */
    size_t reserve;   /* of held: whole free pages kept for the next request,
                         those of pools without a live block too            */
    size_t returned;  /* given back to the system since the start            */
    size_t metadata;  /* pool records and tables, resident                   */
    size_t large;     /* of live: blocks over SHOAL_POOLED_MAX               */
    size_t peak;      /* most of live + held + metadata so far, seen whenever
                         pages are taken or given                           */
    size_t huge;      /* of live and held: in regions of 2 MiB that were asked for as
                         one page each, and of which nothing has gone back   */
};

/* Cost: one pass over the pool records, 32 bytes a page: 2 ms a gigabyte. */
SHOAL_API void shoal_usage(struct shoal_usage *usage);

/* Bytes of the live pooled blocks of the interpreter's own heap, a part of `live`: what
 * malloc was asked for is not among them. Cost and exactness as shoal_usage. */
SHOAL_API size_t shoal_object_bytes(void);

/* A few counters that are kept anyway, in bytes, for whoever looks often. */
struct shoal_pulse {
    size_t resident; /* live + held: pages in use or kept, metadata not counted  */
    size_t large;    /* as in shoal_usage: of resident, in blocks over
                        SHOAL_POOLED_MAX, whole pages of them                    */
    size_t threads;  /* of resident, what threads' heaps, which serve malloc, have
                        besides: in pools, or kept. The rest is the interpreter's */
    size_t returned; /* as in shoal_usage, less what went back while nobody called:
                        that is the doing of no line of a program            */
};

/* Cost: a few loads. Exact as shoal_usage is. */
SHOAL_API void shoal_pulse(struct shoal_pulse *pulse);

/* The bytes that a block takes of which `size` were asked for, up to
 * SHOAL_POOLED_MAX; beyond, whole pages. */
SHOAL_API size_t shoal_block_bytes(size_t size);

struct shoal_class_usage {
    size_t block_size;  /* bytes */
    size_t pools;
    size_t live_blocks;
    size_t live;        /* bytes: block_size * live_blocks */
    size_t held;        /* bytes: resident and not live, in those of these pools
                           that have a live block: a part of `pinned`  */
};

/* Fills at most `room` entries, smallest block size first, and returns how
 * many size classes there are. Cost and exactness as shoal_usage. */
SHOAL_API size_t shoal_class_usage(struct shoal_class_usage *classes, size_t room);

/* A pool with live blocks. All of its pages stay until the last of these goes:
 * resident - live_blocks * block_size of them are pinned. */
struct shoal_live_pool {
    const void *start;
    size_t bytes;       /* of its pages                    */
    size_t resident;    /* of these: what was ever touched */
    size_t block_size;  /* bytes                           */
    size_t live_blocks; /* at least 1                      */
};

/* Fills at most `room` entries and returns how many such pools there are. Cost
 * and exactness as shoal_usage. */
SHOAL_API size_t shoal_live_pools(struct shoal_live_pool *pools, size_t room);

/* A range of addresses that the heap has mapped. */
struct shoal_range {
    const void *start;
    size_t bytes;       /* address space, not resident bytes */
    int is_metadata;    /* pool records, not blocks          */
};

/* Fills at most `room` entries and returns how many ranges there are. */
SHOAL_API size_t shoal_ranges(struct shoal_range *ranges, size_t room);

/* ---- Giving back -------------------------------------------------------- */

/* Returns every whole free page to the operating system and gives the bytes, whoever
 * freed it. Of other running threads' heaps, and of the interpreter's when the caller does
 * not hold its lock, the current pools stay: at most one a size class. */
SHOAL_API size_t shoal_trim(void);

/* ---- Being told of blocks ------------------------------------------------ */

/* Whoever keeps account of the blocks of malloc's family and of the functions above.
 * Called in the thread that takes or frees, from inside of the heap and under whatever
 * lock that thread holds: so they must not wait, and had better not allocate, of which
 * they would be told. What serves a CPython's objects is told of by its own allocators,
 * and here only if it is too large for a pool. */
struct shoal_watcher {
    /* A block was handed out, of `bytes` as asked for; gives it back. NULL: blocks
     * that are taken do not matter any more, only those that go. */
    void *(*took)(void *block, size_t bytes);

    /* A block is about to be freed. Whether it is one is not known yet. */
    void (*gives)(void *block);

    /* A block is to be resized to `bytes`, at least 1: gives what by(block, bytes) gives.
     * The others are told of what that takes and frees to move it. */
    void *(*resizes)(void *block, size_t bytes, void *(*by)(void *block, size_t bytes));
};

/* From now on this one is told, or, NULL, nobody; it is to live as long as the process.
 * Until all running threads have seen that, some blocks are not told of. Cost: each block
 * that is told of takes the heap some 50 instructions more; all others none. */
SHOAL_API void shoal_watch(const struct shoal_watcher *watcher);

/* ---- Checking ------------------------------------------------------------ */

/* Walks the whole heap and checks every invariant of src/heap/types.h; aborts
 * with one line at the first that does not hold. Any thread may call it at any time; other
 * threads wait where they need a lock. What a running thread may change without one is not
 * looked at: the free lists of its own heap. Returns the number of blocks it saw live. */
SHOAL_API size_t shoal_check(void);

/* ---- In a CPython process ------------------------------------------------
 * The interpreter is found at run time among the loaded symbols, so a program
 * that is not Python pays nothing for this. */

enum shoal_python {
    SHOAL_PYTHON_OFF = 0,        /* not installed                             */
    SHOAL_PYTHON_ON = 1,         /* the OBJ and MEM domains come from Shoal   */
    SHOAL_PYTHON_ABSENT = -1,    /* no CPython in this process                */
    SHOAL_PYTHON_FREE_THREADED = -2, /* refused: no interpreter lock          */
    SHOAL_PYTHON_NOMEM = -3,     /* no address space                          */
    SHOAL_PYTHON_DEBUG = -4,     /* refused: preloaded, and the interpreter's
                                    debug allocator already serves            */
    SHOAL_PYTHON_PAGES = -5      /* refused: the system's pages are not of 4 KiB */
};

/* Makes Shoal serve the OBJ and MEM domains. Blocks made before go back to
 * the allocator they came from. Call with the interpreter lock held, or before
 * the interpreter is initialised. Calling it while Shoal serves changes nothing.
 *
 * Since 3.12 a Py_Initialize after Py_Finalize puts the interpreter's own
 * allocators back: call this again, early in each life of the interpreter. Not
 * while tracemalloc or another tool is wrapped around the allocators: what it
 * takes off later would be Shoal. */
SHOAL_API enum shoal_python shoal_python_install(void);

/* Whether a block the interpreter hands out now is Shoal's (tried, not
 * remembered: PYTHONMALLOC and a second Py_Initialize can undo an installation).
 * Lock as above. */
SHOAL_API enum shoal_python shoal_python_state(void);

/* Nonzero when malloc in this process is Shoal's. */
SHOAL_API int shoal_serves_malloc(void);

/* The version of the library, "major.minor.patch". */
SHOAL_API const char *shoal_version(void);

#ifdef __cplusplus
}
#endif

#endif
