/* A pool of another process, from a copy of its memory. */
#ifndef SHOAL_INSPECT_POOL_VIEW_H
#define SHOAL_INSPECT_POOL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspect/layout.h"

enum {
    POOL_BYTES_MAX = 16 * 1024,
    POOL_BLOCKS_MAX = POOL_BYTES_MAX / 16,
};

enum pool_state {
    POOL_ODD,  /* contradicts itself: it is no pool, or was changed meanwhile */
    POOL_FREE, /* was used, and has no live block                             */
    POOL_USED,
};

struct pool_view {
    enum pool_state state;
    uint32_t size_class;
    uint32_t block_bytes;
    uint32_t first;  /* offset of the first block                       */
    uint32_t carved; /* blocks that were ever handed out                */
    uint32_t blocks; /* that there is room for                          */
    uint32_t live;
    bool is_told; /* which blocks are live; otherwise only how many    */
    uint64_t is_live[POOL_BLOCKS_MAX / 64];
};

static inline bool pool_has_live(const struct pool_view *pool, uint32_t block) {
    return pool->is_live[block / 64] >> block % 64 & 1;
}

/* Reads pymalloc's pool at an address from a copy of its `bytes`, 4 or 16 KiB. */
void pool_view_pymalloc(struct pool_view *pool, const uint8_t *copy, uint64_t address,
                        uint32_t bytes);

/* The index in the arenas' table that a pool says it belongs to. */
uint32_t pool_arena_index(const uint8_t *copy);

/* Follows a list of free blocks inside a pool, marks all carved blocks that are
 * not in it as live; sets `is_told` when they are as many as `live` says. */
void pool_view_mark(struct pool_view *pool, const uint8_t *copy, uint64_t address,
                    uint64_t free_list, uint32_t bytes);

#endif
