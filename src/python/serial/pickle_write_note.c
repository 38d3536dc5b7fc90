/* What is said when something cannot be pickled: in the words of CPython 3.14, on every
 * version. Nothing here is called but on the way out. */
#include "pickle_writer.h"

static bool is_left_out(PyObject *module) {
    return PyUnicode_CompareWithASCIIString(module, "builtins") == 0 ||
           PyUnicode_CompareWithASCIIString(module, "__main__") == 0;
}

/* As "collections.OrderedDict" or "list". */
static PyObject *name_of_type(PyTypeObject *type) {
    PyObject *name = PyType_GetQualName(type), *module;

    if (name == NULL) return NULL;
    module = PyObject_GetAttrString((PyObject *)type, "__module__");
    if (module != NULL && PyUnicode_Check(module) && !is_left_out(module))
        Py_SETREF(name, PyUnicode_FromFormat("%U.%U", module, name));
    Py_XDECREF(module);
    return name;
}

int pickle_refuse(struct pickle_writer *writer, const char *message) {
    PyErr_SetString(writer->state->pickling_error, message);
    return -1;
}

int pickle_refuse_type(struct pickle_writer *writer, const char *format, PyObject *object) {
    PyObject *name = name_of_type(Py_TYPE(object));

    if (name != NULL) PyErr_Format(writer->state->pickling_error, format, name);
    Py_XDECREF(name);
    return -1;
}

int pickle_refuse_because(struct pickle_writer *writer, const char *format, ...) {
    PyObject *reason = PyErr_GetRaisedException(), *error;
    va_list arguments;

    va_start(arguments, format);
    PyErr_FormatV(writer->state->pickling_error, format, arguments);
    va_end(arguments);
    error = PyErr_GetRaisedException();
    PyException_SetContext(error, reason); /* takes its reference */
    PyErr_SetRaisedException(error);
    return -1;
}

int pickle_note(PyObject *object, const char *what, ...) {
    PyObject *error = PyErr_GetRaisedException(), *type, *part, *note = NULL, *done = NULL;
    va_list arguments;

    va_start(arguments, what);
    part = PyUnicode_FromFormatV(what, arguments);
    va_end(arguments);
    type = name_of_type(Py_TYPE(object));
    if (part != NULL && type != NULL)
        note = PyUnicode_FromFormat("when serializing %U %U", type, part);
    if (note != NULL) done = PyObject_CallMethod(error, "add_note", "O", note);
    Py_XDECREF(part);
    Py_XDECREF(type);
    Py_XDECREF(note);
    Py_XDECREF(done);
    PyErr_SetRaisedException(error); /* in the place of what went wrong here, if anything */
    return -1;
}
