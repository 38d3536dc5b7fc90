#include "python/common/plain_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "python/common/module_state.h"

int io_types_fill(struct io_types *types) {
    const struct {
        PyObject **place;
        const char *name;
    } needs[] = {
        {&types->buffered_reader, "BufferedReader"},
        {&types->buffered_writer, "BufferedWriter"},
        {&types->buffered_random, "BufferedRandom"},
        {&types->bytes_io, "BytesIO"},
        {&types->file_io, "FileIO"},
    };

    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        *needs[i].place = import_attribute("_io", needs[i].name);
        if (*needs[i].place == NULL) return -1;
    }
    return 0;
}

/* Whether the raw file is C's own, and its methods are not replaced on it. */
static bool is_plain_raw(const struct io_types *types, PyObject *raw) {
    static const char *const methods[] = {"write", "readinto"};
    bool plain = (PyObject *)Py_TYPE(raw) == types->file_io;

    for (int i = 0; i < 2 && plain; i++) {
        PyObject *method = PyObject_GetAttrString(raw, methods[i]);

        plain = method != NULL && PyCFunction_Check(method);
        Py_XDECREF(method);
    }
    return plain;
}

bool is_plain_file(const struct io_types *types, PyObject *method) {
    PyObject *file, *type, *raw;
    bool plain;

    if (!PyCFunction_Check(method)) return false;
    file = PyCFunction_GET_SELF(method);
    if (file == NULL) return false;
    type = (PyObject *)Py_TYPE(file);
    if (type == types->bytes_io || type == types->file_io) return true;
    if (type != types->buffered_writer && type != types->buffered_random &&
        type != types->buffered_reader)
        return false;
    raw = PyObject_GetAttrString(file, "raw");
    plain = raw != NULL && is_plain_raw(types, raw);
    PyErr_Clear();
    Py_XDECREF(raw);
    return plain;
}

uint64_t plain_file_left(PyObject *method) {
    int descriptor = PyObject_AsFileDescriptor(PyCFunction_GET_SELF(method));
    struct stat facts;
    off_t at;

    if (descriptor < 0) { /* memory has none */
        PyErr_Clear();
        return 0;
    }
    if (fstat(descriptor, &facts) < 0 || !S_ISREG(facts.st_mode)) return 0;
    at = lseek(descriptor, 0, SEEK_CUR);
    return at >= 0 && at < facts.st_size ? (uint64_t)(facts.st_size - at) : 0;
}

bool is_only_thread(void) {
    PyThreadState *first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());

    return PyThreadState_Next(first) == NULL;
}
