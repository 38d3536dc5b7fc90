/* Memory for a long load, whose arenas come with all their pages. */
#ifndef SHOAL_PYTHON_PICKLE_ARENAS_H
#define SHOAL_PYTHON_PICKLE_ARENAS_H

#include <stdbool.h>

/* From here on, and until the end, arenas are whole. Called while no other code can run,
 * and the collector, whose finalizers are such code, is stopped. False: not now, and
 * there is no end. */
bool pickle_begin_arenas(void);
void pickle_end_arenas(void);

#endif
