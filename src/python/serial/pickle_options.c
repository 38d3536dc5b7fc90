#include "pickle_options.h"

int pickle_collect(PyObject *const *args, Py_ssize_t nargs, PyObject *names, PyObject **tuple,
                   PyObject **keywords) {
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);

    *tuple = PyTuple_New(nargs);
    *keywords = PyDict_New();
    if (*tuple != NULL && *keywords != NULL) {
        for (Py_ssize_t i = 0; i < nargs; i++) PyTuple_SET_ITEM(*tuple, i, Py_NewRef(args[i]));
        while (named > 0 && PyDict_SetItem(*keywords, PyTuple_GET_ITEM(names, named - 1),
                                           args[nargs + named - 1]) == 0)
            named--;
        if (named == 0) return 0;
    }
    Py_CLEAR(*tuple);
    Py_CLEAR(*keywords);
    return -1;
}

bool pickle_is_path(const struct pickle_state *state, PyObject *object) {
    PyObject *method = NULL;
    PyObject *type, *value, *traceback;
    bool is_path = PyUnicode_Check(object);

    if (is_path) return true;
    PyErr_Fetch(&type, &value, &traceback);
    is_path =
        pickle_find_attribute((PyObject *)Py_TYPE(object), state->names.dunder_fspath, &method) > 0;
    Py_XDECREF(method);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return is_path;
}
