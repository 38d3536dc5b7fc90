/* Records side by side in a bytearray, as NumPy's structured arrays have them. */
#include "flat_columns_type.h"

/* The fields of a layout from a list of tuples; NULL and an exception: it is wrong. */
static struct flat_field *fields_of(PyObject *list, size_t from_stride, size_t to_stride) {
    size_t count = (size_t)PyList_GET_SIZE(list);
    struct flat_field *fields = PyMem_Calloc(count + 1, sizeof *fields);

    if (fields == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct flat_field *field = &fields[i];
        Py_ssize_t from, from_size, to, to_size;

        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, (Py_ssize_t)i), "nnnn", &from, &from_size, &to,
                              &to_size))
            break;
        *field = (struct flat_field){(size_t)from, (size_t)from_size, (size_t)to, (size_t)to_size};
        if (field->from > from_stride || field->from_size > from_stride - field->from ||
            field->to > to_stride || field->to_size > to_stride - field->to) {
            PyErr_SetString(PyExc_ValueError, "a field is not within the record");
            break;
        }
    }
    if (!PyErr_Occurred()) return fields;
    PyMem_Free(fields);
    return NULL;
}

PyObject *flat_move_records(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *records, *list;
    Py_ssize_t rows, from_stride, to_stride;
    struct flat_field *fields;

    if (!PyArg_ParseTuple(args, "YnnnO!", &records, &rows, &from_stride, &to_stride, &PyList_Type,
                          &list))
        return NULL;
    if (rows < 0 || from_stride < 1 || to_stride < 1 || rows > PY_SSIZE_T_MAX / to_stride ||
        rows > PY_SSIZE_T_MAX / from_stride ||
        rows * from_stride != PyByteArray_GET_SIZE(records)) {
        PyErr_SetString(PyExc_ValueError, "the memory is not that of the records");
        return NULL;
    }
    fields = fields_of(list, (size_t)from_stride, (size_t)to_stride);
    if (fields == NULL) return NULL;
    if (to_stride > from_stride && PyByteArray_Resize(records, rows * to_stride) < 0) {
        PyMem_Free(fields);
        return NULL;
    }
    flat_records_move((unsigned char *)PyByteArray_AS_STRING(records), (size_t)rows,
                      (size_t)from_stride, (size_t)to_stride, fields,
                      (size_t)PyList_GET_SIZE(list));
    PyMem_Free(fields);
    if (to_stride < from_stride && PyByteArray_Resize(records, rows * to_stride) < 0) return NULL;
    Py_RETURN_NONE;
}

/* Whether a field is as wide as what goes into it. */
static bool holds(const struct flat_column *column, size_t width) {
    if (column->kind == FLAT_KIND_UNKNOWN) return width == 0;
    if (flat_is_number_kind(column->kind)) return width == flat_value_width(column);
    return width >= column->longest;
}

PyObject *flat_columns_spread(flat_columns_object *self, PyObject *args) {
    struct flat_columns *table = &self->table;
    PyObject *records, *list;
    Py_ssize_t stride, start;

    if (!PyArg_ParseTuple(args, "YnO!", &records, &stride, &PyList_Type, &list)) return NULL;
    start = PyByteArray_GET_SIZE(records);
    if (stride < 0 || (size_t)PyList_GET_SIZE(list) != table->count ||
        (stride > 0 && table->rows > (size_t)(PY_SSIZE_T_MAX - start) / (size_t)stride)) {
        PyErr_SetString(PyExc_ValueError, "the layout is not that of the columns");
        return NULL;
    }
    if (PyByteArray_Resize(records, start + stride * (Py_ssize_t)table->rows) < 0) return NULL;
    for (size_t i = 0; i < table->count; i++) {
        PyObject *field = PyList_GET_ITEM(list, (Py_ssize_t)i);
        Py_ssize_t offset, width;

        if (!PyArg_ParseTuple(field, "nn", &offset, &width)) return NULL;
        if (offset < 0 || width < 0 || width > stride || offset > stride - width ||
            !holds(&table->columns[i], (size_t)width)) {
            PyErr_SetString(PyExc_ValueError, "a field does not hold its column");
            return NULL;
        }
        flat_column_spread(&table->columns[i], table->rows,
                           (unsigned char *)PyByteArray_AS_STRING(records) + start + offset,
                           (size_t)stride, (size_t)width);
    }
    Py_RETURN_NONE;
}
