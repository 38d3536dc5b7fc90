#include "inspect/census.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/grow.h"
#include "inspect/type_census.h"
#include "inspect/words.h"

enum { PAGE = REMOTE_PAGE, PAGE_GRANULES = PAGE / GRANULE, DEBUG_HEADER_BYTES = 16 };

enum { PAGES_ASKED = 4096 }; /* at once, whether they are present */

static const uint64_t REFERENCES_MAX = 1ull << 32; /* immortal objects have about as many */

bool census_init(struct census *census, struct shoal_inspection *result, struct remote *remote,
                 const struct layout *layout) {
    memset(census, 0, sizeof *census);
    census->result = result;
    return type_table_init(&census->types, remote, layout);
}

void census_end(struct census *census) {
    type_table_end(&census->types);
    free(census->here);
    free(census->here_of);
}

/* ---- Blocks ------------------------------------------------------------------- */

/* The debug allocators of Python (PYTHONMALLOC=debug) write before a block its size,
 * a letter for its domain, and a pattern. */
static bool is_padded(const uint8_t *block, uint32_t bytes) {
    return bytes > DEBUG_HEADER_BYTES && word_of(block, 8) >> 8 == 0xfdfdfdfdfdfdfd;
}

/* The type of the object in a block. Where it begins depends on its type, whose
 * own word must agree; and someone refers to it. */
static int32_t type_of_block(struct census *census, const uint8_t *block, uint32_t bytes) {
    if (is_padded(block, bytes)) {
        block += DEBUG_HEADER_BYTES;
        bytes -= DEBUG_HEADER_BYTES;
    }
    for (uint32_t header = 0; header <= GC_HEAD_BYTES + PREHEADER_BYTES; header += 16) {
        if (header + 16 > bytes) break;
        uint64_t references = word_of(block, header);
        if (references == 0 || references > REFERENCES_MAX) continue;
        int32_t index = type_table_find(&census->types, word_of(block, header + OBJECT_TYPE_AT));
        if (index == TYPE_NONE) continue;
        const struct type *type = &census->types.types[index];
        if (type->header_bytes == header && type->basic_bytes <= bytes - header) return index;
    }
    return TYPE_NONE;
}

static bool make_here_room(struct census *census) {
    size_t room = census->types.type_room, before = census->here_of_room;
    if (room > before) {
        int32_t *grown = realloc(census->here_of, room * sizeof *grown);
        if (!grown) return false;
        memset(grown + before, 0, (room - before) * sizeof *grown);
        census->here_of = grown;
        census->here_of_room = room;
    }
    return grow(&census->here, &census->here_room, census->here_count, sizeof *census->here);
}

static void add_block(struct census *census, int32_t type, uint32_t bytes) {
    if (type == TYPE_NONE) {
        census->raw_here_blocks++;
        census->raw_here_bytes += bytes;
        return;
    }
    if ((size_t)type >= census->here_of_room || census->here_of[type] == 0) {
        if (!make_here_room(census)) {
            census->is_out_of_memory = true;
            return;
        }
        census->here[census->here_count++] = (struct here){type, 0, 0};
        census->here_of[type] = (int32_t)census->here_count;
    }
    struct here *here = &census->here[census->here_of[type] - 1];
    here->blocks++;
    here->bytes += bytes;
}

/* ---- Arenas and pools ------------------------------------------------------------ */

void census_begin_arena(struct census *census, uint64_t start, uint64_t bytes) {
    if (census->read_next) census->read_next(census->read_next_context, bytes);
    census->arena = (struct shoal_arena_census){.start = start};
    census->first_place = census->result->occupancy_count;
    memset(census->is_live, 0, sizeof census->is_live);
    memset(census->is_present, 0, sizeof census->is_present);
    census->knows_present =
        remote_present(census->types.remote, start, bytes / PAGE, census->is_present);
    for (size_t i = 0; i < census->here_count; i++) census->here_of[census->here[i].type] = 0;
    census->here_count = 0;
    census->raw_here_blocks = census->raw_here_bytes = 0;
}

size_t census_read(struct census *census, uint64_t offset, void *buffer, size_t bytes) {
    struct remote *remote = census->types.remote;
    uint64_t address = census->arena.start + offset;
    if (!census->knows_present) return remote_read(remote, address, buffer, bytes);
    return remote_read_present(remote, address, buffer, bytes, census->is_present, offset / PAGE);
}

/* Of the arena, from one byte to another. */
static void mark_present(struct census *census, uint64_t from, uint64_t to, bool is_present) {
    for (uint64_t page = from / PAGE; page < to / PAGE; page++) {
        uint64_t bit = 1ull << page % 64;
        census->is_present[page / 64] &= ~bit;
        if (is_present) census->is_present[page / 64] |= bit;
    }
}

void census_add_place(struct census *census, uint8_t fullness, uint64_t bytes) {
    struct shoal_inspection *result = census->result;
    for (uint64_t left = bytes / result->pool_bytes; left > 0; left--) {
        if (!grow(&result->occupancy, &census->occupancy_room, result->occupancy_count, 1)) {
            census->is_out_of_memory = true;
            return;
        }
        result->occupancy[result->occupancy_count++] = fullness;
    }
}

/* The arena's granules from one byte to another, both multiples of 16. */
static void mark_live(struct census *census, uint64_t from, uint64_t to) {
    for (uint64_t i = from / GRANULE; i < to / GRANULE; i++)
        census->is_live[i / 64] |= 1ull << i % 64;
}

/* Of a pool that contradicts itself any carved block may be live. */
static void add_blocks(struct census *census, const struct pool_view *pool, const uint8_t *copy,
                       uint64_t offset, bool has_objects) {
    if (!pool->is_told) {
        uint64_t first = offset + pool->first;
        mark_live(census, first, first + (uint64_t)pool->carved * pool->block_bytes);
        census->raw_here_blocks += pool->live;
        census->raw_here_bytes += (uint64_t)pool->live * pool->block_bytes;
        return;
    }
    for (uint32_t i = 0; i < pool->carved; i++) {
        if (!pool_has_live(pool, i)) continue;
        uint32_t at = pool->first + i * pool->block_bytes;
        mark_live(census, offset + at, offset + at + pool->block_bytes);
        int32_t type =
            has_objects ? type_of_block(census, copy + at, pool->block_bytes) : TYPE_NONE;
        add_block(census, type, pool->block_bytes);
    }
}

/* Whether a live block lies in a page, or partly. */
static bool is_live_page(const struct census *census, uint64_t page) {
    const uint64_t *bits = &census->is_live[page * PAGE_GRANULES / 64];
    return (bits[0] | bits[1] | bits[2] | bits[3]) != 0;
}

/* The pages of a pool that could mesh. */
static void mesh_pages(struct census *census, uint64_t offset, uint64_t bytes) {
    for (uint64_t page = offset / PAGE; page < (offset + bytes) / PAGE; page++)
        if (is_live_page(census, page))
            mesh_add_page(&census->mesh, &census->is_live[page * PAGE_GRANULES / 64]);
}

void census_add_pool(struct census *census, const struct pool_view *pool, const uint8_t *copy,
                     uint64_t address, uint32_t bytes, bool has_objects) {
    uint64_t live = (uint64_t)pool->live * pool->block_bytes;
    struct shoal_size_census *size = &census->sizes[pool->block_bytes / GRANULE];
    add_blocks(census, pool, copy, address - census->arena.start, has_objects);
    size->block_size = pool->block_bytes;
    size->pools++;
    size->live_blocks += pool->live;
    size->free_blocks += pool->blocks - pool->live;
    size->live += live;
    size->held += bytes - live;
    census->arena.pools++;
    census->arena.used += bytes;
    census->arena.live_blocks += pool->live;
    census->arena.live += live;
    census->result->pools_read++;
    census->result->pools_inconsistent += !pool->is_told;
    uint64_t offset = address - census->arena.start;
    if (!census->knows_present) mark_present(census, offset, offset + bytes, true);
    mesh_pages(census, offset, bytes);
}

void census_add_free(struct census *census, uint64_t offset, uint64_t bytes) {
    census->arena.free += bytes;
    if (!census->knows_present) mark_present(census, offset, offset + bytes, true);
}

void census_add_free_apart(struct census *census, uint64_t start, uint64_t bytes) {
    struct remote *remote = census->types.remote;
    uint64_t is_present[PAGES_ASKED / 64], resident = 0;
    for (uint64_t page = 0, count; page < bytes / PAGE; page += count) {
        uint64_t left = bytes / PAGE - page;
        count = left < PAGES_ASKED ? left : PAGES_ASKED;
        if (!remote_present(remote, start + page * PAGE, count, is_present)) {
            resident += left;
            break;
        }
        for (uint64_t i = 0; i < (count + 63) / 64; i++)
            resident += (uint64_t)__builtin_popcountll(is_present[i]);
    }
    census->result->resident += resident * PAGE;
    census->result->page_free += resident * PAGE;
}

static void add_to_type(struct census *census, struct type *type, uint64_t blocks, uint64_t bytes) {
    const struct shoal_arena_census *arena = &census->arena;
    if (blocks == 0) return;
    type->blocks += blocks;
    type->bytes += bytes;
    if (arena->live * EMPTIEST_PART > arena->bytes) return;
    type->pinned_arenas++;
    type->pinned_blocks += blocks;
    if (arena->resident > arena->live)
        type->pinned_held += (uint64_t)((double)(arena->resident - arena->live) * (double)bytes /
                                        (double)arena->live);
}

/* What is resident of the arena, and what of that no live block touches. */
static void add_pages(struct census *census, uint64_t bytes) {
    struct shoal_arena_census *arena = &census->arena;
    for (uint64_t page = 0; page < bytes / PAGE; page++) {
        if (!(census->is_present[page / 64] >> page % 64 & 1)) continue;
        arena->resident += PAGE;
        if (!is_live_page(census, page)) arena->page_free += PAGE;
    }
    census->result->resident += arena->resident;
    census->result->page_free += arena->page_free;
}

void census_drop_arena(struct census *census, uint64_t bytes) {
    add_pages(census, bytes);
    census->result->occupancy_count = census->first_place;
}

void census_end_arena(struct census *census, uint64_t bytes) {
    struct shoal_inspection *result = census->result;
    census->arena.bytes = bytes;
    add_pages(census, bytes);
    for (size_t i = 0; i < census->here_count; i++) {
        const struct here *here = &census->here[i];
        add_to_type(census, &census->types.types[here->type], here->blocks, here->bytes);
    }
    add_to_type(census, &census->raw, census->raw_here_blocks, census->raw_here_bytes);
    if (!grow(&result->arenas, &census->arena_room, result->arena_count, sizeof *result->arenas))
        census->is_out_of_memory = true;
    else
        result->arenas[result->arena_count++] = census->arena;
}

static void add_extent(struct census *census, struct shoal_extent **items, size_t *count,
                       size_t *room, uint64_t start, uint64_t bytes) {
    if (grow(items, room, *count, sizeof **items))
        (*items)[(*count)++] = (struct shoal_extent){start, bytes};
    else
        census->is_out_of_memory = true;
}

void census_add_range(struct census *census, uint64_t start, uint64_t bytes) {
    struct shoal_inspection *result = census->result;
    struct shoal_extent *end = result->ranges + result->range_count;
    if (result->range_count && end[-1].start + end[-1].bytes == start)
        end[-1].bytes += bytes;
    else
        add_extent(census, &result->ranges, &result->range_count, &census->range_room, start,
                   bytes);
}

void census_add_large(struct census *census, uint64_t start, uint64_t bytes) {
    struct shoal_inspection *result = census->result;
    uint64_t offset = start - census->arena.start, left = ARENA_BYTES_MAX - offset;
    if (offset < ARENA_BYTES_MAX)
        mark_present(census, offset, offset + (bytes < left ? bytes : left), false);
    if (result->large_count == LARGE_MAX) return;
    add_extent(census, &result->large, &result->large_count, &census->large_room, start, bytes);
}

/* ---- The result ---------------------------------------------------------------------- */

bool census_finish(struct census *census) {
    struct shoal_inspection *result = census->result;
    if (census->is_out_of_memory || !type_census(result, &census->types, &census->raw))
        return false;
    result->sizes = calloc(SIZES_MAX, sizeof *result->sizes);
    if (!result->sizes) return false;
    for (size_t i = 0; i < SIZES_MAX; i++)
        if (census->sizes[i].pools) result->sizes[result->size_count++] = census->sizes[i];
    result->mesh_pages = census->mesh.saved;
    return true;
}
