/* The type Reader: an iterator over the records of a file. */
#include "flat_reader.h"

/* ---- Records ------------------------------------------------------------- */

static PyObject *reader_next(PyObject *self) {
    struct flat_reader *reader = (struct flat_reader *)self;
    PyObject *record;

    if (flat_reader_enter(reader) < 0) return NULL;
    record = flat_reader_next(reader);
    reader->running = false;
    return record;
}

static const char load_doc[] = "load($self, /)\n--\n\nReturn the records that are left, in a list.";

static PyObject *reader_load(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    struct flat_reader *reader = (struct flat_reader *)self;
    PyObject *records;

    if (flat_reader_enter(reader) < 0) return NULL;
    records = flat_reader_load(reader);
    reader->running = false;
    return records;
}

static const char count_doc[] =
    "count($self, /)\n--\n\n"
    "Return how many lines that are left have a record; none is looked into.";

static PyObject *reader_count(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    struct flat_reader *reader = (struct flat_reader *)self;
    struct flat_line line;
    unsigned long long count = 0;
    int status;

    if (flat_reader_enter(reader) < 0) return NULL;
    while ((status = flat_source_line(&reader->source, &line)) > 0) {
        count += !flat_is_blank(line.start, line.end);
        if (reader->source.position < reader->look_at) continue;
        status = flat_reader_look_around(reader);
        if (status < 0) break;
    }
    if (status == 0) status = flat_reader_close_source(reader);
    reader->running = false;
    return status < 0 ? NULL : PyLong_FromUnsignedLongLong(count);
}

static const char close_doc[] =
    "close($self, /)\n--\n\n"
    "Let the file go; there are no more records. Closes it if it was opened for this.";

static PyObject *reader_close(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    struct flat_reader *reader = (struct flat_reader *)self;
    int status;

    if (flat_reader_enter(reader) < 0) return NULL;
    status = flat_reader_close_source(reader);
    reader->running = false;
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *reader_exit(PyObject *self, PyObject *Py_UNUSED(args)) {
    return reader_close(self, NULL);
}

static PyObject *reader_enter(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    return Py_NewRef(self);
}

/* ---- Making and dropping ------------------------------------------------- */

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *known[] = {"source",     "name",  "errors",   "max_depth", "max_line",
                            "max_digits", "share", "progress", "close",     NULL};
    struct flat_bounds bounds = {FLAT_MAX_DEPTH, FLAT_MAX_LINE, FLAT_MAX_DIGITS};
    PyObject *source, *name = Py_None, *progress = Py_None;
    const char *errors = "raise";
    struct flat_reader *reader;
    int share = 0, close = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$OsnnnpOp:Reader", known, &source, &name,
                                     &errors, &bounds.max_depth, &bounds.max_line,
                                     &bounds.max_digits, &share, &progress, &close))
        return NULL;
    if (flat_bounds_check(&bounds) < 0) return NULL;
    reader = (struct flat_reader *)type->tp_alloc(type, 0);
    if (reader == NULL) return NULL;
    reader->name = Py_NewRef(name);
    reader->parser.bounds = bounds;
    reader->parser.share = share;
    reader->look_at = FLAT_AT_ONCE;
    if (progress != Py_None) reader->progress = Py_NewRef(progress);
    reader->list = PyList_New(0);
    if (reader->list == NULL || flat_errors_parse(errors, &reader->errors) < 0 ||
        flat_source_open(&reader->source, PyType_GetModuleState(type), source,
                         (size_t)bounds.max_line) < 0)
        Py_CLEAR(reader);
    else if (close)
        reader->owned = Py_NewRef(source);
    return (PyObject *)reader;
}

static int reader_traverse(PyObject *self, visitproc visit, void *arg) {
    struct flat_reader *reader = (struct flat_reader *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(reader->name);
    Py_VISIT(reader->list);
    Py_VISIT(reader->progress);
    Py_VISIT(reader->owned);
    Py_VISIT(reader->source.read);
    Py_VISIT(reader->source.readinto);
    return 0;
}

static int reader_clear(PyObject *self) {
    struct flat_reader *reader = (struct flat_reader *)self;

    Py_CLEAR(reader->progress);
    Py_CLEAR(reader->owned);
    Py_CLEAR(reader->source.read);
    Py_CLEAR(reader->source.readinto);
    reader->source.ended = true;
    return 0;
}

/* A file that was opened for the reader is closed with it, read to the end or not. */
static void reader_finalize(PyObject *self) {
    struct flat_reader *reader = (struct flat_reader *)self;
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    if (reader->owned != NULL && flat_reader_close_source(reader) < 0) PyErr_WriteUnraisable(self);
    PyErr_Restore(type, value, traceback);
}

static void reader_dealloc(PyObject *self) {
    struct flat_reader *reader = (struct flat_reader *)self;
    PyTypeObject *type = Py_TYPE(self);

    if (PyObject_CallFinalizerFromDealloc(self) < 0) return;
    PyObject_GC_UnTrack(self);
    reader_clear(self);
    flat_source_close(&reader->source);
    flat_parser_clear(&reader->parser);
    Py_CLEAR(reader->name);
    Py_CLEAR(reader->list);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- The type ------------------------------------------------------------ */

static const char reader_doc[] =
    "Reader(source, *, name=None, errors='raise', max_depth=200, max_line=67108864,\n"
    "       max_digits=4300, share=False, progress=None, close=False)\n--\n\n"
    "The records of a binary file, or of a buffer, one after the other.\n\n"
    "Parameters\n----------\n"
    "source : binary file or buffer\n    What has read(), or bytes, mmap and the like.\n"
    "name : str, optional\n    What errors call it.\n"
    "errors : {'raise', 'skip', 'collect'}\n"
    "    What a line that is no record does: raises FlatError; is passed over; is\n"
    "    passed over, and its error goes to the list `errors`.\n"
    "max_depth, max_line, max_digits : int\n"
    "    Brackets in one another, bytes of a line, digits of an int.\n"
    "share : bool\n    Make equal str, int and float one object, as far as a small cache sees "
    "them.\n"
    "progress : callable, optional\n"
    "    Called now and then with the bytes read and the part that is done, or None.\n"
    "close : bool\n    Close the file at the end, or when the reader goes.";

static PyMethodDef reader_methods[] = {
    {"load", reader_load, METH_NOARGS, load_doc},
    {"count", reader_count, METH_NOARGS, count_doc},
    {"close", reader_close, METH_NOARGS, close_doc},
    {"__enter__", reader_enter, METH_NOARGS, NULL},
    {"__exit__", reader_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef reader_members[] = {
    {"name", T_OBJECT, offsetof(struct flat_reader, name), READONLY, "What errors call the file."},
    {"errors", T_OBJECT, offsetof(struct flat_reader, list), READONLY,
     "What was wrong with lines that were passed over (errors='collect')."},
    {"skipped", T_ULONGLONG, offsetof(struct flat_reader, skipped), READONLY,
     "Bad lines that were passed over."},
    {"line", T_ULONGLONG, offsetof(struct flat_reader, source.line), READONLY,
     "Number of the line that was read last, from 1."},
    {"position", T_ULONGLONG, offsetof(struct flat_reader, source.position), READONLY,
     "Bytes read, to the end of that line."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, (void *)reader_doc},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_finalize, reader_finalize},
    {Py_tp_traverse, reader_traverse},
    {Py_tp_clear, reader_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, reader_next},
    {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members},
    {0, NULL},
};

static PyType_Spec reader_spec = {
    .name = "shoal._flat.Reader",
    .basicsize = sizeof(struct flat_reader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = reader_slots,
};

PyObject *flat_make_reader_type(PyObject *module) {
    return PyType_FromModuleAndSpec(module, &reader_spec, NULL);
}
