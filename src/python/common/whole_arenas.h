/* Memory for a long load, whose arenas come with all their pages.
 *
 * Half of the time that making many objects takes is the kernel's: it is called for
 * every page of 4 KiB when the first object is put on it. It gives all pages of an arena
 * at once for a fifth less. pymalloc lets its source of arenas be replaced; Shoal's heap
 * and builds without pymalloc never ask it. */
#ifndef SHOAL_PYTHON_WHOLE_ARENAS_H
#define SHOAL_PYTHON_WHOLE_ARENAS_H

#include "python/common/compat.h"

#include <stdbool.h>

enum { WHOLE_ARENAS_FROM = 1 << 20 }; /* bytes of input from which on it is worth it */

/* From here on, and until the end, arenas are whole. Called while no other code can run,
 * and the collector, whose finalizers are such code, is stopped; ended before any does.
 * False: not now, and there is no end. */
bool whole_arenas_begin(void);
void whole_arenas_end(void);

#endif
