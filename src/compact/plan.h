/* Which pools to empty, and in which order to fill the others. */
#ifndef SHOAL_COMPACT_PLAN_H
#define SHOAL_COMPACT_PLAN_H

#include "compact/snapshot.h"

/* Pools that have free blocks or might be emptied, but no current ones, by size class. Of a
 * class in the order in which they are to be filled: first those that keep blocks anyway,
 * the fullest first, then those whose every block may move, likewise. The last `sources` of
 * them are to be emptied. */
struct pool_ranks {
    uint32_t *pools;                           /* indices in mover->pools            */
    size_t first[SHOAL_MOVING_CLASSES + 1];    /* of a class in `pools`              */
    size_t sources[SHOAL_MOVING_CLASSES];
};

#endif
