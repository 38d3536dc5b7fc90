#include "inspect/census.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/grow.h"
#include "inspect/malloc_arenas.h"
#include "inspect/strays.h"
#include "inspect/type_census.h"
#include "inspect/words.h"

enum { PAGE = REMOTE_PAGE, PAGE_GRANULES = PAGE / GRANULE, DEBUG_HEADER_BYTES = 16 };

enum { PAGES_ASKED = 4096 }; /* at once, whether they are present */

static const uint64_t REFERENCES_MAX = 1ull << 32; /* immortal objects have about as many */

bool census_init(struct census *census, struct shoal_inspection *result, struct remote *remote,
                 const struct layout *layout) {
    memset(census, 0, sizeof *census);
    census->result = result;
    census->mapped_from = SIZE_MAX;
    if (!type_table_init(&census->types, remote, layout)) return false;
    stretches_init(&census->stretches, &census->types);
    return true;
}

void census_end(struct census *census) {
    stretches_end(&census->stretches);
    type_table_end(&census->types);
}

/* ---- Blocks ------------------------------------------------------------------- */

/* The debug allocators of Python (PYTHONMALLOC=debug) write before a block its size,
 * a letter for its domain, and a pattern. */
static bool is_padded(const uint8_t *block, uint32_t bytes) {
    return bytes > DEBUG_HEADER_BYTES && word_of(block, 8) >> 8 == 0xfdfdfdfdfdfdfd;
}

/* Whether a word may be an object's count of references, which someone has. */
static bool is_count(const struct layout *layout, uint64_t word) {
    enum { FLAGS_AT = 48, FLAGS_MAX = 0xff };
    if (layout->has_flags_in_count && word >> FLAGS_AT <= FLAGS_MAX) word &= (1ull << FLAGS_AT) - 1;
    return word > 0 && word <= REFERENCES_MAX;
}

/* The type of the object in a block, and where in it that begins. Where that is depends
 * on its type, whose own word must agree; and someone refers to it. */
static int32_t type_of_block(struct census *census, const uint8_t *block, uint32_t bytes,
                             uint32_t *at) {
    uint32_t first = is_padded(block, bytes) ? DEBUG_HEADER_BYTES : 0;
    for (uint32_t header = 0; header <= GC_HEAD_BYTES + PREHEADER_BYTES; header += 16) {
        *at = first + header;
        if (*at + 16 > bytes) break;
        if (!is_count(census->types.layout, word_of(block, *at))) continue;
        int32_t index = type_table_find(&census->types, word_of(block, *at + OBJECT_TYPE_AT));
        if (index == TYPE_NONE) continue;
        const struct type *type = &census->types.types[index];
        if (type->header_bytes == header && type->basic_bytes <= bytes - *at) return index;
    }
    return TYPE_NONE;
}

/* An object that a single other one has, and maybe as the block of what is in it. */
static bool is_one_s(const struct census *census, int32_t type, uint64_t count) {
    return census->types.types[type].is_bytes && count == 1;
}

/* Of which `copied` bytes, of BLOCK_HEAD_BYTES at least where it has so many, are given. */
static void add_block(struct census *census, const uint8_t *copy, uint32_t copied, uint64_t address,
                      uint64_t bytes, uint64_t resident) {
    struct stretches *stretches = &census->stretches;
    uint32_t at, most = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
    int32_t type = type_of_block(census, copy, most, &at);
    bool may_belong = type == TYPE_NONE || is_one_s(census, type, word_of(copy, at));
    if (may_belong) stretches_add_loose(stretches, type, address, bytes, resident);
    if (may_belong) return;
    stretches_add_object(stretches, type, resident);
    belongings_add(&stretches->belongings, &census->types, type, copy, at, copied);
}

void census_add_block(struct census *census, const uint8_t *copy, uint64_t address, uint64_t bytes,
                      uint64_t resident, bool has_objects) {
    uint32_t copied = bytes < BLOCK_HEAD_BYTES ? (uint32_t)bytes : BLOCK_HEAD_BYTES;
    if (has_objects)
        add_block(census, copy, copied, address, bytes, resident);
    else
        stretches_add_loose(&census->stretches, TYPE_NONE, address, bytes, resident);
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
    census->reserve = 0;
    stretches_begin(&census->stretches);
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
                       uint64_t address, bool has_objects) {
    uint64_t offset = address - census->arena.start;
    if (!pool->is_told) {
        uint64_t first = offset + pool->first;
        mark_live(census, first, first + (uint64_t)pool->carved * pool->block_bytes);
        census->stretches.raw_here_blocks += pool->live;
        census->stretches.raw_here_bytes += (uint64_t)pool->live * pool->block_bytes;
        return;
    }
    for (uint32_t i = 0; i < pool->carved; i++) {
        if (!pool_has_live(pool, i)) continue;
        uint32_t at = pool->first + i * pool->block_bytes;
        mark_live(census, offset + at, offset + at + pool->block_bytes);
        if (has_objects)
            add_block(census, copy + at, pool->block_bytes, address + at, pool->block_bytes,
                      pool->block_bytes);
        else
            stretches_add_loose(&census->stretches, TYPE_NONE, address + at, pool->block_bytes,
                                pool->block_bytes);
    }
}

/* Whether a live block lies in a page, or partly. */
static bool is_live_page(const struct census *census, uint64_t page) {
    const uint64_t *bits = &census->is_live[page * PAGE_GRANULES / 64];
    return (bits[0] | bits[1] | bits[2] | bits[3]) != 0;
}

static void add_to_sizes(struct census *census, const struct pool_view *pool, uint32_t bytes) {
    struct shoal_size_census *size = &census->sizes[pool->block_bytes / GRANULE];
    uint64_t live = (uint64_t)pool->live * pool->block_bytes;
    size->block_size = pool->block_bytes;
    size->pools++;
    size->live_blocks += pool->live;
    size->free_blocks += pool->blocks - pool->live;
    size->live += live;
    size->held += bytes - live;
    census->result->pools_read++;
    census->result->pools_inconsistent += !pool->is_told;
}

void census_add_pool(struct census *census, const struct pool_view *pool, const uint8_t *copy,
                     uint64_t address, uint32_t bytes, bool has_objects) {
    uint64_t offset = address - census->arena.start;
    add_to_sizes(census, pool, bytes);
    if (pool->live == 0) {
        census_add_reserve(census, offset, bytes);
        return;
    }
    add_blocks(census, pool, copy, address, has_objects);
    census->arena.pools++;
    census->arena.used += bytes;
    census->arena.live_blocks += pool->live;
    census->arena.live += (uint64_t)pool->live * pool->block_bytes;
    if (!census->knows_present) mark_present(census, offset, offset + bytes, true);
}

void census_add_free(struct census *census, uint64_t offset, uint64_t bytes) {
    census->arena.free += bytes;
    if (!census->knows_present) mark_present(census, offset, offset + bytes, true);
}

void census_add_reserve(struct census *census, uint64_t offset, uint64_t bytes) {
    census_add_free(census, offset, bytes);
    for (uint64_t page = offset / PAGE; page < (offset + bytes) / PAGE; page++)
        if (census->is_present[page / 64] >> page % 64 & 1) census->reserve += PAGE;
}

/* All of them where it is not told. */
static uint64_t resident_of(struct census *census, uint64_t start, uint64_t bytes) {
    struct remote *remote = census->types.remote;
    uint64_t is_present[PAGES_ASKED / 64], resident = 0, first = start / PAGE;
    uint64_t pages = (start + bytes + PAGE - 1) / PAGE - first;
    for (uint64_t page = 0, count; page < pages; page += count) {
        count = pages - page < PAGES_ASKED ? pages - page : PAGES_ASKED;
        if (!remote_present(remote, (first + page) * PAGE, count, is_present)) {
            resident += pages - page;
            break;
        }
        for (uint64_t i = 0; i < (count + 63) / 64; i++)
            resident += (uint64_t)__builtin_popcountll(is_present[i]);
    }
    return resident * PAGE;
}

void census_add_reserve_apart(struct census *census, uint64_t start, uint64_t bytes) {
    uint64_t resident = resident_of(census, start, bytes);
    census->result->resident += resident;
    census->result->page_free += resident;
    census->result->reserve += resident;
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
    census->result->reserve += census->reserve;
    arena->reserve = census->reserve;
}

void census_drop_arena(struct census *census, uint64_t bytes) {
    add_pages(census, bytes);
    census->result->occupancy_count = census->first_place;
}

void census_end_arena(struct census *census, uint64_t bytes) {
    struct shoal_inspection *result = census->result;
    census->arena.bytes = bytes;
    add_pages(census, bytes);
    const struct shoal_arena_census *arena = &census->arena;
    uint64_t kept = arena->live + arena->reserve;
    stretches_close(&census->stretches, bytes, arena->live,
                    arena->resident > kept ? arena->resident - kept : 0);
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

void census_add_owned(struct census *census, uint64_t start, uint64_t bytes,
                      enum shoal_owner owner) {
    struct shoal_inspection *result = census->result;
    if (grow(&result->owned, &census->owned_room, result->owned_count, sizeof *result->owned))
        result->owned[result->owned_count++] = (struct shoal_owned){start, bytes, owner};
    else
        census->is_out_of_memory = true;
}

struct shoal_extent *census_taken(const struct census *census, size_t *count) {
    const struct shoal_inspection *result = census->result;
    size_t used = 0;
    struct shoal_extent *all =
        calloc(result->range_count + result->large_count + result->owned_count + 1, sizeof *all);
    for (size_t i = 0; all && i < result->range_count; i++) all[used++] = result->ranges[i];
    for (size_t i = 0; all && i < result->large_count; i++) all[used++] = result->large[i];
    for (size_t i = 0; all && i < result->owned_count; i++)
        all[used++] = (struct shoal_extent){result->owned[i].start, result->owned[i].bytes};
    *count = all ? extents_merge(all, used) : 0;
    return all;
}

void census_count_large(struct census *census) {
    const struct shoal_inspection *result = census->result;
    uint8_t head[BLOCK_HEAD_BYTES];
    uint64_t live = 0;
    stretches_begin(&census->stretches);
    for (size_t i = 0; i < result->large_count; i++) {
        uint64_t start = result->large[i].start, bytes = result->large[i].bytes;
        uint64_t resident = resident_of(census, start, bytes);
        bool is_mallocs = i >= census->mapped_from;
        bool has_objects = is_mallocs ? census->has_malloc_objects : census->has_large_objects;
        uint32_t before = is_mallocs ? MALLOC_HEAD_BYTES : 0;
        if (resident > bytes) resident = bytes;
        live += resident;
        size_t got =
            resident ? remote_read(census->types.remote, start + before, head, sizeof head) : 0;
        census_add_block(census, head, start + before, bytes - before, resident,
                         has_objects && got == sizeof head);
    }
    stretches_close(&census->stretches, live, live, 0);
    census->result->large_resident = live;
}

/* ---- The result ---------------------------------------------------------------------- */

bool census_finish(struct census *census) {
    struct shoal_inspection *result = census->result;
    if (census->is_out_of_memory || !stretches_finish(&census->stretches) ||
        !type_census(result, &census->types, &census->stretches.raw))
        return false;
    result->sizes = calloc(SIZES_MAX, sizeof *result->sizes);
    if (!result->sizes) return false;
    for (size_t i = 0; i < SIZES_MAX; i++)
        if (census->sizes[i].pools) result->sizes[result->size_count++] = census->sizes[i];
    return true;
}
