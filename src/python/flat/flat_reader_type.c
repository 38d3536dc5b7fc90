/* The type Reader: an iterator over the records of a file. */
#include <math.h>

#include "flat_parser.h"
#include "python/common/progress.h"

enum { MANY = 10000 }; /* records: a list of fewer is gone through quickly */

enum errors { ERRORS_RAISE, ERRORS_SKIP, ERRORS_COLLECT };

struct flat_reader {
    PyObject_HEAD struct flat_source source;
    struct flat_parser parser;
    PyObject *name;     /* str or None */
    PyObject *list;     /* of errors */
    PyObject *progress; /* NULL: none */
    PyObject *owned;    /* the file, if it is to be closed at the end; NULL: not */
    enum errors errors;
    uint64_t skipped;
    uint64_t look_at; /* position from which on signals and progress are due */
    bool running;     /* in a method: code that it calls must not use the reader */
};

static struct flat_state *state_of(struct flat_reader *reader) {
    return PyModule_GetState(((PyHeapTypeObject *)Py_TYPE(reader))->ht_module);
}

/* ---- Records ------------------------------------------------------------- */

/* A bad line: 0, and the reader goes on behind it, or -1. */
static int report(struct flat_reader *reader, const struct flat_line *line) {
    PyObject *error;
    int status = -1;

    if (PyErr_Occurred()) return -1;
    reader->skipped += reader->errors != ERRORS_RAISE;
    if (reader->errors == ERRORS_SKIP) return 0;
    error =
        flat_error_new(state_of(reader), &reader->parser, reader->name, line, reader->source.line);
    if (error == NULL) return -1;
    if (reader->errors == ERRORS_COLLECT)
        status = PyList_Append(reader->list, error);
    else
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
    return status;
}

/* Signals, and what the caller wants to be told, now and then. */
static int look_around(struct flat_reader *reader) {
    struct flat_source *source = &reader->source;
    double part = NAN;

    reader->look_at = source->position + FLAT_AT_ONCE;
    if (PyErr_CheckSignals() < 0) return -1;
    if (source->view.obj != NULL && source->view.len > 0)
        part = (double)source->position / (double)source->view.len;
    return tell_progress(reader->progress, source->position, part);
}

static PyObject *parse_line(struct flat_reader *reader, const struct flat_line *line) {
    if (!line->too_long) return flat_parse(&reader->parser, line->start, line->end);
    return flat_over(&reader->parser, line->start + reader->source.max_line,
                     "a line of at most %zd bytes", (Py_ssize_t)reader->source.max_line);
}

/* Lets the source go, and closes the file if it is ours; keeps an exception. */
static int close_source(struct flat_reader *reader) {
    PyObject *owned = reader->owned, *answer, *type, *value, *traceback;

    flat_source_close(&reader->source);
    if (owned == NULL) return 0;
    reader->owned = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    answer = PyObject_CallMethod(owned, "close", NULL);
    Py_DECREF(owned);
    Py_XDECREF(answer);
    if (type == NULL) return answer == NULL ? -1 : 0;
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return -1;
}

/* The next record; NULL without an exception: there is none. */
static PyObject *next_record(struct flat_reader *reader) {
    struct flat_line line;
    int status;

    for (;;) {
        PyObject *record;

        /* Before a line is taken, which an exception would lose. */
        if (reader->source.position >= reader->look_at && look_around(reader) < 0) return NULL;
        status = flat_source_line(&reader->source, &line);
        if (status <= 0) break;
        if (flat_is_blank(line.start, line.end)) continue;
        record = parse_line(reader, &line);
        if (record != NULL) return record;
        if (report(reader, &line) < 0) return NULL;
    }
    if (status == 0) close_source(reader);
    return NULL;
}

static int enter(struct flat_reader *reader) {
    if (reader->running) {
        PyErr_SetString(PyExc_ValueError, "the reader is in use");
        return -1;
    }
    reader->running = true;
    return 0;
}

static PyObject *reader_next(PyObject *self) {
    struct flat_reader *reader = (struct flat_reader *)self;
    PyObject *record;

    if (enter(reader) < 0) return NULL;
    record = next_record(reader);
    reader->running = false;
    return record;
}

static PyObject *load_all(struct flat_reader *reader) {
    PyObject *records = PyList_New(0), *record;

    while (records != NULL && (record = next_record(reader)) != NULL) {
        if (PyList_Append(records, record) < 0) Py_CLEAR(records);
        Py_DECREF(record);
    }
    if (records != NULL && PyErr_Occurred()) Py_CLEAR(records);
    return records;
}

/* The collector has counted all that was made and would go through the list at once,
 * to find nothing. A collection of the youngest without the list settles that; it comes
 * to the list when others give it a reason to. */
static void settle_count(PyObject *records) {
    PyObject *gc, *found = NULL;

    if (PyList_GET_SIZE(records) < MANY) return;
    gc = PyImport_ImportModule("gc");
    if (gc == NULL) {
        PyErr_Clear();
        return;
    }
    PyObject_GC_UnTrack(records);
    found = PyObject_CallMethod(gc, "collect", "i", 0);
    PyObject_GC_Track(records);
    if (found == NULL) PyErr_Clear();
    Py_XDECREF(found);
    Py_DECREF(gc);
}

static const char load_doc[] = "load($self, /)\n--\n\nReturn the records that are left, in a list.";

/* All that is made is alive: the collector would go through it again and again and
 * find nothing. It is off while nobody else can see that. */
static PyObject *reader_load(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    struct flat_reader *reader = (struct flat_reader *)self;
    bool pause = CAN_PAUSE_GC && reader->source.plain && reader->progress == NULL;
    PyObject *records;

    if (enter(reader) < 0) return NULL;
    if (reader->source.read != NULL && !is_only_thread()) pause = false;
    if (pause) pause = PyGC_Disable() != 0;
    records = load_all(reader);
    if (pause && records != NULL) settle_count(records);
    if (pause) PyGC_Enable();
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

    if (enter(reader) < 0) return NULL;
    while ((status = flat_source_line(&reader->source, &line)) > 0) {
        count += !flat_is_blank(line.start, line.end);
        if (reader->source.position < reader->look_at) continue;
        status = look_around(reader);
        if (status < 0) break;
    }
    if (status == 0) status = close_source(reader);
    reader->running = false;
    return status < 0 ? NULL : PyLong_FromUnsignedLongLong(count);
}

static const char close_doc[] =
    "close($self, /)\n--\n\n"
    "Let the file go; there are no more records. Closes it if it was opened for this.";

static PyObject *reader_close(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    struct flat_reader *reader = (struct flat_reader *)self;
    int status;

    if (enter(reader) < 0) return NULL;
    status = close_source(reader);
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

static int parse_errors(struct flat_reader *reader, const char *errors) {
    static const char *const names[] = {"raise", "skip", "collect"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(errors, names[i]) != 0) continue;
        reader->errors = (enum errors)i;
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "errors: expected 'raise', 'skip' or 'collect', not '%.50s'",
                 errors);
    return -1;
}

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
    if (reader->list == NULL || parse_errors(reader, errors) < 0 ||
        flat_source_open(&reader->source, state_of(reader), source, (size_t)bounds.max_line) < 0)
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
    if (reader->owned != NULL && close_source(reader) < 0) PyErr_WriteUnraisable(self);
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
