#include "compact/snapshot.h"

#include <string.h>

#include "base/os_threads.h"
#include "compact/elsewhere.h"
#include "compact/own_memory.h"
#include "compact/quarantine.h"

/* ---- Blocks --------------------------------------------------------------------- */

static uint32_t inverse_of(uint32_t bytes) {
    return (uint32_t)((UINT64_C(0x100000000) + bytes - 1) / bytes);
}

/* The live blocks before each word of the map but the first; returns how many there are. */
static uint16_t count_before(struct shoal_mover_pool *pool) {
    uint32_t count = 0;
    for (int i = 0; i < SHOAL_MOVING_WORDS; i++) {
        if (i > 0) pool->before[i - 1] = (uint8_t)count;
        count += shoal_count_bits(pool->live[i]);
    }
    return (uint16_t)count;
}
_Static_assert((SHOAL_MOVING_WORDS - 1) * 64 <= UINT8_MAX, "before[] has room");

static void add_pool(void *context, const struct shoal_moving_pool *found) {
    struct shoal_mover *mover = context;
    struct shoal_mover_pool *pool = &mover->pools[mover->pool_count++];
    *pool = (struct shoal_mover_pool){
        .page = (uint32_t)(((uintptr_t)found->start - mover->pages) / SHOAL_MOVING_PAGE),
        .first_note = mover->note_count,
        .inverse = inverse_of(found->block_bytes),
        .block_bytes = found->block_bytes,
        .first = found->first,
        .blocks = found->blocks,
        .pages = (uint8_t)found->pages,
        .size_class = found->size_class,
        .is_current = found->is_current,
    };
    memcpy(pool->live, found->live, sizeof pool->live);
    pool->live_blocks = count_before(pool);
    mover->note_count += pool->live_blocks;
    mover->live_bytes += (size_t)pool->live_blocks * pool->block_bytes;
    for (size_t i = 0; i < found->pages; i++)
        mover->pool_of_page[pool->page + i] = mover->pool_count;
}

static bool find_larges(struct own_mover *own) {
    own->large_count = shoal_moving_larges(NULL, 0);
    own->larges = own_take(own, own->large_count * sizeof *own->larges);
    if (own->larges) shoal_moving_larges(own->larges, own->large_count);
    return own->larges != NULL;
}

static bool find_blocks(struct own_mover *own) {
    struct shoal_mover *mover = &own->mover;
    size_t count = shoal_moving_pool_count();
    mover->pool_of_page = own_take(own, own->place.page_count * sizeof *mover->pool_of_page);
    mover->pools = own_take(own, count * sizeof *mover->pools);
    if (!mover->pools || !mover->pool_of_page) return false;
    shoal_moving_pools(add_pool, mover);
    mover->notes = own_take(own, mover->note_count * sizeof *mover->notes);
    return mover->notes && find_larges(own);
}

void shoal_mover_skip_large(struct shoal_mover *mover, const void *start) {
    const struct own_mover *own = own_mover_of(mover);
    size_t low = 0, high = own->large_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (own->larges[middle].start < (const char *)start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == own->large_count || own->larges[low].start != start) return;
    size_t page = ((uintptr_t)start - mover->pages) / SHOAL_MOVING_PAGE;
    size_t pages = own->larges[low].bytes / SHOAL_MOVING_PAGE;
    for (size_t i = 0; i < pages; i++) mover->pool_of_page[page + i] = SHOAL_LARGE_TABLE;
}

void shoal_mover_each(struct shoal_mover *mover, enum shoal_mark mark,
                      void (*act)(void *context, void *object), void *context) {
    for_each_block(mover, walk) if (walk.note->marks & mark)
        act(context, walk.start + shoal_offset(walk.note));
}

/* ---- The mover --------------------------------------------------------------------- */

static enum shoal_mover_state state_of(enum shoal_moving_state state) {
    switch (state) {
    case SHOAL_MOVING_BEGUN:
        return SHOAL_MOVER_MADE;
    case SHOAL_MOVING_NO_BLOCKS:
        return SHOAL_MOVER_NO_BLOCKS;
    case SHOAL_MOVING_SCATTERED:
        return SHOAL_MOVER_SCATTERED;
    default:
        return SHOAL_MOVER_NOT_ALLOWED;
    }
}

/* With the heap's locks held. */
static enum shoal_mover_state fill(struct own_mover *own) {
    own->mover.pages = (uintptr_t)own->place.pages;
    own->mover.page_bytes = own->place.page_count * SHOAL_MOVING_PAGE;
    if (!elsewhere_is_readable()) return SHOAL_MOVER_NO_PROC;
    if (!find_blocks(own)) return SHOAL_MOVER_NO_MEMORY;
    own->mover.has_threads = elsewhere_has_threads();
    return elsewhere_find_shared(own) ? SHOAL_MOVER_MADE : SHOAL_MOVER_NO_PROC;
}

static struct own_mover *blank(const struct shoal_mover_client *client, bool is_stress) {
    struct own_mover *own = os_map(sizeof *own);
    if (!own) return NULL;
    own->mover.client = *client;
    own->mover.is_stress = is_stress;
    own->mappings[own->mapping_count++] = (struct os_range){own, sizeof *own};
    own->clock = os_thread_nanoseconds();
    return own;
}

static void forget(struct own_mover *own) {
    while (own->mapping_count > 1) { /* the first is this structure's */
        struct os_range *mapping = &own->mappings[--own->mapping_count];
        os_unmap(mapping->start, mapping->bytes);
    }
    os_unmap(own, sizeof *own);
}

enum shoal_mover_state shoal_mover_new(struct shoal_mover **mover,
                                       const struct shoal_mover_client *client, bool is_stress) {
    *mover = NULL;
    struct own_mover *own = blank(client, is_stress);
    if (!own) return SHOAL_MOVER_NO_MEMORY;
    enum shoal_mover_state state = state_of(shoal_moving_begin(&own->place));
    if (state == SHOAL_MOVER_MADE) {
        quarantine_empty();
        state = fill(own);
        shoal_moving_end();
    }
    if (state == SHOAL_MOVER_MADE) {
        *mover = &own->mover;
        shoal_mover_spent(*mover, SHOAL_PHASE_SNAPSHOT);
    } else {
        forget(own);
    }
    return state;
}

void shoal_mover_delete(struct shoal_mover *mover) {
    own_unlock(own_mover_of(mover));
    forget(own_mover_of(mover));
}

void shoal_mover_spent(struct shoal_mover *mover, enum shoal_phase phase) {
    struct own_mover *own = own_mover_of(mover);
    uint64_t now = os_thread_nanoseconds();
    mover->seconds[phase] += (double)(now - own->clock) / 1e9;
    own->clock = now;
}
