/* Whether this interpreter keeps its references where layouts.h says. */
#ifndef SHOAL_PYTHON_COMPACT_LAYOUT_PROOF_H
#define SHOAL_PYTHON_COMPACT_LAYOUT_PROOF_H

#include "python/compact/shapes.h"

/* Makes objects of every shape and compares the slots that are found in them with what their
 * types tell the collector. 0: all agree. -1 and an exception otherwise; a RuntimeError that
 * names the version and what differs, or what went wrong while they were made. */
int layout_prove(void);

/* Whether the slots found in one object are the references that its type tells of. Strings
 * are left out: dicts do not tell of those among their keys. */
bool layout_agrees(PyObject *object);

#endif
