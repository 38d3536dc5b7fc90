#include "flat_state.h"

#include <math.h>

int flat_state_fill(struct flat_state *state) {
    PyObject *io = PyImport_ImportModule("_io");
    const struct {
        PyObject **place;
        const char *name;
    } needs[] = {
        {&state->buffered_reader, "BufferedReader"},
        {&state->buffered_writer, "BufferedWriter"},
        {&state->buffered_random, "BufferedRandom"},
        {&state->bytes_io, "BytesIO"},
        {&state->file_io, "FileIO"},
        {&state->text_base, "_TextIOBase"},
    };

    if (io == NULL) return -1;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        *needs[i].place = PyObject_GetAttrString(io, needs[i].name);
        if (*needs[i].place == NULL) break;
    }
    Py_DECREF(io);
    return PyErr_Occurred() ? -1 : 0;
}

/* The state is objects from beginning to end. */
_Static_assert(sizeof(struct flat_state) % sizeof(PyObject *) == 0, "only objects");

int flat_state_visit(struct flat_state *state, visitproc visit, void *arg) {
    PyObject **objects = (PyObject **)state;

    for (size_t i = 0; i < sizeof *state / sizeof *objects; i++) Py_VISIT(objects[i]);
    return 0;
}

void flat_state_clear(struct flat_state *state) {
    PyObject **objects = (PyObject **)state;

    for (size_t i = 0; i < sizeof *state / sizeof *objects; i++) Py_CLEAR(objects[i]);
}

int flat_bounds_check(const struct flat_bounds *bounds) {
    const struct {
        const char *name;
        Py_ssize_t value, least, most;
    } all[] = {
        {"max_depth", bounds->max_depth, 1, FLAT_DEEPEST},
        {"max_line", bounds->max_line, 1, PY_SSIZE_T_MAX / 4},
        {"max_digits", bounds->max_digits, FLAT_LEAST_DIGITS, PY_SSIZE_T_MAX / 4},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].value >= all[i].least && all[i].value <= all[i].most) continue;
        PyErr_Format(PyExc_ValueError, "%s must be from %zd to %zd, not %zd", all[i].name,
                     all[i].least, all[i].most, all[i].value);
        return -1;
    }
    return 0;
}

/* Whether the raw file is C's own, and its methods are not replaced on it. */
static bool is_plain_raw(const struct flat_state *state, PyObject *raw) {
    static const char *const methods[] = {"write", "readinto"};
    bool plain = (PyObject *)Py_TYPE(raw) == state->file_io;

    for (int i = 0; i < 2 && plain; i++) {
        PyObject *method = PyObject_GetAttrString(raw, methods[i]);

        plain = method != NULL && PyCFunction_Check(method);
        Py_XDECREF(method);
    }
    return plain;
}

bool flat_is_plain_file(const struct flat_state *state, PyObject *method) {
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

int flat_refuse_text(const struct flat_state *state, PyObject *file) {
    int is_text = PyObject_IsInstance(file, state->text_base);

    if (is_text > 0)
        PyErr_SetString(PyExc_TypeError, "the file must be binary: open it with 'b' in its mode");
    return is_text == 0 ? 0 : -1;
}

bool flat_is_only_thread(void) {
    PyThreadState *first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());

    return PyThreadState_Next(first) == NULL;
}

int flat_tell_progress(PyObject *progress, uint64_t bytes, double part) {
    PyObject *answer;

    if (progress == NULL) return 0;
    if (isnan(part))
        answer = PyObject_CallFunction(progress, "KO", (unsigned long long)bytes, Py_None);
    else
        answer = PyObject_CallFunction(progress, "Kd", (unsigned long long)bytes, part);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}
