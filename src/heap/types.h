/* Every structure of the heap, with its invariants. Read this first.
 *
 *   arena   one range of addresses, cut into pages;
 *           a record (struct pool) for each page lies apart from the pages
 *   pool    a run of pages holding blocks of one size class
 *   heap    the pools one owner allocates from: a thread, or the interpreter
 *   arenas  where one or more heaps get their pages: the runs of free pages
 *
 *   struct heap -> current[class] -> struct pool -> free -> block -> block ...
 *               -> partial[class] -> struct pool <-> struct pool ...
 *               -> struct arenas  -> dirty, clean runs of pages
 *
 * From a block to its pool: shift the offset in the arena (arena.h, pool_of). */
#ifndef SHOAL_HEAP_TYPES_H
#define SHOAL_HEAP_TYPES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/os.h"
#include "heap/size_class.h"

enum {
    PAGE_SHIFT = OS_PAGE_SHIFT,
    PAGE_BYTES = OS_PAGE,
    ARENAS_MAX = 64, /* arenas of one struct arenas */
    RUN_LISTS = 64,  /* lists of free runs by length */
    OWNERS_MAX = 1 << 16,
    NO_OWNER = OWNERS_MAX - 1, /* in no record */
};

/* What a page's record says about the page. */
enum page_kind {
    PAGE_UNUSED = 0, /* never used, or inside a free or large run: says nothing; of a
                        clean run it may have gone back to the system (records.h)  */
    PAGE_DIRTY,      /* first or last of a free run that may be resident        */
    PAGE_CLEAN,      /* first or last of a free run that is not resident: reads as zero */
    PAGE_BUSY,       /* first or last of a free run on its way to the system    */
    PAGE_LARGE,      /* first of a large block                                  */
    PAGE_AHEAD,       /* first of the pages a heap has taken ahead               */
    POOL_CURRENT,    /* first of the pool its heap allocates from               */
    POOL_PARTIAL,    /* first of a pool in its heap's partial list              */
    POOL_FULL,       /* first of a pool without a free block, in no list        */
    POOL_TAIL,       /* a later page of a pool                                  */
};

/* The record of a page; of the whole pool or run when the page is its first.
 * 32 bytes, 0.8 % of the page. Out of band: nothing in a page that is not a
 * block, and a page without a live block can go without editing any list.
 *
 * Free lists. A free block's first word is `link_key` xor the address of the
 * next free block of its pool, or of the pool's end mark (its first address +
 * END_MARK, which no block has). So a link that was written over is noticed
 * when it is followed (it leads out of the pool), and a block freed twice when
 * it is freed (its first word leads into its own pool, which the key makes
 * next to impossible for a live block's contents; the list is then walked).
 *
 * frees_left: how many frees the fast path may still take without looking; it
 * takes one only when more than 1 is left. By kind:
 *     POOL_CURRENT  live blocks + 1, so that the last free is no event
 *     POOL_PARTIAL  live blocks, so that the last free is seen
 *     POOL_FULL     1, so that the first free is seen
 *     others        0, so that no free of such a page passes
 *
 * Freed pages keep `size_class`, to name the crime of freeing into them, unless their
 * records go too. */
struct pool {
    union {
        void *free;        /* POOL_*: first free block, or the end mark           */
        size_t run_pages;  /* runs: length, in the first record and, of a free
                              run, in the last                                   */
        size_t back_pages; /* POOL_TAIL: distance to the pool's first record      */
    };
    struct pool *next, *prev; /* partial list or list; undefined elsewhere */
    uint16_t frees_left;
    union {
        uint16_t carved;     /* POOL_*: blocks made so far, of the class's `blocks`;
                                the rest of the pool has never been touched      */
        uint16_t lazy_pages; /* PAGE_DIRTY: how many of the run's the system may
                                take when it runs short; LAZY_ALL is all of them */
    };
    uint16_t owner; /* id of the heap, 0 for none  */
    uint8_t size_class;
    uint8_t kind; /* enum page_kind */
};
_Static_assert(sizeof(struct pool) == 32, "two records a cache line");

enum { LAZY_ALL = UINT16_MAX };
enum { END_MARK = 8 }; /* bytes past a pool's start; blocks are multiples of 16 */

/* A range of addresses: first the records, then the pages. Both grow from their
 * low ends as memory is committed. What is not committed yet is planned only,
 * as nothing else is expected there, or where that cannot be, `is_reserved`.
 * Pages below `top` are covered, without gap or overlap, by pools, large
 * blocks and free runs; pages from `top` on were never used. */
struct arena {
    uintptr_t pages;          /* address of page 0, page-aligned            */
    struct pool *records;     /* one for each page                          */
    size_t page_count;        /* pages planned or reserved                  */
    size_t top;               /* pages ever used                            */
    size_t committed;         /* pages readable and writable, >= top        */
    size_t records_committed; /* bytes of records likewise, for all of these */
    bool is_reserved;
    size_t filled;            /* pages resident from the first on, if more than top: huge.h */
    uint64_t *is_huge;        /* bit for each region of 2 MiB; NULL: there is none */
};

/* How much freed memory to keep for the next request; see reserve.h. */
struct reserve {
    size_t limit;          /* pages                                          */
    size_t lowest;         /* fewest and most pages kept since window_start  */
    size_t highest;
    uint64_t window_start; /* ms                                             */
    long credit;           /* returned pages that may be taken back for free */
    uint64_t credit_time;  /* ms: when credit was last added to              */
    unsigned events;       /* takings and givings, to read the clock by      */
    size_t surge;          /* pages given and not taken since                */
    size_t ended_by;       /* the surge that last ended a raised limit, or 0 */
    size_t in_a_row;       /* pages given since any were taken               */
    uint64_t quiet_at;     /* ms: when to look whether most of it is still there,
                              that is quiet_least pages; 0: no need to       */
    size_t quiet_least;
    long lazy_credit;      /* pages that may be made lazy                    */
    uint64_t lazy_time;    /* ms: when lazy_credit was last added to         */
    size_t unused;         /* fewest pages kept since idle.c last looked     */
};

/* Where heaps get their pages: one for the interpreter's heap and one for the
 * threads' heaps, each guarded by its `lock`, which is taken in slow paths only.
 * Two free runs of the same kind are never neighbours. */
struct arenas {
    /* The first arena again, for the fast paths: an address is in it when
     * (address - first_page) >> PAGE_SHIFT < first_count. 0 until it exists, and
     * while `no_fast_path` is set. */
    uintptr_t first_page;
    size_t first_count;
    struct pool *first_records;
    bool no_fast_path;

    bool shared; /* has the threads' heaps, rather than the interpreter's */
    pthread_mutex_t lock;

    /* Free runs by length, newest first: circular lists through next/prev. */
    struct pool dirty[RUN_LISTS], clean[RUN_LISTS];
    uint64_t dirty_lists, clean_lists; /* bit i: list i is not empty */
    size_t dirty_pages, clean_pages; /* sums of the runs in the lists */
    size_t lazy_pages;               /* of dirty_pages, those made lazy */
    size_t new_clean; /* pages that became clean since records.c looked */
    atomic_size_t pooled;            /* resident pages that are in no large block */
    struct pool busy; /* runs on their way to the system, in no other list */

    struct reserve reserve; /* how many dirty pages to keep */
    struct huge {
        size_t least;   /* pages of an arena that grows by huge ones; see huge.h */
        uint64_t dear;  /* ns for one that are too many                          */
        unsigned pause; /* regions to leave out after the last dear one          */
        unsigned left;  /* of these, to come                                     */
    } huge;

    size_t arena_count;
    struct arena arena[ARENAS_MAX];
};

/* A list of pools through next/prev, NULL at both ends. */
struct list {
    struct pool *first, *last;
};

/* Pages taken ahead for the pools of one class; see ahead.h. */
struct ahead {
    struct pool *next; /* the first unused page; its record tells of all of them */
    uint8_t left;      /* pages                                                  */
    uint8_t length;    /* pages asked for last time                              */
    bool is_dirty;     /* the unused pages may be resident, and hold old bytes   */
};

/* The pools one owner allocates from: a thread, or whoever holds the interpreter
 * lock.
 *
 * What the owner's fast paths touch, nobody else does: `current`, the current
 * pools, and of partial pools `free` and `frees_left`. The rest (which pools are
 * partial, what was taken ahead, full pools) is guarded by `lock`. The owner
 * takes it in slow paths only; whoever else holds it may give back the pages of
 * pools that no fast path can reach any more (collect.h). */
struct heap {
    struct pool *current[CLASS_COUNT]; /* never NULL: `no_pool` when there is none */
    pthread_mutex_t lock;
    struct list partial[CLASS_COUNT];  /* oldest first                             */
    struct ahead ahead[SMALL_CLASSES];   /* of the classes whose pools are one page  */
    struct arenas *arenas;

    /* Blocks of this heap freed by others, linked plainly through their first
     * words. Anyone pushes; who holds `lock` takes all of them: the owner in its
     * slow path, others to look for whole free pages. */
    _Atomic(void *) remote;
    atomic_size_t remote_new; /* how many were pushed since they were last taken */

    uint16_t id; /* index in the table of heaps, from 1; NO_OWNER in a stand-in */

    /* Of a stand-in, which has no pools: makes the heap to be used in its place;
     * NULL when there is no memory for one. NULL in all other heaps. */
    struct heap *(*real_heap)(void);

    /* No thread owns this heap: whoever frees into it takes `remote` himself,
     * under the lock of threads.c, until another thread adopts it. */
    atomic_bool orphaned;
    struct heap *next_orphan;
};

#endif
