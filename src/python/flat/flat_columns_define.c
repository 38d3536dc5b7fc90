/* The columns of a table, as Python says they are to be. */
#include "flat_columns_type.h"

enum { BATCH_BYTES = 1 << 20, LEAST_ROWS = 64, MOST_ROWS = 8192 };

/* What a fill is, if it is of a type that columns have. */
static int set_fill(struct flat_value *fill, PyObject *value) {
    if (PyBool_Check(value)) {
        *fill = (struct flat_value){.kind = FLAT_KIND_BOOL, .magnitude = value == Py_True};
    } else if (PyLong_Check(value)) {
        PyObject *zero = PyLong_FromLong(0);
        int negative = zero == NULL ? -1 : PyObject_RichCompareBool(value, zero, Py_LT);
        PyObject *size = negative < 0 ? NULL : PyNumber_Absolute(value);

        Py_XDECREF(zero);
        if (size == NULL) return -1;
        fill->kind = FLAT_KIND_INT;
        fill->negative = negative != 0;
        fill->magnitude = PyLong_AsUnsignedLongLong(size);
        Py_DECREF(size);
    } else if (PyFloat_Check(value)) {
        *fill = (struct flat_value){.kind = FLAT_KIND_FLOAT, .real = PyFloat_AS_DOUBLE(value)};
    } else if (PyUnicode_Check(value)) {
        Py_ssize_t size;

        fill->bytes = (const unsigned char *)PyUnicode_AsUTF8AndSize(value, &size);
        fill->kind = FLAT_KIND_TEXT;
        fill->size = (size_t)size;
    } else if (PyBytes_Check(value)) {
        fill->kind = FLAT_KIND_BYTES;
        fill->bytes = (const unsigned char *)PyBytes_AS_STRING(value);
        fill->size = (size_t)PyBytes_GET_SIZE(value);
    } else {
        PyErr_Format(PyExc_TypeError, "fill: expected int, float, bool, str or bytes, not %.100s",
                     Py_TYPE(value)->tp_name);
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* A bytearray, whose bytes nobody has set. */
static PyObject *buffer_of(size_t size, unsigned char **bytes) {
    PyObject *buffer = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)size);

    if (buffer != NULL) *bytes = (unsigned char *)PyByteArray_AS_STRING(buffer);
    return buffer;
}

static int make_buffers(struct flat_column *column, struct flat_held *held, size_t rows) {
    unsigned char *ends = NULL;

    held->values = buffer_of(8 * rows, &column->values);
    held->ends = buffer_of((rows + 1) * sizeof *column->ends, &ends);
    held->text = buffer_of(0, &column->text);
    held->valid = buffer_of((rows + 7) / 8, &column->valid);
    if (held->values == NULL || held->ends == NULL || held->text == NULL || held->valid == NULL)
        return -1;
    column->ends = (int32_t *)(void *)ends;
    column->ends[0] = 0;
    return 0;
}

static int define_one(struct flat_column *column, struct flat_held *held, PyObject *tuple,
                      size_t rows) {
    PyObject *name, *fill;
    int kind, is_signed, nullable, padded;
    unsigned width;

    if (!PyArg_ParseTuple(tuple, "SiIpppO", &name, &kind, &width, &is_signed, &nullable, &padded,
                          &fill))
        return -1;
    held->name = Py_NewRef(name);
    column->name = (const unsigned char *)PyBytes_AS_STRING(name);
    column->name_size = (size_t)PyBytes_GET_SIZE(name);
    column->kind = (enum flat_kind)kind;
    column->given = kind != FLAT_KIND_UNKNOWN;
    column->width = width;
    column->is_signed = is_signed != 0;
    column->nullable = nullable != 0;
    column->padded = padded != 0;
    if (fill != Py_None) {
        held->fill = Py_NewRef(fill);
        if (set_fill(&column->fill, fill) < 0) return -1;
    }
    return make_buffers(column, held, rows);
}

static bool make_room(struct flat_columns *table, struct flat_column *column, size_t more) {
    flat_columns_object *self =
        (flat_columns_object *)((char *)table - offsetof(flat_columns_object, table));
    PyObject *text = self->held[column - table->columns].text;
    size_t room = column->text_size + more;

    room += room / 2 + 4096;
    if (room > PY_SSIZE_T_MAX || PyByteArray_Resize(text, (Py_ssize_t)room) < 0) return false;
    column->text = (unsigned char *)PyByteArray_AS_STRING(text);
    column->text_room = room;
    return true;
}

int flat_columns_define(flat_columns_object *self, PyObject *list) {
    struct flat_columns *table = &self->table;
    size_t count = (size_t)PyList_GET_SIZE(list), rows = BATCH_BYTES / 8 / (count + 1);

    rows = rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
    flat_columns_drop(self);
    table->columns = PyMem_Calloc(count + 1, sizeof *table->columns);
    self->held = PyMem_Calloc(count + 1, sizeof *self->held);
    if (self->errors != FLAT_RAISE) self->before = PyMem_Calloc(count + 1, sizeof *self->before);
    if (table->columns == NULL || self->held == NULL ||
        (self->errors != FLAT_RAISE && self->before == NULL)) {
        PyErr_NoMemory();
        return -1;
    }
    table->count = count;
    table->most_rows = rows;
    table->make_room = make_room;
    for (size_t i = 0; i < count; i++)
        if (define_one(&table->columns[i], &self->held[i], PyList_GET_ITEM(list, (Py_ssize_t)i),
                       rows) < 0)
            return -1;
    return 0;
}

void flat_columns_drop(flat_columns_object *self) {
    for (size_t i = 0; self->held != NULL && i < self->table.count; i++) {
        struct flat_held *held = &self->held[i];

        Py_XDECREF(held->name);
        Py_XDECREF(held->fill);
        Py_XDECREF(held->values);
        Py_XDECREF(held->ends);
        Py_XDECREF(held->text);
        Py_XDECREF(held->valid);
    }
    PyMem_Free(self->held);
    PyMem_Free(self->table.columns);
    PyMem_Free(self->before);
    self->before = NULL;
    self->held = NULL;
    self->table.columns = NULL;
    self->table.count = 0;
}
