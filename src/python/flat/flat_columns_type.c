#include "flat_columns_type.h"

#include "flat_state.h"

PyDoc_STRVAR(columns_doc,
             "Columns(source, name=None, max_line=0, errors='raise', progress=None)\n--\n\n"
             "Records of a file or buffer, read into columns batch after batch.\n\n"
             "first() looks at the first record; begin() says what the columns are to be;\n"
             "read() reads a batch, whose bytes values(), ends(), text() and valid() show until\n"
             "the next. Nothing here makes an object for a value. A line that does not fit\n"
             "raises FlatError; with errors='skip' or 'collect' it is passed over, as if it\n"
             "were not there. progress() is called after each batch with the bytes read and the\n"
             "part that is done, or None.");

static int columns_init(PyObject *object, PyObject *args, PyObject *keywords) {
    static char *names[] = {"source", "name", "max_line", "errors", "progress", NULL};
    flat_columns_object *self = (flat_columns_object *)object;
    PyObject *source, *name = Py_None, *progress = Py_None;
    const char *errors = "raise";
    Py_ssize_t max_line = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|OnsO", names, &source, &name, &max_line,
                                     &errors, &progress))
        return -1;
    if (self->is_open) {
        PyErr_SetString(PyExc_RuntimeError, "Columns: its file is open already");
        return -1;
    }
    if (max_line < 0 || max_line > FLAT_LONGEST_TEXT) {
        PyErr_Format(PyExc_ValueError, "max_line: expected 0 to %d bytes, not %zd",
                     FLAT_LONGEST_TEXT, max_line);
        return -1;
    }
    if (flat_errors_parse(errors, &self->errors) < 0) return -1;
    if (flat_source_open(&self->source, PyType_GetModuleState(Py_TYPE(object)), source,
                         (size_t)max_line) < 0)
        return -1;
    self->is_open = true;
    self->size = flat_source_size(&self->source);
    self->file_name = Py_NewRef(name);
    if (progress != Py_None) self->progress = Py_NewRef(progress);
    self->list = PyList_New(0);
    return self->list == NULL ? -1 : 0;
}

static int columns_traverse(PyObject *object, visitproc visit, void *arg) {
    flat_columns_object *self = (flat_columns_object *)object;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->source.read);
    Py_VISIT(self->source.readinto);
    Py_VISIT(self->source.view.obj);
    Py_VISIT(self->file_name);
    Py_VISIT(self->list);
    Py_VISIT(self->progress);
    return 0;
}

static int columns_clear(PyObject *object) {
    flat_columns_object *self = (flat_columns_object *)object;

    if (self->is_open) flat_source_close(&self->source);
    memset(&self->source, 0, sizeof self->source);
    self->is_open = self->has_pending = false;
    flat_columns_drop(self);
    Py_CLEAR(self->file_name);
    Py_CLEAR(self->keys);
    Py_CLEAR(self->list);
    Py_CLEAR(self->progress);
    return 0;
}

static void columns_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    columns_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- Reading ------------------------------------------------------------- */

PyDoc_STRVAR(first_doc, "first($self, /)\n--\n\n"
                        "Return the shape of the first record, 0 where there is none, how many\n"
                        "values it has, and its keys in UTF-8.");

PyDoc_STRVAR(begin_doc,
             "begin($self, columns, /)\n--\n\n"
             "Say what the columns are: a list of (name, kind, width, signed, nullable,\n"
             "padded, fill). As many as first() counted.");

static PyObject *columns_begin(PyObject *object, PyObject *list) {
    flat_columns_object *self = (flat_columns_object *)object;

    if (!PyList_Check(list) || PyList_GET_SIZE(list) > FLAT_MOST_COLUMNS || self->held != NULL ||
        (self->table.shape != FLAT_SHAPE_NONE && PyList_GET_SIZE(list) == 0)) {
        PyErr_SetString(PyExc_TypeError, "begin: expected a list of columns, once");
        return NULL;
    }
    if (flat_columns_define(self, list) < 0) {
        flat_columns_drop(self);
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(read_doc, "read($self, /)\n--\n\n"
                       "Read a batch and return how many rows it has, 0 at the end.");

/* ---- What was read ------------------------------------------------------- */

/* The column that a method is asked for. */
static struct flat_column *column_at(flat_columns_object *self, PyObject *index) {
    Py_ssize_t i = PyNumber_AsSsize_t(index, PyExc_IndexError);

    if (i == -1 && PyErr_Occurred()) return NULL;
    if (i >= 0 && (size_t)i < self->table.count) return &self->table.columns[i];
    PyErr_Format(PyExc_IndexError, "no column %zd", i);
    return NULL;
}

/* The first bytes of a bytearray, seen by nobody longer than until the next batch. */
static PyObject *view_of(PyObject *bytes, size_t size) {
    PyObject *view = PyMemoryView_FromObject(bytes), *part;

    if (view == NULL) return NULL;
    part = PySequence_GetSlice(view, 0, (Py_ssize_t)size);
    Py_DECREF(view);
    return part;
}

static struct flat_held *held_of(flat_columns_object *self, const struct flat_column *column) {
    return &self->held[column - self->table.columns];
}

PyDoc_STRVAR(values_doc, "values($self, column, /)\n--\n\nThe numbers of a column.");

static PyObject *columns_values(PyObject *object, PyObject *index) {
    flat_columns_object *self = (flat_columns_object *)object;
    struct flat_column *column = column_at(self, index);

    if (column == NULL) return NULL;
    return view_of(held_of(self, column)->values, self->table.rows * flat_value_width(column));
}

PyDoc_STRVAR(ends_doc, "ends($self, column, /)\n--\n\n"
                       "0, and where the text of each row ends, as int32.");

static PyObject *columns_ends(PyObject *object, PyObject *index) {
    flat_columns_object *self = (flat_columns_object *)object;
    struct flat_column *column = column_at(self, index);

    if (column == NULL) return NULL;
    return view_of(held_of(self, column)->ends, (self->table.rows + 1) * sizeof *column->ends);
}

PyDoc_STRVAR(offsets_doc,
             "offsets($self, column, base, /)\n--\n\n"
             "Where the text of each row ends, counted from `base`, as bytes of int64.");

static PyObject *columns_offsets(PyObject *object, PyObject *args) {
    flat_columns_object *self = (flat_columns_object *)object;
    PyObject *index, *bytes;
    struct flat_column *column;
    long long base;

    if (!PyArg_ParseTuple(args, "OL", &index, &base)) return NULL;
    column = column_at(self, index);
    if (column == NULL) return NULL;
    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(self->table.rows * sizeof(int64_t)));
    for (size_t row = 0; bytes != NULL && row < self->table.rows; row++) {
        int64_t end = base + column->ends[row + 1];

        memcpy(PyBytes_AS_STRING(bytes) + row * sizeof end, &end, sizeof end);
    }
    return bytes;
}

PyDoc_STRVAR(text_doc, "text($self, column, /)\n--\n\nThe texts of a column, end to end.");

static PyObject *columns_text(PyObject *object, PyObject *index) {
    flat_columns_object *self = (flat_columns_object *)object;
    struct flat_column *column = column_at(self, index);

    return column == NULL ? NULL : view_of(held_of(self, column)->text, column->text_size);
}

PyDoc_STRVAR(valid_doc,
             "valid($self, column, /)\n--\n\n"
             "A bit for each row that is not None, the lowest first; None where all are.");

static PyObject *columns_valid(PyObject *object, PyObject *index) {
    flat_columns_object *self = (flat_columns_object *)object;
    struct flat_column *column = column_at(self, index);

    if (column == NULL) return NULL;
    if (column->nulls == 0) Py_RETURN_NONE;
    return view_of(held_of(self, column)->valid, (self->table.rows + 7) / 8);
}

PyDoc_STRVAR(state_doc,
             "state($self, column, /)\n--\n\n"
             "Return kind, bytes a value, whether there are ints beyond int64, whether texts\n"
             "differ in length, and the longest.");

static PyObject *columns_state(PyObject *object, PyObject *index) {
    flat_columns_object *self = (flat_columns_object *)object;
    struct flat_column *column = column_at(self, index);

    if (column == NULL) return NULL;
    return Py_BuildValue("iINNn", (int)column->kind, flat_value_width(column),
                         PyBool_FromLong(column->big), PyBool_FromLong(column->uneven),
                         (Py_ssize_t)column->longest);
}

PyDoc_STRVAR(spread_doc, "spread($self, records, row, stride, fields, /)\n--\n\n"
                         "Put the batch into a bytearray of records, from a row on: fields are\n"
                         "(offset, width). It becomes as long as the rest is likely to need.");

static PyMethodDef columns_methods[] = {
    {"first", flat_columns_first, METH_NOARGS, first_doc},
    {"begin", columns_begin, METH_O, begin_doc},
    {"read", flat_columns_read, METH_NOARGS, read_doc},
    {"values", columns_values, METH_O, values_doc},
    {"ends", columns_ends, METH_O, ends_doc},
    {"offsets", columns_offsets, METH_VARARGS, offsets_doc},
    {"text", columns_text, METH_O, text_doc},
    {"valid", columns_valid, METH_O, valid_doc},
    {"state", columns_state, METH_O, state_doc},
    {"spread", (PyCFunction)(void (*)(void))flat_columns_spread, METH_VARARGS, spread_doc},
    {NULL, NULL, 0, NULL},
};

static PyObject *columns_position(PyObject *object, void *Py_UNUSED(closure)) {
    return PyLong_FromUnsignedLongLong(((flat_columns_object *)object)->source.position);
}

static PyObject *columns_errors(PyObject *object, void *Py_UNUSED(closure)) {
    flat_columns_object *self = (flat_columns_object *)object;

    return Py_NewRef(self->list == NULL ? Py_None : self->list);
}

static PyGetSetDef columns_attributes[] = {
    {"errors", columns_errors, NULL, "What was wrong with lines that were passed over.", NULL},
    {"position", columns_position, NULL, "Bytes read, to the end of the last line.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot columns_slots[] = {
    {Py_tp_doc, (void *)columns_doc},   {Py_tp_init, columns_init},
    {Py_tp_dealloc, columns_dealloc},   {Py_tp_traverse, columns_traverse},
    {Py_tp_clear, columns_clear},       {Py_tp_methods, columns_methods},
    {Py_tp_getset, columns_attributes}, {0, NULL},
};

static PyType_Spec columns_spec = {
    .name = "shoal._flat.Columns",
    .basicsize = sizeof(flat_columns_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = columns_slots,
};

PyDoc_STRVAR(move_doc,
             "move_records(records, rows, from_stride, to_stride, fields, /)\n--\n\n"
             "Move the records at the beginning of a bytearray to another layout; fields are\n"
             "(from, from_size, to, to_size), in order. It becomes longer if need be.");

static PyMethodDef columns_functions[] = {
    {"move_records", flat_move_records, METH_VARARGS, move_doc},
    {NULL, NULL, 0, NULL},
};

int flat_columns_add(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &columns_spec, NULL);

    if (type == NULL) return -1;
    if (PyModule_AddObject(module, "Columns", type) < 0) {
        Py_DECREF(type);
        return -1;
    }
    return PyModule_AddFunctions(module, columns_functions);
}
