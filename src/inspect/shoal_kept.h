/* Mappings that Shoal keeps for the next request. */
#ifndef SHOAL_INSPECT_SHOAL_KEPT_H
#define SHOAL_INSPECT_SHOAL_KEPT_H

#include "inspect/census.h"
#include "inspect/maps.h"
#include "shoal/beacon.h"

/* Counts them, after all else of the heap: a pair {start, bytes} in the heap's data is one
 * when it lies in anonymous memory that nothing counted so far has. False when there is no
 * memory. */
bool shoal_kept_count(struct census *census, struct remote *remote, const struct maps *maps,
                      const struct shoal_beacon *beacon);

#endif
