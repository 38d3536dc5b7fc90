/* What is newer than the oldest CPython that the extension modules are built for, under
 * its own name: code is written for the newest one, and reads as if there were no other.
 *
 * A header for all modules, in the place of Python.h. What only one of them needs is in
 * its own. */
#ifndef SHOAL_PYTHON_COMPAT_H
#define SHOAL_PYTHON_COMPAT_H

#if defined(_FEATURES_H) && !defined(Py_PYTHON_H)
#error "Python.h says which functions the system's headers have: it comes before them"
#endif

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

/* ---- Before 3.12 ----------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030c0000
static inline PyObject *PyErr_GetRaisedException(void) {
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    if (type == NULL) return NULL;
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace != NULL) PyException_SetTraceback(error, trace);
    Py_DECREF(type);
    Py_XDECREF(trace);
    return error;
}

static inline void PyErr_SetRaisedException(PyObject *error) {
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(error)), error, PyException_GetTraceback(error));
}
#endif

#endif
