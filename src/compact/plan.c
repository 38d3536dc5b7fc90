#include "compact/plan.h"

#include "compact/own_memory.h"
#include "compact/quarantine.h"

/* ---- Regions ----------------------------------------------------------------------
 *
 * Pools that are nearly full are kept, wherever they are; of the others those in dense
 * regions. So sparse regions become free as a whole, and what the heap and the system note of
 * their pages goes too. Keeping the fullest would move some blocks fewer, and leave a pool
 * here and there. */

enum { REGION_PAGES = 512 /* 2 MiB */, DENSITIES = 64 };

struct regions {
    size_t count;
    uint32_t *order;      /* the densest first                                      */
    uint32_t *first_pool; /* of a region and, behind the last, of none              */
    uint32_t *live;       /* units of 16 bytes in live blocks                       */
};

static size_t sparseness_of(uint32_t live) {
    size_t density = (size_t)live * DENSITIES / (REGION_PAGES * SHOAL_MOVING_PAGE / 16 + 1);
    return density < DENSITIES ? DENSITIES - 1 - density : 0;
}

/* A pool may reach into the next region. */
static void survey_regions(const struct shoal_mover *mover, const struct regions *regions) {
    uint32_t next = 0;
    for (uint32_t i = 0; i < mover->pool_count; i++) {
        const struct shoal_mover_pool *pool = &mover->pools[i];
        uint32_t region = pool->page / REGION_PAGES;
        for (; next <= region; next++) regions->first_pool[next] = i;
        regions->live[region] += (uint32_t)pool->live_blocks * (pool->block_bytes / 16);
    }
    for (; next <= regions->count; next++) regions->first_pool[next] = mover->pool_count;
}

static void sort_regions(const struct regions *regions) {
    uint32_t starts[DENSITIES + 1] = {0};
    for (size_t i = 0; i < regions->count; i++) starts[sparseness_of(regions->live[i]) + 1]++;
    for (size_t i = 0; i < DENSITIES; i++) starts[i + 1] += starts[i];
    for (size_t i = 0; i < regions->count; i++)
        regions->order[starts[sparseness_of(regions->live[i])]++] = (uint32_t)i;
}

static bool order_regions(struct own_mover *own, struct regions *regions) {
    size_t bytes = (size_t)REGION_PAGES * SHOAL_MOVING_PAGE;
    regions->count = own->mover.page_bytes / bytes + 1;
    regions->order = own_take(own, (3 * regions->count + 1) * sizeof *regions->order);
    if (!regions->order) return false;
    regions->live = regions->order + regions->count;
    regions->first_pool = regions->live + regions->count;
    survey_regions(&own->mover, regions);
    sort_regions(regions);
    return true;
}

/* ---- Ranks ------------------------------------------------------------------------ */

enum {
    NEARLY_FULL = 0, /* three fourths and more */
    SPARSE = 1,
    LEVELS = 2,
    RANKS_A_CLASS = 2 * LEVELS,
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
    size_t level = pool->live_blocks * 4 >= pool->blocks * 3 ? NEARLY_FULL : SPARSE;
    size_t group = is_emptiable(pool) ? LEVELS : 0;
    return pool->size_class * (size_t)RANKS_A_CLASS + group + level;
}

/* A counting sort; of the same rank in the order of the regions. */
static void sort_by_rank(const struct shoal_mover *mover, const struct regions *regions,
                         struct pool_ranks *ranks) {
    uint32_t starts[RANKS + 1] = {0};
    for (uint32_t i = 0; i < mover->pool_count; i++)
        if (has_rank(&mover->pools[i])) starts[rank_of(&mover->pools[i]) + 1]++;
    for (size_t rank = 0; rank < RANKS; rank++) starts[rank + 1] += starts[rank];
    for (size_t class = 0; class <= SHOAL_MOVING_CLASSES; class++)
        ranks->first[class] = starts[class * RANKS_A_CLASS];
    for (size_t r = 0; r < regions->count; r++) {
        const uint32_t *first = &regions->first_pool[regions->order[r]];
        for (uint32_t i = first[0]; i < first[1]; i++)
            if (has_rank(&mover->pools[i])) ranks->pools[starts[rank_of(&mover->pools[i])]++] = i;
    }
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
    struct regions regions;
    own->ranks = own_take(own, sizeof *own->ranks);
    if (!order_regions(own, &regions) || !own->ranks) return false;
    own->ranks->pools = own_take(own, mover->pool_count * sizeof *own->ranks->pools);
    if (!own->ranks->pools) return false;
    sort_by_rank(mover, &regions, own->ranks);
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
