/* What lies page-aligned in anonymous memory that nobody has claimed: libc's blocks with
 * mappings of their own, and the frames of Python's threads. Each begins with words of a
 * certain form. The kernel may have joined them with what lies before. */
#ifndef SHOAL_INSPECT_STRAYS_H
#define SHOAL_INSPECT_STRAYS_H

#include "inspect/maps.h"
#include "inspect/remote.h"
#include "shoal/inspect.h"

struct strays {
    struct remote *remote;
    const struct maps *maps;
    const struct shoal_extent *taken; /* by address, without overlap */
    size_t taken_count;
    bool has_frames; /* the interpreter has frames in mappings */

    /* Told of each; false: no more. */
    bool (*found)(void *context, uint64_t start, uint64_t bytes, enum shoal_owner owner);
    void *context;
};

/* False when `found` was, or there is no memory. */
bool strays_find(const struct strays *strays);

/* Puts extents in order and joins those that meet or overlap; gives how many remain. */
size_t extents_merge(struct shoal_extent *extents, size_t count);

#endif
