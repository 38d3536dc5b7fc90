/* Records side by side in a bytearray, as NumPy's structured arrays have them. It is
 * longer than the records that are in it: by what the rest of the file will take. */
#define _GNU_SOURCE
#include "flat_columns_type.h"

#include <sys/mman.h>

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
        rows > PY_SSIZE_T_MAX / from_stride || rows * from_stride > PyByteArray_GET_SIZE(records)) {
        PyErr_SetString(PyExc_ValueError, "the memory is not that of the records");
        return NULL;
    }
    fields = fields_of(list, (size_t)from_stride, (size_t)to_stride);
    if (fields == NULL) return NULL;
    if (rows * to_stride > PyByteArray_GET_SIZE(records) &&
        PyByteArray_Resize(records, rows * to_stride) < 0) {
        PyMem_Free(fields);
        return NULL;
    }
    flat_records_move((unsigned char *)PyByteArray_AS_STRING(records), (size_t)rows,
                      (size_t)from_stride, (size_t)to_stride, fields,
                      (size_t)PyList_GET_SIZE(list));
    PyMem_Free(fields);
    Py_RETURN_NONE;
}

/* Whether a field is as wide as what goes into it. */
static bool holds(const struct flat_column *column, size_t width) {
    if (column->kind == FLAT_KIND_UNKNOWN) return width == 0;
    if (flat_is_number_kind(column->kind)) return width == flat_value_width(column);
    return width >= column->longest;
}

/* All of it will be filled: the kernel need not be called for every page of it. */
static void ask_for_huge_pages(PyObject *records) {
    enum { PAGE = 4096, HUGE_PAGE = 2 << 20 };
    uintptr_t start = (uintptr_t)PyByteArray_AS_STRING(records) & -(uintptr_t)PAGE;
    size_t size = (size_t)PyByteArray_GET_SIZE(records);

    if (size >= 2 * HUGE_PAGE) madvise((void *)start, size, MADV_HUGEPAGE);
}

/* Makes room for so many bytes, and for what the rest of the file will take if it goes on
 * like that. */
static int make_room(const flat_columns_object *self, PyObject *records, Py_ssize_t needed) {
    Py_ssize_t likely = needed;

    if (needed <= PyByteArray_GET_SIZE(records)) return 0;
    if (self->source.position > 0 && self->source.position < self->size) {
        double parts = (double)self->size / (double)self->source.position;

        if (parts < (double)PY_SSIZE_T_MAX / 2 / (double)needed)
            likely = (Py_ssize_t)((double)needed * parts * 1.01);
    }
    if (likely > needed && PyByteArray_Resize(records, likely) < 0) {
        PyErr_Clear();
        likely = needed;
    }
    if (likely == needed && PyByteArray_Resize(records, needed) < 0) return -1;
    ask_for_huge_pages(records);
    return 0;
}

PyObject *flat_columns_spread(flat_columns_object *self, PyObject *args) {
    struct flat_columns *table = &self->table;
    Py_ssize_t stride, row, start, most;
    PyObject *records, *list;

    if (!PyArg_ParseTuple(args, "YnnO!", &records, &row, &stride, &PyList_Type, &list)) return NULL;
    most = stride > 0 ? PY_SSIZE_T_MAX / stride : PY_SSIZE_T_MAX;
    if (stride < 0 || row < 0 || (size_t)PyList_GET_SIZE(list) != table->count ||
        row > most - (Py_ssize_t)table->rows) {
        PyErr_SetString(PyExc_ValueError, "the layout is not that of the columns");
        return NULL;
    }
    start = row * stride;
    if (make_room(self, records, start + stride * (Py_ssize_t)table->rows) < 0) return NULL;
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
