/* The object behind the type Unpickler. */
#ifndef SHOAL_PYTHON_PICKLE_UNPICKLER_H
#define SHOAL_PYTHON_PICKLE_UNPICKLER_H

#include "pickle_reader.h"

struct unpickler {
    PyObject_HEAD struct pickle_reader reader;
    PyObject *persistent_load; /* as set on the instance, or NULL */
    PyObject *weak_references;
};

/* The attribute `memo`: a view of the reader's memo, or its new content. */
PyObject *unpickler_get_memo(PyObject *self, void *closure);
int unpickler_set_memo(PyObject *self, PyObject *value, void *closure);

#endif
