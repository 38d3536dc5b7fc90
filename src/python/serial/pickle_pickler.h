/* The object behind the type Pickler. */
#ifndef SHOAL_PYTHON_PICKLE_PICKLER_H
#define SHOAL_PYTHON_PICKLE_PICKLER_H

#include "pickle_writer.h"

struct pickler {
    PyObject_HEAD struct pickle_writer writer;
    PyObject *persistent_id; /* as set on the instance, or NULL */
    PyObject *dispatch_table;
    PyObject *weak_references;
};

/* The attribute `memo`: a view of the writer's memo, or its new content. */
PyObject *pickler_get_memo(PyObject *self, void *closure);
int pickler_set_memo(PyObject *self, PyObject *value, void *closure);

#endif
