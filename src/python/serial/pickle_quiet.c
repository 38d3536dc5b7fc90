#include "pickle_quiet.h"

bool pickle_is_only_thread(void) {
    PyThreadState *first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());

    return PyThreadState_Next(first) == NULL;
}

/* Whether the raw file is C's own, and its methods are not replaced on it. */
static bool is_plain_raw(const struct pickle_state *state, PyObject *raw) {
    static const char *const methods[] = {"write", "readinto"};
    bool plain = (PyObject *)Py_TYPE(raw) == state->file_io;

    for (int i = 0; i < 2 && plain; i++) {
        PyObject *method = PyObject_GetAttrString(raw, methods[i]);

        plain = method != NULL && PyCFunction_Check(method);
        Py_XDECREF(method);
    }
    return plain;
}

bool pickle_is_plain_file(const struct pickle_state *state, PyObject *method) {
    PyObject *file, *type, *raw;
    bool plain;

    if (!PyCFunction_Check(method)) return false;
    file = PyCFunction_GET_SELF(method);
    if (file == NULL) return false;
    type = (PyObject *)Py_TYPE(file);
    if (type == state->bytes_io || type == state->file_io) return true;
    if (type != state->buffered_writer && type != state->buffered_random &&
        type != state->buffered_reader)
        return false;
    raw = PyObject_GetAttrString(file, "raw");
    plain = raw != NULL && is_plain_raw(state, raw);
    PyErr_Clear();
    Py_XDECREF(raw);
    return plain;
}
