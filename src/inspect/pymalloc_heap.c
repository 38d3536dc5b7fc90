#include "inspect/pymalloc_heap.h"

#include <stdlib.h>

static uint8_t fullness(const struct pool_view *pool, uint32_t bytes) {
    return (uint8_t)((uint64_t)pool->live * pool->block_bytes * 100 / bytes);
}

/* The pools of an arena lie at multiples of their size, within what has been used. */
static void count_arena(struct census *census, const struct arena_ref *arena, uint32_t arena_bytes,
                        const struct layout *layout, uint8_t *copy) {
    uint64_t pool_bytes = layout->pool_bytes, end = arena->start + arena_bytes;
    uint64_t first = (arena->start + pool_bytes - 1) & ~(pool_bytes - 1);
    size_t used = (size_t)(arena->carved_end - arena->start);
    census_begin_arena(census, arena->start, arena_bytes);
    size_t got = census_read(census, 0, copy, used);
    census_add_place(census, SHOAL_PLACE_FREE, first - arena->start);
    for (uint64_t at = first; at + pool_bytes <= end; at += pool_bytes) {
        struct pool_view pool;
        if (at + pool_bytes > arena->start + got) {
            bool was_used = at + pool_bytes <= arena->carved_end;
            census->result->pools_read += was_used;
            census->result->pools_inconsistent += was_used;
            census_add_place(census, SHOAL_PLACE_FREE, pool_bytes);
            continue;
        }
        const uint8_t *bytes = copy + (at - arena->start);
        pool_view_pymalloc(&pool, bytes, at, layout->pool_bytes);
        if (pool.state == POOL_USED && pool_arena_index(bytes) == arena->index) {
            census_add_pool(census, &pool, bytes, at, layout->pool_bytes, true);
            census_add_place(census, fullness(&pool, layout->pool_bytes), pool_bytes);
        } else {
            census->result->pools_read++;
            census->result->pools_inconsistent += pool.state != POOL_FREE;
            if (pool.state == POOL_FREE) census_add_free(census, at - arena->start, pool_bytes);
            census_add_place(census, SHOAL_PLACE_FREE, pool_bytes);
        }
    }
    census_add_place(census, SHOAL_PLACE_FREE, (end - first) % pool_bytes);
    census_end_arena(census, arena_bytes);
}

bool pymalloc_heap_count(struct census *census, const struct arena_table *table,
                         const struct layout *layout) {
    if (table->count == 0) return !census->is_out_of_memory;
    uint8_t *copy = malloc(table->arena_bytes);
    for (size_t i = 0; copy && i < table->count; i++)
        count_arena(census, &table->arenas[i], table->arena_bytes, layout, copy);
    free(copy);
    return copy && !census->is_out_of_memory;
}
