/* From lines to batches. */
#include "flat_columns_type.h"

#include <math.h>

#include "python/common/progress.h"

/* A line that does not fit: 0, and it is passed over, or -1 and an exception. */
static int report(flat_columns_object *self, const struct flat_line *line,
                  const struct flat_cursor *cursor) {
    PyObject *error;
    int status = -1;

    if (PyErr_Occurred()) return -1;
    if (self->table.no_memory) {
        PyErr_NoMemory();
        return -1;
    }
    if (self->errors == FLAT_SKIP) return 0;
    error = flat_columns_error(self, line, cursor);
    if (error == NULL) return -1;
    if (self->errors == FLAT_COLLECT)
        status = PyList_Append(self->list, error);
    else
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
    return status;
}

/* The next line with a record: 1, 0 at the end, -1 and an exception. */
static int next_record(flat_columns_object *self, struct flat_line *line) {
    int status;

    if (self->has_pending) {
        self->has_pending = false;
        *line = self->pending;
        return 1;
    }
    while ((status = flat_source_next(&self->source, line)) > 0) {
        if (line->too_long) {
            if (report(self, line, NULL) < 0) return -1;
            continue;
        }
        if (line->start < line->end && *line->start == '(') return 1; /* as most do */
        if (!flat_is_blank(line->start, line->end)) return 1;
    }
    return status;
}

/* ---- The first record ---------------------------------------------------- */

static bool add_key(void *user, const struct flat_string *key) {
    size_t size = (size_t)(key->body_end - key->body);
    unsigned char *room = PyMem_Malloc(size + 1);
    struct flat_cursor cursor = {key->body, key->body_end, NULL, NULL};
    struct flat_text text;
    PyObject *bytes = NULL;
    int status = -1;

    if (room == NULL) {
        PyErr_NoMemory();
        return false;
    }
    /* A wrong one is met again when the line is read, and reported then. */
    if (flat_string_measure(&cursor, key, &text))
        size = flat_string_write_utf8(key, room);
    else
        memcpy(room, key->body, size);
    bytes = PyBytes_FromStringAndSize((const char *)room, (Py_ssize_t)size);
    PyMem_Free(room);
    if (bytes != NULL) status = PyList_Append(user, bytes);
    Py_XDECREF(bytes);
    return status == 0;
}

/* Looks at lines until one is a record, which stays pending: 1, 0: none is, or -1. */
static int find_first(flat_columns_object *self, size_t *count) {
    for (;;) {
        struct flat_line *line = &self->pending;
        struct flat_cursor cursor;
        int status = next_record(self, line);

        if (status <= 0) return status;
        cursor = (struct flat_cursor){line->start, line->end, NULL, NULL};
        if (PyList_SetSlice(self->keys, 0, PY_SSIZE_T_MAX, NULL) < 0) return -1;
        if (flat_columns_shape(&cursor, &self->table.shape, count, add_key, self->keys)) return 1;
        if (report(self, line, &cursor) < 0) return -1;
    }
}

PyObject *flat_columns_first(PyObject *object, PyObject *Py_UNUSED(args)) {
    flat_columns_object *self = (flat_columns_object *)object;
    size_t count = 0;
    int status;

    if (!self->is_open || self->keys != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "first: the file was begun");
        return NULL;
    }
    self->keys = PyList_New(0);
    if (self->keys == NULL) return NULL;
    self->running = true;
    status = find_first(self, &count);
    self->running = false;
    if (status < 0) return NULL;
    self->has_pending = status == 1;
    if (status == 0) {
        self->table.shape = FLAT_SHAPE_NONE;
        count = 0;
    }
    return Py_BuildValue("inO", (int)self->table.shape, (Py_ssize_t)count, self->keys);
}

/* ---- Batches ------------------------------------------------------------- */

/* One record into the next row. 1: it is there, or the line was passed over; 0: there is
 * none; -1: an exception. */
static int read_row(flat_columns_object *self) {
    struct flat_columns *table = &self->table;
    struct flat_line line;
    struct flat_cursor cursor;
    int status = next_record(self, &line);

    if (status <= 0) return status;
    cursor = (struct flat_cursor){line.start, line.end, NULL, NULL};
    if (self->before != NULL) flat_columns_remember(table, self->before);
    if (flat_columns_line(table, &cursor)) return 1;
    if (report(self, &line, &cursor) < 0) return -1;
    flat_columns_restore(table, self->before);
    return 1;
}

static int tell(const flat_columns_object *self) {
    uint64_t position = self->source.position;
    double part = self->size > 0 ? (double)position / (double)self->size : (double)NAN;

    return tell_progress(self->progress, position, part > 1 ? 1 : part);
}

PyObject *flat_columns_read(PyObject *object, PyObject *Py_UNUSED(args)) {
    flat_columns_object *self = (flat_columns_object *)object;
    struct flat_columns *table = &self->table;
    int status = 1;

    if (self->held == NULL || !self->is_open || self->running) {
        PyErr_SetString(PyExc_RuntimeError, "read: begin() says what first, and one reads");
        return NULL;
    }
    flat_columns_restart(table);
    self->running = true;
    while (table->count > 0 && status > 0 && !flat_columns_are_full(table)) status = read_row(self);
    if (status >= 0) status = tell(self);
    self->running = false;
    return status < 0 ? NULL : PyLong_FromSize_t(table->rows);
}
