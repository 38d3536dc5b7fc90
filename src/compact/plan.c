#include "compact/plan.h"

#include <string.h>

#include "compact/own_memory.h"
#include "compact/quarantine.h"

/* ---- Ranks ------------------------------------------------------------------------ */

enum {
    LIVE_MOST = SHOAL_MOVING_WORDS * 64,
    RANKS_A_CLASS = 2 * (LIVE_MOST + 1),
    RANKS = SHOAL_MOVING_CLASSES * RANKS_A_CLASS,
};

static bool is_emptiable(const struct shoal_mover_pool *pool) {
    return pool->movable == pool->live_blocks;
}

/* A pool in which nothing is written needs none: full, or another process's too. */
static bool has_rank(const struct shoal_mover_pool *pool) {
    return !pool->is_current && !pool->is_shared && pool->live_blocks < pool->blocks;
}

static size_t rank_of(const struct shoal_mover_pool *pool) {
    size_t fullest_first = (size_t)(LIVE_MOST - pool->live_blocks);
    size_t group = is_emptiable(pool) ? LIVE_MOST + 1 : 0;
    return pool->size_class * (size_t)RANKS_A_CLASS + group + fullest_first;
}

/* A counting sort. `starts`: RANKS + 1 numbers, all zero. */
static void sort_by_rank(const struct shoal_mover *mover, struct pool_ranks *ranks,
                         uint32_t *starts) {
    for (uint32_t i = 0; i < mover->pool_count; i++)
        if (has_rank(&mover->pools[i])) starts[rank_of(&mover->pools[i]) + 1]++;
    for (size_t rank = 0; rank < RANKS; rank++) starts[rank + 1] += starts[rank];
    for (size_t class = 0; class <= SHOAL_MOVING_CLASSES; class++)
        ranks->first[class] = starts[class * RANKS_A_CLASS];
    for (uint32_t i = 0; i < mover->pool_count; i++)
        if (has_rank(&mover->pools[i])) ranks->pools[starts[rank_of(&mover->pools[i])]++] = i;
}

/* ---- Sources ---------------------------------------------------------------------- */

static size_t free_blocks(const struct shoal_mover_pool *pool) {
    return (size_t)(pool->blocks - pool->live_blocks);
}

static void mark_source(struct shoal_mover *mover, struct shoal_mover_pool *pool) {
    pool->is_source = true;
    mover->sources++;
    mover->source_bytes += (size_t)pool->pages * SHOAL_MOVING_PAGE;
}

/* From the sparsest on, as long as the others have room for what is in them. The current
 * pool's room is left out: what is freed and taken before the move may be its. */
static size_t choose_of_class(struct shoal_mover *mover, const uint32_t *ranked, size_t count) {
    size_t room = 0, need = 0, sources = 0;
    for (size_t i = 0; i < count; i++) room += free_blocks(&mover->pools[ranked[i]]);
    while (sources < count) {
        struct shoal_mover_pool *pool = &mover->pools[ranked[count - 1 - sources]];
        if (!is_emptiable(pool) || need + pool->live_blocks > room - free_blocks(pool)) break;
        need += pool->live_blocks;
        room -= free_blocks(pool);
        mark_source(mover, pool);
        sources++;
    }
    return sources;
}

static bool choose_sources(struct own_mover *own) {
    struct shoal_mover *mover = &own->mover;
    uint32_t *starts = own_take(own, (RANKS + 1) * sizeof *starts);
    own->ranks = own_take(own, sizeof *own->ranks);
    if (!starts || !own->ranks) return false;
    own->ranks->pools = own_take(own, mover->pool_count * sizeof *own->ranks->pools);
    if (!own->ranks->pools) return false;
    sort_by_rank(mover, own->ranks, starts);
    for (size_t class = 0; class < SHOAL_MOVING_CLASSES; class++) {
        const uint32_t *ranked = own->ranks->pools + own->ranks->first[class];
        size_t count = own->ranks->first[class + 1] - own->ranks->first[class];
        own->ranks->sources[class] = choose_of_class(mover, ranked, count);
    }
    return true;
}

/* ---- The plan ----------------------------------------------------------------------- */

/* Of a source, pages that only it keeps. In stress no pool is emptied for its own sake. */
bool shoal_mover_plan(struct shoal_mover *mover) {
    struct own_mover *own = own_mover_of(mover);
    bool done = mover->is_stress ? quarantine_reserve(mover->stay_blocks[SHOAL_REASON_NONE])
                                 : choose_sources(own);
    own->starts = own_take(own, mover->pool_count * sizeof *own->starts);
    shoal_mover_spent(mover, SHOAL_PHASE_JUDGE);
    return done && own->starts;
}
