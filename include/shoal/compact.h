/* Moving live blocks: who points where, what may move, and moving it.
 *
 * The mover knows blocks and words. Its client (src/python/compact) knows which words of
 * which blocks are references, and tells of them here, block by block. A block moves only if
 * two proofs agree:
 *
 *     every reference that is counted has been found     missing = 0
 *     every word of the process that points into it      known = 0, told = 0, and none was met
 *     is one that will be rewritten                      that is neither
 *
 * Blocks that are laid out are not read for the second: the client has told of every word of
 * theirs that is an address. All other memory is.
 *
 * In this order, and nothing else runs in the interpreter meanwhile:
 *
 *     shoal_mover_new      memory for the notes, all live blocks noted
 *     the client counts    shoal_find, and the functions beside struct shoal_note
 *     shoal_mover_scan     every word of the process
 *     shoal_mover_judge    which blocks may move
 *     shoal_mover_plan     which will; after this nothing can fail
 *     shoal_mover_move     they do; every reference is rewritten; old blocks are given back
 *     shoal_mover_delete
 *
 * Any of them but the last may be left out from some point on. The heap's locks are held only
 * where its lists are read or changed: by the first and by shoal_mover_move. Tables are the
 * mover's own memory, never the heap's: 8 bytes a live block and some 70 a page. */
#ifndef SHOAL_COMPACT_H
#define SHOAL_COMPACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A word of memory, whatever a program has declared it to be. */
typedef uintptr_t __attribute__((may_alias)) shoal_word;

/* Why a block stays. */
enum shoal_reason {
    SHOAL_REASON_NONE,
    SHOAL_REASON_UNKNOWN,    /* no container that is understood has it                   */
    SHOAL_REASON_TYPE,       /* objects of its type never move                           */
    SHOAL_REASON_STATE,      /* interned, weakly referenced, frozen, a type's attribute  */
    SHOAL_REASON_HASH,       /* its address may be its hash, and a table has it          */
    SHOAL_REASON_ITEM,       /* in a tuple that somebody else holds                      */
    SHOAL_REASON_REFERENCES, /* not all of its references are found                      */
    SHOAL_REASON_NUMBER,     /* a number equals its address, as id() gives it            */
    SHOAL_REASON_STACK,      /* C code that is running has its address                   */
    SHOAL_REASON_CODE,       /* a code object has its address                            */
    SHOAL_REASON_OUTSIDE,    /* memory outside of the heap has its address               */
    SHOAL_REASON_HOLDER,     /* a block that is not understood has its address           */
    SHOAL_REASON_WORDS,      /* more words point at it than are known                    */
    SHOAL_REASON_MANY,       /* more references than are counted                         */
    SHOAL_REASON_SHARED,     /* moving it would copy memory shared with another process  */
    SHOAL_REASONS,
};

/* What is known of a block. */
enum shoal_mark {
    SHOAL_IS_OBJECT = 1 << 0,   /* it holds an object, at shoal_offset()                     */
    SHOAL_IS_TABLE = 1 << 1,    /* it is a part of objects, which know it by known words      */
    SHOAL_IS_LAID_OUT = 1 << 2, /* all addresses in it are known words: it is not read        */
    SHOAL_IS_TOLD = 1 << 3,     /* some holder only says that it has a reference              */
    SHOAL_MOVES = 1 << 4,       /* shoal_mover_judge found nothing against it                 */
    SHOAL_MARK_A = 1 << 5,      /* the client's                                               */
    SHOAL_MARK_B = 1 << 6,
    SHOAL_MARK_C = 1 << 7,
    SHOAL_MARK_D = 1 << 8,
};

/* So many references are too many to be counted: the block stays. */
enum { SHOAL_MANY = UINT16_MAX };

/* What is known of one live block. */
struct shoal_note {
    union {
        struct {
            uint16_t missing; /* counted references to its object that are not found yet, or
                                 SHOAL_MANY for good                                     */
            uint8_t known;    /* words in memory that is read, which the client will rewrite
                                 and the scan has not met yet                            */
            uint8_t told;     /* counted references that their holders only say they have,
                                 and the scan has not met yet                            */
        };
        uint32_t forward; /* once there is a plan, of a block with SHOAL_MOVES: where it is
                             now, as shoal_moved_to says; 0: where it was                */
    };
    uint16_t marks : 9;    /* enum shoal_mark                                            */
    uint16_t reason : 4;   /* enum shoal_reason: the first that was found                */
    uint16_t offset : 3;   /* of the object in its block, in units of 16 bytes           */
    uint16_t unused_words; /* at its end: what a former owner left there is nobody's     */
};
_Static_assert(sizeof(struct shoal_note) == 8 && SHOAL_REASONS <= 16, "small enough");

static inline size_t shoal_offset(const struct shoal_note *note) { return note->offset * 16u; }

/* It stays. */
static inline void shoal_keep(struct shoal_note *note, enum shoal_reason reason) {
    if (note->reason == SHOAL_REASON_NONE) note->reason = reason & 15;
}

/* The block has an object, at most 112 bytes from its start, to which there are so many counted
 * references. */
static inline void shoal_note_object(struct shoal_note *note, size_t offset, size_t references) {
    note->marks |= SHOAL_IS_OBJECT;
    note->offset = offset / 16 & 7;
    note->missing = references < SHOAL_MANY ? (uint16_t)references : SHOAL_MANY;
    if (note->missing == SHOAL_MANY) shoal_keep(note, SHOAL_REASON_MANY);
}

/* A counted reference to the object was found. */
static inline void shoal_note_reference(struct shoal_note *note) {
    if (note->missing == 0) {
        note->missing = SHOAL_MANY;
        shoal_keep(note, SHOAL_REASON_REFERENCES);
    } else if (note->missing != SHOAL_MANY) {
        note->missing--;
    }
}

/* A word that the scan will meet, and the client rewrite, points into it (shoal_is_read). */
static inline void shoal_note_known(struct shoal_note *note) {
    if (note->known == UINT8_MAX)
        shoal_keep(note, SHOAL_REASON_MANY);
    else
        note->known++;
}

/* A holder says that it has a counted reference to the object. */
static inline void shoal_note_told(struct shoal_note *note) {
    shoal_note_reference(note);
    note->marks |= SHOAL_IS_TOLD;
    if (note->told == UINT8_MAX)
        shoal_keep(note, SHOAL_REASON_MANY);
    else
        note->told++;
}

/* A pool, and where the notes of its live blocks are. */
struct shoal_mover_pool {
    uint64_t live[4];     /* bit i: block i was live when the mover was made            */
    uint32_t page;        /* its first, from the first of the heap on                   */
    uint32_t first_note;  /* of its first live block; those of the others follow        */
    uint32_t inverse;     /* ceil(2^32 / block_bytes)                                   */
    uint16_t block_bytes;
    uint16_t first;       /* bytes: where in the pool block 0 starts                    */
    uint16_t blocks;      /* that it has room for                                       */
    uint16_t live_blocks;
    uint16_t movable;     /* of these, those with SHOAL_MOVES that have not moved yet   */
    uint8_t before[3];    /* live blocks before those of live[1], live[2], live[3]      */
    uint8_t pages;
    uint8_t size_class;
    bool is_current : 1;  /* the heap takes blocks from it: it is never emptied         */
    bool is_shared : 1;   /* another process has its pages too, or they are swapped out */
    bool is_source : 1;   /* it is to be emptied                                        */
    bool is_left : 1;     /* blocks have moved out of it                                */
};
_Static_assert(sizeof(struct shoal_mover_pool) == 64, "a cache line each");

enum shoal_phase {
    SHOAL_PHASE_SNAPSHOT, /* which blocks are live                          */
    SHOAL_PHASE_COUNT,    /* the client: which words are references         */
    SHOAL_PHASE_SCAN,     /* all words                                      */
    SHOAL_PHASE_JUDGE,    /* with the plan                                  */
    SHOAL_PHASE_MOVE,
    SHOAL_PHASE_REWRITE,
    SHOAL_PHASE_FREE,
    SHOAL_PHASES,
};

struct shoal_mover;

/* What the mover asks of its client. */
struct shoal_mover_client {
    void *context;

    /* Blocks whose second word is this are code: addresses are at all multiples of 2. */
    uintptr_t code_mark;

    /* Blocks whose second word is this are numbers: the addresses that such a one may stand
     * for are put in `addresses`; returns how many. */
    uintptr_t number_mark;
    unsigned (*number_addresses)(const void *block, uintptr_t addresses[2]);

    /* A block stays; `object` is NULL for a table and for what nobody knows. */
    void (*stays)(void *context, enum shoal_reason reason, const void *object, size_t bytes);

    /* The object is at `object` now. Its own words are as they were. */
    void (*moved)(void *context, void *object);

    /* Calls shoal_rewrite for all known words but those of `moved`. */
    void (*rewrite)(void *context);
};

/* A list of pointers in the mover's own memory. */
struct shoal_pointers {
    void **items;
    size_t count, room;
};

/* In pool_of_page: pages of a large block that is a table, and not read. */
#define SHOAL_LARGE_TABLE UINT32_MAX

/* All that is read elsewhere is read only. */
struct shoal_mover {
    struct shoal_mover_client client;
    bool is_stress;              /* all that may move will, however dense the pools are  */
    uintptr_t pages;             /* the first of the heap                                */
    size_t page_bytes;           /* of all that were ever used                           */
    uint32_t *pool_of_page;      /* 1 + index in `pools`, 0 for a page of none            */
    struct shoal_mover_pool *pools;
    uint32_t pool_count;
    struct shoal_note *notes;
    uint32_t note_count;
    bool is_short;               /* memory for a list was not to be had                  */
    bool has_threads;            /* the process has other threads                        */

    /* What came of it. */
    size_t live_bytes;                      /* in the blocks that are noted              */
    size_t stay_blocks[SHOAL_REASONS];
    size_t stay_bytes[SHOAL_REASONS];       /* of SHOAL_REASON_NONE: what may move       */
    size_t told;                            /* of what may move, blocks with SHOAL_IS_TOLD */
    size_t sources;                         /* pools to be emptied                       */
    size_t source_bytes;                    /* of their pages                            */
    size_t moved_objects, moved_tables, moved_bytes;
    size_t stale_words;                     /* stress: words that still point to old
                                               blocks; never any, else a defect          */
    size_t table_bytes;                     /* the mover's own memory                    */
    double seconds[SHOAL_PHASES];           /* of the processor                          */
};

/* Where a word points to. */
struct shoal_found {
    struct shoal_note *note;
    char *start; /* of the block */
    const struct shoal_mover_pool *pool;
};

static inline char *shoal_pool_start(const struct shoal_mover *mover,
                                     const struct shoal_mover_pool *pool) {
    return (char *)mover->pages + (size_t)pool->page * 4096;
}

/* The pool that a word points into; NULL when it is none. Cost: a cache miss at most. */
static inline const struct shoal_mover_pool *shoal_pool_of(const struct shoal_mover *mover,
                                                           uintptr_t word) {
    uintptr_t offset = word - mover->pages;
    if (offset >= mover->page_bytes) return NULL;
    uint32_t number = mover->pool_of_page[offset / 4096];
    return number == 0 || number == SHOAL_LARGE_TABLE ? NULL : &mover->pools[number - 1];
}

/* Processors of 2003 have no instruction for it. */
static inline uint32_t shoal_count_bits(uint64_t bits) {
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* Whether a word that points into a pool points into a live block of it. The note is not
 * looked at. Cost: some 20 instructions, and a cache miss at most. */
static inline bool shoal_find_in(const struct shoal_mover *mover,
                                 const struct shoal_mover_pool *pool, uintptr_t word,
                                 struct shoal_found *found) {
    char *start = shoal_pool_start(mover, pool);
    uint32_t in_blocks = (uint32_t)(word - (uintptr_t)start) - pool->first;
    uint32_t index = (uint32_t)(((uint64_t)in_blocks * pool->inverse) >> 32);
    uint32_t row = index / 64;
    if (index >= pool->blocks || !(pool->live[row] >> index % 64 & 1)) return false;
    uint64_t before = pool->live[row] & ((UINT64_C(1) << index % 64) - 1);
    uint32_t note = pool->first_note + (row ? pool->before[row - 1] : 0);
    found->note = &mover->notes[note + shoal_count_bits(before)];
    found->start = start + pool->first + (size_t)index * pool->block_bytes;
    found->pool = pool;
    return true;
}

static inline bool shoal_find(const struct shoal_mover *mover, uintptr_t word,
                              struct shoal_found *found) {
    const struct shoal_mover_pool *pool = shoal_pool_of(mover, word);
    return pool && shoal_find_in(mover, pool, word, found);
}

/* Whether the scan will meet a known word at `where`: it is in no pool, nor in a large block
 * that is a table. Words of a pool that are known are in blocks that are laid out. */
static inline bool shoal_is_read(const struct shoal_mover *mover, const void *where) {
    uintptr_t offset = (uintptr_t)where - mover->pages;
    return offset >= mover->page_bytes || mover->pool_of_page[offset / 4096] == 0;
}

/* Where a block is now; NULL: where it was. In units of the 16 bytes by which blocks lie apart. */
static inline char *shoal_moved_to(const struct shoal_mover *mover, const struct shoal_note *note) {
    if (!(note->marks & SHOAL_MOVES) || note->forward == 0) return NULL;
    return (char *)mover->pages + (size_t)(note->forward - 1) * 16;
}

/* Makes a known word point where its block is now. Any number of times. */
static inline void shoal_rewrite(const struct shoal_mover *mover, void *where) {
    struct shoal_found found;
    shoal_word *word = where;
    const struct shoal_mover_pool *pool = shoal_pool_of(mover, *word);
    if (!pool || !pool->is_left || !shoal_find_in(mover, pool, *word, &found)) return;
    const char *to = shoal_moved_to(mover, found.note);
    if (to) *word += (uintptr_t)to - (uintptr_t)found.start;
}

enum shoal_mover_state {
    SHOAL_MOVER_MADE,
    SHOAL_MOVER_NOT_ALLOWED, /* as enum shoal_moving_state                            */
    SHOAL_MOVER_NO_BLOCKS,
    SHOAL_MOVER_SCATTERED,
    SHOAL_MOVER_NO_MEMORY,   /* for tables                                            */
    SHOAL_MOVER_NO_PROC,     /* /proc/self/maps, pagemap or mem cannot be read         */
};

/* *mover is NULL unless it says SHOAL_MOVER_MADE. `is_stress`: all that may move will, old
 * blocks are filled with 0xDB and kept until the next mover is made, and the heap is searched
 * for words into them. */
enum shoal_mover_state shoal_mover_new(struct shoal_mover **mover,
                                       const struct shoal_mover_client *client, bool is_stress);
void shoal_mover_delete(struct shoal_mover *mover);

/* Puts an item at the end of a list that begins as all zero; false, and mover->is_short,
 * when there is no memory. The list goes with the mover. */
bool shoal_pointers_add(struct shoal_mover *mover, struct shoal_pointers *list, void *item);

/* Zeroed memory that goes with the mover; NULL, and mover->is_short, when there is none. */
void *shoal_mover_memory(struct shoal_mover *mover, size_t bytes);

/* The time since the last call, or since the mover was made, was this phase's. */
void shoal_mover_spent(struct shoal_mover *mover, enum shoal_phase phase);

/* A large block, if one of the heap's starts there, is a table all of whose addresses are
 * known words: it is not read. Before these words are told of. */
void shoal_mover_skip_large(struct shoal_mover *mover, const void *start);

/* Calls `act` for every object in a block that has the mark. */
void shoal_mover_each(struct shoal_mover *mover, enum shoal_mark mark,
                      void (*act)(void *context, void *object), void *context);

/* Reads every word of the process but those of blocks that are laid out. `frame`: what lies
 * above it on the calling thread's stack is in use; the registers that a call keeps must be
 * there too. False when something could not be read. */
bool shoal_mover_scan(struct shoal_mover *mover, const void *frame);

/* Sets SHOAL_MOVES, and tells the client of what stays. */
void shoal_mover_judge(struct shoal_mover *mover);

/* Chooses the pools to empty or, in stress, all that may move; takes what memory is left to
 * take. False when there is none. */
bool shoal_mover_plan(struct shoal_mover *mover);
void shoal_mover_move(struct shoal_mover *mover);

#ifdef __cplusplus
}
#endif

#endif
