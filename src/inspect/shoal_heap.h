/* Shoal's own heap in another process, by its beacon. */
#ifndef SHOAL_INSPECT_SHOAL_HEAP_H
#define SHOAL_INSPECT_SHOAL_HEAP_H

#include "inspect/census.h"
#include "shoal/beacon.h"

/* Counts all that is in its arenas and its large blocks. `has_python`: the process is
 * a Python; whether its objects are in this heap is told in `serves_objects`. False
 * when there is no memory. */
bool shoal_heap_count(struct census *census, struct remote *remote,
                      const struct shoal_beacon *beacon, bool has_python, bool *serves_objects);

#endif
