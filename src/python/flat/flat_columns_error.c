/* What is said of a line that does not fit its columns. */
#include "flat_columns_type.h"
#include "python/common/module_state.h"

enum { SHOWN = 40 }; /* bytes of what was found */

/* Takes `expected` and `found`, of which NULL is an exception. */
static PyObject *make(flat_columns_object *self, size_t column, PyObject *expected,
                      PyObject *found) {
    PyObject *type = NULL, *error = NULL;

    if (expected != NULL && found != NULL)
        type = import_attribute("shoal.flat.flat_error", "FlatError");
    if (type != NULL)
        error = PyObject_CallFunction(type, "OKnOO", self->file_name,
                                      (unsigned long long)self->source.line, (Py_ssize_t)column,
                                      expected, found);
    Py_XDECREF(type);
    Py_XDECREF(expected);
    Py_XDECREF(found);
    return error;
}

static PyObject *expected_in(const struct flat_column *column, const char *expected) {
    PyObject *name, *text;

    if (column == NULL || column->name_size == 0) return PyUnicode_FromString(expected);
    name =
        PyUnicode_DecodeUTF8((const char *)column->name, (Py_ssize_t)column->name_size, "replace");
    if (name == NULL) return NULL;
    text = PyUnicode_FromFormat("%s (column %R)", expected, name);
    Py_DECREF(name);
    return text;
}

/* The value that begins at a byte, or the beginning of it. */
static PyObject *found_at(const unsigned char *at, const unsigned char *end) {
    const unsigned char *stop = at;
    bool quoted = at < end && (*at == '\'' || *at == '"');
    PyObject *text, *shown;

    if (at == end) return PyUnicode_FromString("the end of the line");
    while (stop < end && stop - at < SHOWN &&
           (stop == at || quoted || memchr(",:)]}#", *stop, 6) == NULL)) {
        bool closes = quoted && stop > at && *stop == *at;

        stop++;
        if (closes) break;
    }
    text = PyUnicode_DecodeUTF8((const char *)at, stop - at, "replace");
    if (text == NULL || quoted) return text;
    shown = PyObject_CallMethod(text, "rstrip", NULL);
    Py_DECREF(text);
    return shown;
}

static PyObject *too_long(flat_columns_object *self) {
    return make(self, self->source.max_line + 1,
                PyUnicode_FromFormat("a line of at most %zu bytes", self->source.max_line),
                PyUnicode_FromString("a longer one"));
}

PyObject *flat_columns_error(flat_columns_object *self, const struct flat_line *line,
                             const struct flat_cursor *cursor) {
    if (line->too_long) return too_long(self);
    return make(self, flat_column(line->start, cursor->wrong),
                expected_in(self->table.wrong, cursor->expected),
                found_at(cursor->wrong, line->end));
}
