/* Whose live blocks keep pages, or arenas, from going back to the system. */
#ifndef SHOAL_PYTHON_PINNING_H
#define SHOAL_PYTHON_PINNING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* A list of (sites, held, live): what exactly these sites' blocks keep together.
 * NULL and an exception when there is no memory. `is_pymalloc`: of the
 * interpreter's own allocator rather than of Shoal. Holds the interpreter lock. */
PyObject *pinning_list(int is_pymalloc);

#endif
