/* The count: what is added up while pools are looked at one after the other. */
#ifndef SHOAL_INSPECT_CENSUS_H
#define SHOAL_INSPECT_CENSUS_H

#include "inspect/pool_view.h"
#include "inspect/stretches.h"
#include "inspect/type_table.h"
#include "shoal/inspect.h"

enum {
    GRANULE = 16, /* blocks begin and end at multiples of it */
    SIZES_MAX = 2049, /* of blocks in pools: multiples of 16 up to 32 KiB */
    ARENA_BYTES_MAX = 2 << 20,
    LARGE_MAX = 1 << 22, /* blocks that are listed */
    BLOCK_HEAD_BYTES = 128, /* of a block that is not in a pool, that are looked at */
};

struct census {
    struct shoal_inspection *result;
    struct type_table types;
    struct stretches stretches;
    struct shoal_size_census sizes[SIZES_MAX]; /* by block size / 16 */
    size_t arena_room, occupancy_room, range_room, large_room, owned_room;
    size_t mapped_from; /* of the large blocks, those from here on have malloc's heads */
    bool has_malloc_objects; /* blocks of libc's malloc may be objects     */
    bool has_large_objects;  /* those in no pool of Shoal's may be         */

    /* Of the arena that is being counted: */
    size_t first_place;
    struct shoal_arena_census arena;
    uint64_t is_live[ARENA_BYTES_MAX / GRANULE / 64]; /* granules that live blocks cover */
    uint64_t
        is_present[ARENA_BYTES_MAX / REMOTE_PAGE / 64]; /* its pages, but those of large blocks */
    bool knows_present; /* else those are taken to be that are or were used */
    uint64_t reserve; /* resident bytes of it that its allocator keeps for the next request */
    bool is_out_of_memory;

    /* Told of every arena before it is read; NULL: nobody is. */
    void (*read_next)(void *context, uint64_t bytes);
    void *read_next_context;
};

/* False when there is no memory. */
bool census_init(struct census *census, struct shoal_inspection *result, struct remote *remote,
                 const struct layout *layout);
void census_end(struct census *census);

/* An arena, or a part of one, begins: `bytes` from `start` on, whole pages and at most
 * ARENA_BYTES_MAX. Which of them are present is asked here, before they are read. */
void census_begin_arena(struct census *census, uint64_t start, uint64_t bytes);

/* Reads what is present of the arena, `offset` bytes into it; the rest is zero. Gives
 * how many bytes came. */
size_t census_read(struct census *census, uint64_t offset, void *buffer, size_t bytes);

/* A pool of it, of which `copy` has the memory at `address`. `has_objects`: its blocks
 * may be objects. */
void census_add_pool(struct census *census, const struct pool_view *pool, const uint8_t *copy,
                     uint64_t address, uint32_t bytes, bool has_objects);

/* `bytes` of it, `offset` bytes into it, that have no live block and were used before:
 * a pool's or a run of pages'. The second: those that the allocator keeps for the next
 * request, though it could give them back. */
void census_add_free(struct census *census, uint64_t offset, uint64_t bytes);
void census_add_reserve(struct census *census, uint64_t offset, uint64_t bytes);

/* The same of pages that are in no arena. */
void census_add_reserve_apart(struct census *census, uint64_t start, uint64_t bytes);

/* A block that is live, of which `copy` has all or the first BLOCK_HEAD_BYTES; so many
 * bytes of it are `resident`. `has_objects`: it may be an object. */
void census_add_block(struct census *census, const uint8_t *copy, uint64_t address, uint64_t bytes,
                      uint64_t resident, bool has_objects);

/* Memory that is not the objects' heap's, and whose it is. */
void census_add_owned(struct census *census, uint64_t start, uint64_t bytes,
                      enum shoal_owner owner);

/* What the arena's next `bytes` look like: of a pool, or of none. They are told in
 * places of result->pool_bytes; a rest is left out. */
void census_add_place(struct census *census, uint8_t fullness, uint64_t bytes);

/* Ends it, which has `bytes`; or forgets it but for its free pages, as it had no pool. */
void census_end_arena(struct census *census, uint64_t bytes);
void census_drop_arena(struct census *census, uint64_t bytes);

/* Addresses that are the allocator's; joined to the last ones where they meet. */
void census_add_range(struct census *census, uint64_t start, uint64_t bytes);

/* A block that is in no pool. Its pages are not the arena's, should they lie there. */
void census_add_large(struct census *census, uint64_t start, uint64_t bytes);

/* What has an owner so far, by address and without overlap: to be freed. NULL when there is
 * no memory. */
struct shoal_extent *census_taken(const struct census *census, size_t *count);

/* Looks at the large blocks: what of them is resident, and which are objects. */
void census_count_large(struct census *census);

/* Fills the result; false when there is no memory, or was none before. */
bool census_finish(struct census *census);

#endif
