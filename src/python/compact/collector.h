/* The collector's lists, and places of the interpreter's where old addresses are left. */
#ifndef SHOAL_PYTHON_COMPACT_COLLECTOR_H
#define SHOAL_PYTHON_COMPACT_COLLECTOR_H

#include "python/compact/layouts.h"

/* Calls `act` for every object that the collector of this interpreter knows. `is_frozen`: by
 * gc.freeze(). */
void collector_each(void (*act)(void *context, PyObject *object, bool is_frozen), void *context);

bool collector_is_running(void);

/* Makes the neighbours in the collector's list know where the object is now. */
void collector_relink(PyObject *moved);

/* Clears what the interpreter left behind in the unused parts of its free lists and of its
 * threads' stacks: addresses of objects that nobody uses keep others where they are. */
void collector_clear_leftovers(void);

#endif
