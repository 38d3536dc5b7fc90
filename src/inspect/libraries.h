/* Which library mapped some memory: the one whose data lead there. */
#ifndef SHOAL_INSPECT_LIBRARIES_H
#define SHOAL_INSPECT_LIBRARIES_H

#include "inspect/maps.h"
#include "inspect/remote.h"
#include "shoal/inspect.h"

/* `names` for each of the ranges, "" where none is known; `zeroed`: libraries' data that no
 * file has. False when there is no memory. */
bool libraries_find(struct remote *remote, const struct maps *maps,
                    const struct shoal_extent *ranges, size_t count,
                    const struct shoal_extent *zeroed, size_t zeroed_count,
                    char (*names)[SHOAL_LIBRARY_ROOM]);

#endif
