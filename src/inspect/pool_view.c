#include "inspect/pool_view.h"

#include "inspect/words.h"

uint32_t pool_arena_index(const uint8_t *copy) { return half_of(copy, POOL_ARENA_AT); }

void pool_view_mark(struct pool_view *pool, const uint8_t *copy, uint64_t address,
                    uint64_t free_list, uint32_t bytes) {
    uint32_t free_blocks = 0;
    memset(pool->is_live, 0, sizeof pool->is_live);
    for (uint32_t i = 0; i < pool->carved; i++) pool->is_live[i / 64] |= 1ull << i % 64;
    pool->is_told = false;
    while (free_list) {
        uint64_t offset = free_list - address - pool->first;
        uint64_t block = offset / pool->block_bytes;
        if (free_list - address > bytes - 8 || offset % pool->block_bytes ||
            block >= pool->carved || !pool_has_live(pool, (uint32_t)block))
            return; /* out of the pool, between blocks, or a circle */
        pool->is_live[block / 64] &= ~(1ull << block % 64);
        free_blocks++;
        free_list = word_of(copy, (size_t)(free_list - address));
    }
    pool->is_told = free_blocks + pool->live == pool->carved;
}

void pool_view_pymalloc(struct pool_view *pool, const uint8_t *copy, uint64_t address,
                        uint32_t bytes) {
    uint32_t next = half_of(copy, POOL_NEXT_AT), most = half_of(copy, POOL_MAX_NEXT_AT);
    pool->state = POOL_ODD;
    pool->live = half_of(copy, POOL_COUNT_AT);
    pool->size_class = half_of(copy, POOL_CLASS_AT);
    if (pool->live == 0) {
        pool->state = POOL_FREE;
        return;
    }
    if (pool->size_class >= POOL_CLASSES) return;
    pool->block_bytes = (pool->size_class + 1) * 16;
    pool->first = POOL_HEADER_BYTES;
    pool->blocks = (bytes - POOL_HEADER_BYTES) / pool->block_bytes;
    if (most != bytes - pool->block_bytes || next < pool->first ||
        next > most + pool->block_bytes || (next - pool->first) % pool->block_bytes)
        return;
    pool->carved = (next - pool->first) / pool->block_bytes;
    if (pool->live > pool->carved || pool->carved > pool->blocks) return;
    pool->state = POOL_USED;
    pool_view_mark(pool, copy, address, word_of(copy, POOL_FREE_AT), bytes);
}
