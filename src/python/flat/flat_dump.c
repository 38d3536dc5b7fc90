/* dump() and dumps(): lines into a buffer, which goes to the file whenever it is full,
 * in whole lines. */
#include "flat_source.h" /* FLAT_MAX_LINE */

#include <math.h>

#include "flat_writer.h"
#include "python/common/progress.h"

enum {
    SEND_AT = 64 * 1024, /* bytes: longer pieces would each come from the system */
    KEEP = 4 * SEND_AT,  /* a buffer that one long record needed is not kept */
    LEAST = 4096,
};

struct dump {
    struct flat_writer writer;
    struct flat_state *state;
    PyObject *records, *write, *progress; /* borrowed; write: NULL: into memory */
    uint64_t sent;
    bool plain;  /* writing runs no Python code */
    bool failed; /* the file did: who knows what it has taken */
};

/* ---- The buffer ---------------------------------------------------------- */

static bool is_printable(uint32_t point) { return Py_UNICODE_ISPRINTABLE(point); }

static struct flat_writer *writer_of(struct flat_output *output) {
    return (struct flat_writer *)((char *)output - offsetof(struct flat_writer, output));
}

/* Moves the output to another buffer, in which what was written is there already. */
static void move_to(struct flat_output *output, unsigned char *start, size_t size) {
    size_t length = (size_t)(output->at - output->start);

    output->start = start;
    output->at = start + length;
    output->end = start + size;
}

static bool grow_bytes(struct flat_writer *writer, size_t size) {
    if (writer->bytes == NULL)
        writer->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    else if (_PyBytes_Resize(&writer->bytes, (Py_ssize_t)size) < 0)
        writer->output.start = writer->output.at = writer->output.end = NULL;
    if (writer->bytes == NULL) return false;
    move_to(&writer->output, (unsigned char *)PyBytes_AS_STRING(writer->bytes), size);
    return true;
}

static bool grow_buffer(struct flat_writer *writer, size_t size) {
    unsigned char *buffer = PyMem_Realloc(writer->buffer, size);

    if (buffer == NULL) {
        PyErr_NoMemory();
        return false;
    }
    writer->buffer = buffer;
    move_to(&writer->output, buffer, size);
    return true;
}

/* Grows by half. What is asked for beyond max_line is refused, with some room for what
 * asks for more than it needs. */
static bool make_room(struct flat_output *output, size_t more) {
    struct flat_writer *writer = writer_of(output);
    size_t length = (size_t)(output->at - output->start);
    size_t size = (size_t)(output->end - output->start);

    if (length - writer->line + more > (size_t)writer->bounds.max_line + LEAST) {
        writer->too_long = true;
        return false;
    }
    size += size / 2 + LEAST;
    if (size < length + more) size = length + more;
    return writer->buffer == NULL && writer->bytes != NULL ? grow_bytes(writer, size)
                                                           : grow_buffer(writer, size);
}

/* ---- Sending ------------------------------------------------------------- */

/* How much of `size` bytes a file has taken; it need not be all. */
static Py_ssize_t count_taken(PyObject *answer, Py_ssize_t size) {
    Py_ssize_t taken;

    if (answer == NULL) return -1;
    if (!PyLong_CheckExact(answer)) return size; /* a file that does not say */
    taken = PyLong_AsSsize_t(answer);
    if (taken >= 0 && taken <= size) return taken;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "write() returned a count out of range");
    return -1;
}

/* Gives the file a view of the buffer if it is sure not to keep it, else a copy. */
static Py_ssize_t send_some(struct dump *dump, char *bytes, Py_ssize_t size) {
    PyObject *piece = dump->plain ? PyMemoryView_FromMemory(bytes, size, PyBUF_READ)
                                  : PyBytes_FromStringAndSize(bytes, size);
    PyObject *answer = NULL;
    Py_ssize_t taken;

    if (piece != NULL) answer = PyObject_CallFunctionObjArgs(dump->write, piece, NULL);
    Py_XDECREF(piece);
    if (answer == Py_None && dump->plain) {
        PyErr_SetString(PyExc_BlockingIOError, "the file takes nothing more yet");
        Py_CLEAR(answer);
    }
    taken = count_taken(answer, size);
    Py_XDECREF(answer);
    return taken;
}

static double part_done(const struct dump *dump) {
    PyObject *records = dump->records;
    Py_ssize_t size = 0;

    if (PyList_CheckExact(records)) size = PyList_GET_SIZE(records);
    if (PyTuple_CheckExact(records)) size = PyTuple_GET_SIZE(records);
    return size > 0 ? (double)dump->writer.record / (double)size : NAN;
}

/* Sends the whole lines that are in the buffer. */
static int flush(struct dump *dump) {
    struct flat_output *output = &dump->writer.output;
    char *at = (char *)output->start;
    Py_ssize_t left = (Py_ssize_t)dump->writer.line;

    while (left > 0) {
        Py_ssize_t taken = send_some(dump, at, left);

        dump->failed = taken < 0;
        if (dump->failed) return -1;
        at += taken;
        left -= taken;
    }
    dump->sent += dump->writer.line;
    output->at = output->start;
    dump->writer.line = 0;
    if (output->end - output->start > KEEP && !grow_buffer(&dump->writer, KEEP)) return -1;
    if (PyErr_CheckSignals() < 0) return -1;
    return tell_progress(dump->progress, dump->sent, part_done(dump));
}

/* ---- Records ------------------------------------------------------------- */

static int dump_record(struct dump *dump, PyObject *record) {
    struct flat_writer *writer = &dump->writer;
    struct flat_output *output = &writer->output;

    if (flat_write_record(writer, record) < 0) return -1;
    if ((size_t)(output->at - output->start) - writer->line > (size_t)writer->bounds.max_line) {
        output->at = output->start + writer->line;
        return flat_writer_fail(writer, "%U: a line of more than %zd bytes (max_line)",
                                writer->bounds.max_line);
    }
    if (!flat_put_byte(output, '\n')) return -1;
    writer->line = (size_t)(output->at - output->start);
    writer->record++;
    return dump->write != NULL && writer->line >= SEND_AT ? flush(dump) : 0;
}

/* The lines before a record that fails are sent; the exception stays. */
static void flush_after_error(struct dump *dump) {
    PyObject *type, *value, *traceback;

    if (dump->write == NULL || dump->writer.line == 0 || dump->failed) return;
    PyErr_Fetch(&type, &value, &traceback);
    if (flush(dump) < 0) PyErr_Clear();
    PyErr_Restore(type, value, traceback);
}

static int dump_all(struct dump *dump) {
    PyObject *iterator = PyObject_GetIter(dump->records), *record;
    int status = 0;

    if (iterator == NULL) return -1;
    while (status == 0 && (record = PyIter_Next(iterator)) != NULL) {
        status = dump_record(dump, record);
        Py_DECREF(record);
    }
    Py_DECREF(iterator);
    if (PyErr_Occurred()) {
        flush_after_error(dump);
        return -1;
    }
    return status == 0 && dump->write != NULL ? flush(dump) : status;
}

/* ---- Calls --------------------------------------------------------------- */

static int begin(struct dump *dump, PyObject *module, PyObject *records,
                 const struct flat_bounds *bounds) {
    memset(dump, 0, sizeof *dump);
    dump->state = PyModule_GetState(module);
    dump->records = records;
    dump->writer.bounds = *bounds;
    dump->writer.output.make_room = make_room;
    dump->writer.output.is_printable = is_printable;
    if (PyDict_Check(records) || PyUnicode_Check(records) || PyBytes_Check(records)) {
        PyErr_Format(PyExc_TypeError, "records must be an iterable of records, not one %.200s",
                     Py_TYPE(records)->tp_name);
        return -1;
    }
    return flat_bounds_check(bounds);
}

static void end(struct dump *dump) {
    Py_XDECREF(dump->write);
    Py_XDECREF(dump->writer.bytes);
    PyMem_Free(dump->writer.buffer);
    PyMem_Free(dump->writer.inside);
}

static int open_file(struct dump *dump, PyObject *file) {
    if (flat_refuse_text(dump->state, file) < 0) return -1;
    if (flat_find_attribute(file, "write", &dump->write) <= 0) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_TypeError, "expected a binary file, not %.200s",
                         Py_TYPE(file)->tp_name);
        return -1;
    }
    dump->plain = is_plain_file(&dump->state->io, dump->write);
    return 0;
}

const char flat_dump_doc[] =
    "dump($module, records, file, *, max_depth=200, max_line=67108864, max_digits=4300,\n"
    "     progress=None)\n--\n\n"
    "Write records to a binary file, one a line; return how many.\n\n"
    "Parameters\n----------\n"
    "records : iterable\n    Of literals.\n"
    "file : binary file\n    Gets whole lines only, also when a record fails.\n"
    "max_depth, max_line, max_digits : int\n"
    "    Brackets in one another, bytes of a line, digits of an int: what a reader with\n"
    "    the same bounds takes.\n"
    "progress : callable, optional\n"
    "    Called now and then with the bytes written and the part that is done, or None.\n\n"
    "Raises\n------\n"
    "TypeError\n    There is something that is no literal; names the record and where in it.\n"
    "ValueError\n    A record is beyond a bound, or contains itself.";

PyObject *flat_dump(PyObject *module, PyObject *args, PyObject *keywords) {
    static char *known[] = {"records",    "file",     "max_depth", "max_line",
                            "max_digits", "progress", NULL};
    struct flat_bounds bounds = {FLAT_MAX_DEPTH, FLAT_MAX_LINE, FLAT_MAX_DIGITS};
    PyObject *records, *file, *progress = Py_None, *count = NULL;
    struct dump dump;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|$nnnO:dump", known, &records, &file,
                                     &bounds.max_depth, &bounds.max_line, &bounds.max_digits,
                                     &progress))
        return NULL;
    if (begin(&dump, module, records, &bounds) < 0) return NULL;
    if (progress != Py_None) dump.progress = progress;
    if (open_file(&dump, file) == 0 && dump_all(&dump) == 0)
        count = PyLong_FromUnsignedLongLong(dump.writer.record);
    end(&dump);
    return count;
}

const char flat_dumps_doc[] =
    "dumps($module, records, *, max_depth=200, max_line=67108864, max_digits=4300)\n--\n\n"
    "Return the lines that dump() would write.";

PyObject *flat_dumps(PyObject *module, PyObject *args, PyObject *keywords) {
    static char *known[] = {"records", "max_depth", "max_line", "max_digits", NULL};
    struct flat_bounds bounds = {FLAT_MAX_DEPTH, FLAT_MAX_LINE, FLAT_MAX_DIGITS};
    PyObject *records, *bytes = NULL;
    struct dump dump;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$nnn:dumps", known, &records,
                                     &bounds.max_depth, &bounds.max_line, &bounds.max_digits))
        return NULL;
    if (begin(&dump, module, records, &bounds) < 0) return NULL;
    if (grow_bytes(&dump.writer, LEAST) && dump_all(&dump) == 0) {
        bytes = dump.writer.bytes;
        dump.writer.bytes = NULL;
        _PyBytes_Resize(&bytes, (Py_ssize_t)dump.writer.line);
    }
    end(&dump);
    return bytes;
}
