#include "pickle_hook.h"

#include <stdbool.h>

static bool is_hook(PyObject *name, const char *hook) {
    return PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, hook) == 0;
}

PyObject *pickle_hook_get(PyObject *object, PyObject *name, const char *hook, PyObject *own) {
    if (own != NULL && is_hook(name, hook)) return Py_NewRef(own);
    return PyObject_GenericGetAttr(object, name);
}

int pickle_hook_set(PyObject *object, PyObject *name, PyObject *value, const char *hook,
                    PyObject **own) {
    if (!is_hook(name, hook)) return PyObject_GenericSetAttr(object, name, value);
    if (value == NULL && *own == NULL) {
        PyErr_SetString(PyExc_AttributeError, hook);
        return -1;
    }
    if (value != NULL && !PyCallable_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be a callable taking one argument", hook);
        return -1;
    }
    Py_XSETREF(*own, Py_XNewRef(value));
    return 0;
}
