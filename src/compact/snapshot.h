/* The mover: its memory, the heap's blocks when it was made, and going over them. */
#ifndef SHOAL_COMPACT_SNAPSHOT_H
#define SHOAL_COMPACT_SNAPSHOT_H

#include "base/os.h"
#include "shoal/compact.h"
#include "shoal/moving.h"

enum { OWN_MAPPINGS = 24 };

/* What the header shows, and what only this room needs. In a mapping of its own, so that
 * no word of it is taken for the program's. */
struct own_mover {
    struct shoal_mover mover; /* first: a pointer to one is a pointer to the other */
    struct shoal_moving_place place;
    struct shoal_moving_large *larges;
    size_t large_count;
    struct os_range mappings[OWN_MAPPINGS]; /* its tables */
    size_t mapping_count;
    struct pool_ranks *ranks; /* the plan; NULL in stress                             */
    char **starts;            /* room for the starts of all pools                    */
    uint64_t clock; /* ns of the processor, when the last phase ended */
    bool has_locks; /* of the heap */
};

static inline struct own_mover *own_mover_of(struct shoal_mover *mover) {
    return (struct own_mover *)mover;
}

/* The heap's locks are held while its lists are read or changed. */
static inline bool own_lock(struct own_mover *own) {
    struct shoal_moving_place place;
    own->has_locks = shoal_moving_begin(&place) == SHOAL_MOVING_BEGUN;
    return own->has_locks;
}

static inline void own_unlock(struct own_mover *own) {
    if (own->has_locks) shoal_moving_end();
    own->has_locks = false;
}

/* Whether the block's second word is what its owner wrote there: in a table, or before an
 * object, it may be left from a former one. */
static inline bool has_mark(const struct shoal_note *note) {
    if (note->marks & SHOAL_IS_TABLE) return false;
    return !(note->marks & SHOAL_IS_OBJECT) || shoal_offset(note) == 0;
}

static inline size_t used_bytes(const struct shoal_note *note, size_t block_bytes) {
    return block_bytes - note->unused_words * sizeof(shoal_word);
}

/* A live block, one after another in the order of their addresses. */
struct block_walk {
    char *blocks; /* of its pool */
    struct shoal_mover_pool *pool; /* NULL at the end */
    struct shoal_note *note;
    char *start;
    uint64_t bits; /* live blocks left in this word of the pool's map */
    uint32_t word;
};

/* The first live block of a pool, and the next of the same pool; false when there is none. */
static inline bool walk_next(struct block_walk *walk) {
    while (walk->bits == 0) {
        if (++walk->word == SHOAL_MOVING_WORDS) return false;
        walk->bits = walk->pool->live[walk->word];
    }
    unsigned index = walk->word * 64 + (unsigned)__builtin_ctzll(walk->bits);
    walk->bits &= walk->bits - 1;
    walk->start = walk->blocks + (size_t)index * walk->pool->block_bytes;
    walk->note++;
    return true;
}

static inline struct block_walk walk_pool(const struct shoal_mover *mover,
                                          struct shoal_mover_pool *pool) {
    return (struct block_walk){
        .blocks = shoal_pool_start(mover, pool) + pool->first,
        .pool = pool,
        .note = mover->notes + pool->first_note - 1,
        .bits = pool->live[0],
    };
}

/* for_each_block(mover, walk) { walk.note, walk.start, walk.pool } */
#define for_each_block(mover_, walk) \
    for (uint32_t pool_index = 0; pool_index < (mover_)->pool_count; pool_index++) \
        for (struct block_walk walk = walk_pool(mover_, &(mover_)->pools[pool_index]); \
             walk_next(&walk);)

#endif
