#include "flat_parser.h"

enum { FEW = 5 }; /* items that a new dict has room for anyway */

/* Whether an item of a tuple leads to others. */
static bool leads_on(PyObject *tuple) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);

        if (PyType_IS_GC(Py_TYPE(item)) &&
            (!PyTuple_CheckExact(item) || PyObject_GC_IsTracked(item)))
            return true;
    }
    return false;
}

/* The collector need not visit a tuple whose items lead nowhere. It would find
 * that out by itself, after visiting all the tuples of a load. */
static PyObject *untracked(PyObject *tuple, bool only_leaves) {
#ifndef Py_GIL_DISABLED
    if (only_leaves || !leads_on(tuple)) PyObject_GC_UnTrack(tuple);
#endif
    return tuple;
}

static void drop(PyObject **values, size_t count) {
    for (size_t i = 0; i < count; i++) Py_DECREF(values[i]);
}

static PyObject *make_tuple(PyObject **values, size_t count, bool only_leaves) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);

    if (tuple == NULL) {
        drop(values, count);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) PyTuple_SET_ITEM(tuple, i, values[i]);
    return count == 0 ? tuple : untracked(tuple, only_leaves);
}

static PyObject *make_list(PyObject **values, size_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);

    if (list == NULL) {
        drop(values, count);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) PyList_SET_ITEM(list, i, values[i]);
    return list;
}

static PyObject *make_dict(PyObject **values, size_t count) {
    PyObject *dict = count / 2 > FEW ? _PyDict_NewPresized((Py_ssize_t)count / 2) : PyDict_New();

    for (size_t i = 0; i + 1 < count && dict != NULL; i += 2)
        if (PyDict_SetItem(dict, values[i], values[i + 1]) < 0) Py_CLEAR(dict);
    drop(values, count);
    return dict;
}

static PyObject *make_set(PyObject **values, size_t count) {
    PyObject *set = PySet_New(NULL);

    for (size_t i = 0; i < count && set != NULL; i++)
        if (PySet_Add(set, values[i]) < 0) Py_CLEAR(set);
    drop(values, count);
    return set;
}

static PyObject *make_frozenset(PyObject **values, size_t count) {
    PyObject *set = PyFrozenSet_New(count == 0 ? NULL : values[0]);

    drop(values, count);
    return set;
}

PyObject *flat_close(enum flat_kind kind, PyObject **values, size_t count, bool only_leaves) {
    switch (kind) {
    case FLAT_TUPLE:
    case FLAT_BARE:
        return make_tuple(values, count, only_leaves);
    case FLAT_LIST:
        return make_list(values, count);
    case FLAT_FROZENSET:
        return make_frozenset(values, count);
    case FLAT_SET:
        return make_set(values, count);
    default:
        return make_dict(values, count);
    }
}
