/* What is told of a line that is no record. */
#include "flat_parser.h"
#include "python/common/module_state.h"

enum { SHOWN = 16 }; /* characters */

/* shoal.flat.flat_error.FlatError; a borrowed reference. */
static PyObject *error_class(struct flat_state *state) {
    if (state->error == NULL) state->error = import_attribute("shoal.flat.flat_error", "FlatError");
    return state->error;
}

/* The characters that are there, as repr shows them, or the byte that is none. */
static PyObject *what_is_there(const unsigned char *at, const unsigned char *end) {
    const char *text = (const char *)at;
    Py_ssize_t size = end - at < 4 * SHOWN ? end - at : 4 * SHOWN, used = 0;
    PyObject *shown, *part, *result = NULL;

    if (size == 0) return PyUnicode_FromString("the end of the line");
    shown = PyUnicode_DecodeUTF8Stateful(text, size, "replace", &used);
    if (shown == NULL) return NULL;
    if (PyUnicode_GET_LENGTH(shown) == 0 ||
        (PyUnicode_READ_CHAR(shown, 0) == 0xfffd && *at != 0xef)) {
        Py_DECREF(shown);
        return PyUnicode_FromFormat("byte 0x%02x", *at);
    }
    part = PyUnicode_Substring(shown, 0, SHOWN);
    if (part != NULL) result = PyUnicode_FromFormat("%R", part);
    if (result != NULL && (PyUnicode_GET_LENGTH(shown) > SHOWN || size < end - at))
        Py_SETREF(result, PyUnicode_FromFormat("%U...", result));
    Py_XDECREF(part);
    Py_DECREF(shown);
    return result;
}

PyObject *flat_error_new(struct flat_state *state, const struct flat_parser *parser, PyObject *name,
                         const struct flat_line *line, uint64_t number) {
    const struct flat_cursor *cursor = &parser->cursor;
    PyObject *type = error_class(state), *found, *expected, *error = NULL;
    size_t column = flat_column(line->start, cursor->wrong);

    if (type == NULL) return NULL;
    if (line->too_long)
        found = PyUnicode_FromString("a longer one");
    else
        found = what_is_there(cursor->wrong, line->end);
    expected = PyUnicode_FromString(cursor->expected);
    if (found != NULL && expected != NULL)
        error = PyObject_CallFunction(type, "OKKOO", name, (unsigned long long)number,
                                      (unsigned long long)column, expected, found);
    Py_XDECREF(found);
    Py_XDECREF(expected);
    return error;
}
