/* Moving. Nothing here can fail: a block for which there is no room stays. */
#include <string.h>

#include "compact/plan.h"
#include "compact/quarantine.h"

/* ---- Where to ---------------------------------------------------------------------- */

static char *start_of(const struct own_mover *own, uint32_t pool) {
    return shoal_pool_start(&own->mover, &own->mover.pools[pool]);
}

/* Sources are closed, and the others open in the order of their ranks. */
static void close_sources(struct own_mover *own) {
    const struct pool_ranks *ranks = own->ranks;
    for (unsigned class = 0; class < SHOAL_MOVING_CLASSES; class++) {
        size_t count = 0, end = ranks->first[class + 1] - ranks->sources[class];
        if (ranks->sources[class] == 0) continue;
        for (size_t i = ranks->first[class]; i < end; i++)
            own->starts[count++] = start_of(own, ranks->pools[i]);
        shoal_moving_order(class, own->starts, count);
    }
}

/* ---- What ---------------------------------------------------------------------------- */

enum { GRANULE = 16 };

/* False for what lies further from the first page than shoal_moved_to can say. */
static bool note_moved(const struct shoal_mover *mover, struct shoal_note *note, const char *to) {
    uintptr_t granules = ((uintptr_t)to - mover->pages) / GRANULE;
    if (granules >= UINT32_MAX) return false;
    note->forward = (uint32_t)granules + 1;
    return true;
}

static void move_block(struct shoal_mover *mover, const struct block_walk *walk) {
    size_t bytes = walk->pool->block_bytes;
    char *to = shoal_moving_take(walk->pool->size_class);
    if (!to) return;
    if (!note_moved(mover, walk->note, to)) {
        shoal_moving_give(to);
        return;
    }
    memcpy(to, walk->start, bytes);
    walk->pool->is_left = true;
    walk->pool->movable--;
    mover->moved_bytes += bytes;
    if (walk->note->marks & SHOAL_IS_OBJECT) {
        mover->moved_objects++;
        mover->client.moved(mover->client.context, to + shoal_offset(walk->note));
    } else {
        mover->moved_tables++;
    }
}

static void move_pool(struct shoal_mover *mover, struct shoal_mover_pool *pool) {
    struct block_walk walk = walk_pool(mover, pool);
    while (walk_next(&walk))
        if (walk.note->marks & SHOAL_MOVES) move_block(mover, &walk);
}

static void move_blocks(struct shoal_mover *mover) {
    for (uint32_t i = 0; i < mover->pool_count; i++)
        if (mover->is_stress || mover->pools[i].is_source) move_pool(mover, &mover->pools[i]);
}

/* ---- Words ----------------------------------------------------------------------------- */

/* Whether a word in a block that is not laid out is one of the references its holder told
 * of. */
static bool is_told(const struct shoal_mover *mover, uintptr_t word, struct shoal_found *found) {
    return shoal_find(mover, word, found) && (found->note->marks & SHOAL_IS_TOLD) &&
           word == (uintptr_t)found->start + shoal_offset(found->note);
}

static void rewrite_told(struct shoal_mover *mover) {
    if (mover->told == 0) return;
    for_each_block(mover, walk) {
        if (walk.note->marks & (SHOAL_IS_LAID_OUT | SHOAL_IS_TABLE)) continue;
        shoal_word *word = (shoal_word *)walk.start;
        shoal_word *end = word + walk.pool->block_bytes / sizeof *word;
        for (; word < end; word++) {
            struct shoal_found found;
            if (*word - mover->pages < mover->page_bytes && is_told(mover, *word, &found))
                shoal_rewrite(mover, word);
        }
    }
}

/* Words in live blocks, where they are now, into blocks that moved away: none, or the counting
 * is wrong. */
static void count_stale(struct shoal_mover *mover) {
    for_each_block(mover, walk) {
        const char *now = shoal_moved_to(mover, walk.note);
        if (!now) now = walk.start;
        const char *word = now;
        const char *end = now + used_bytes(walk.note, walk.pool->block_bytes);
        struct shoal_found found;
        for (; word < end; word += sizeof(shoal_word))
            if (shoal_find(mover, *(const shoal_word *)word, &found) &&
                shoal_moved_to(mover, found.note))
                mover->stale_words++;
    }
}

/* ---- Old blocks ------------------------------------------------------------------------- */

static void give_blocks(struct shoal_mover *mover, struct shoal_mover_pool *pool) {
    struct block_walk walk = walk_pool(mover, pool);
    while (walk_next(&walk)) {
        if (!shoal_moved_to(mover, walk.note)) continue;
        if (mover->is_stress)
            quarantine_add(walk.start, pool->block_bytes);
        else
            shoal_moving_give(walk.start);
    }
}

/* Whether the pool has been closed with the sources of its class: those that are shared are
 * not to be filled either. */
static bool is_closed(const struct own_mover *own, const struct shoal_mover_pool *pool) {
    if (own->mover.is_stress || own->ranks->sources[pool->size_class] == 0) return false;
    return pool->is_source ||
           (pool->is_shared && !pool->is_current && pool->live_blocks < pool->blocks);
}

/* A source that all blocks have left goes at once, and untouched. */
static void give_old(struct own_mover *own) {
    struct shoal_mover *mover = &own->mover;
    for (uint32_t i = 0; i < mover->pool_count; i++) {
        struct shoal_mover_pool *pool = &mover->pools[i];
        char *start = shoal_pool_start(mover, pool);
        if (pool->is_source && pool->movable == 0) {
            shoal_moving_give_pool(start);
            continue;
        }
        if (is_closed(own, pool)) shoal_moving_open(start);
        if (pool->is_left) give_blocks(mover, pool);
    }
}

void shoal_mover_move(struct shoal_mover *mover) {
    struct own_mover *own = own_mover_of(mover);
    if (!own_lock(own)) return;
    if (!mover->is_stress) close_sources(own);
    move_blocks(mover);
    shoal_mover_spent(mover, SHOAL_PHASE_MOVE);
    mover->client.rewrite(mover->client.context);
    rewrite_told(mover);
    shoal_mover_spent(mover, SHOAL_PHASE_REWRITE);
    if (mover->is_stress) count_stale(mover);
    give_old(own);
    own_unlock(own);
    shoal_mover_spent(mover, SHOAL_PHASE_FREE);
}
