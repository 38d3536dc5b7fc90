/* A list made of an array of C. */
#ifndef SHOAL_PYTHON_LIST_OF_H
#define SHOAL_PYTHON_LIST_OF_H

#include "python/common/compat.h"

/* Calls `make` for each of `count` items of `item_bytes`, in order, for a new reference.
 * A new list; NULL and an exception if it, or one of them, was not made. The array must
 * stay where it is meanwhile. In a header: a module that needs only this is given no
 * sources of common/. */
static inline PyObject *list_of(const void *items, size_t count, size_t item_bytes,
                                PyObject *(*make)(const void *item)) {
    PyObject *list = PyList_New((Py_ssize_t)count);

    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *item = make((const char *)items + i * item_bytes);

        if (item != NULL)
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
        else
            Py_CLEAR(list);
    }
    return list;
}

/* The same, of an array or pointer whose items are what it is declared of. */
#define LIST_OF(items, count, make) list_of(items, count, sizeof *(items), make)

#endif
