/* shoal._flat.Columns: records read into columns, batch after batch. */
#ifndef SHOAL_PYTHON_FLAT_COLUMNS_TYPE_H
#define SHOAL_PYTHON_FLAT_COLUMNS_TYPE_H

#include "flat_source.h"
#include "flat_state.h"
#include "shoal/flat_columns.h"

/* What the pointers of a column point into; each is ours. */
struct flat_held {
    PyObject *name, *fill;                 /* bytes, or NULL */
    PyObject *values, *ends, *text, *valid; /* bytearrays */
};

typedef struct {
    PyObject_HEAD struct flat_source source;
    bool is_open;
    uint64_t size; /* of the source, in bytes; 0: not known */
    struct flat_line pending; /* the first record, looked at and not yet read */
    bool has_pending;
    PyObject *file_name; /* for errors; str or None */
    PyObject *keys;      /* list of bytes: those of the first record */
    PyObject *list;      /* of errors */
    PyObject *progress;  /* NULL: none */
    enum flat_errors errors;
    struct flat_columns table;
    struct flat_held *held; /* `table.count` of them */
    struct flat_column *before; /* the columns before a line; NULL: one that fails is the last */
    bool running; /* in a method: code that it calls must not use this */
} flat_columns_object;

/* Fills `table` and `held` from a list of (name, kind, width, signed, nullable, padded,
 * fill). -1 and an exception: it is wrong. */
int flat_columns_define(flat_columns_object *self, PyObject *list);
void flat_columns_drop(flat_columns_object *self);

/* The FlatError for a line, which the cursor failed in if it is not too long. NULL: an
 * exception. */
PyObject *flat_columns_error(flat_columns_object *self, const struct flat_line *line,
                             const struct flat_cursor *cursor);

/* flat_columns_read.c: methods */
PyObject *flat_columns_first(PyObject *object, PyObject *args);
PyObject *flat_columns_read(PyObject *object, PyObject *args);

/* Adds the type and move_records() to the module. */
int flat_columns_add(PyObject *module);

/* move_records(records, rows, from_stride, to_stride, fields): a function of the module. */
PyObject *flat_move_records(PyObject *module, PyObject *args);
PyObject *flat_columns_spread(flat_columns_object *self, PyObject *args);

#endif
