#include "flat_reader.h"

#include <math.h>

#include "python/common/progress.h"

int flat_reader_enter(struct flat_reader *reader) {
    if (reader->running) {
        PyErr_SetString(PyExc_ValueError, "the reader is in use");
        return -1;
    }
    reader->running = true;
    return 0;
}

/* ---- Other code ---------------------------------------------------------- */

static int collect_or_raise(struct flat_reader *reader, PyObject *error) {
    if (reader->errors == FLAT_COLLECT) return PyList_Append(reader->list, error);
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    return -1;
}

/* A bad line: 0, and the reader goes on behind it, or -1. */
static int report(struct flat_reader *reader, const struct flat_line *line) {
    PyObject *error;
    int status;

    if (PyErr_Occurred()) return -1;
    reader->skipped += reader->errors != FLAT_RAISE;
    if (reader->errors == FLAT_SKIP) return 0;
    flat_reader_let_others_run(reader);
    error = flat_error_new(flat_reader_state(reader), &reader->parser, reader->name, line,
                           reader->source.line);
    status = error == NULL ? -1 : collect_or_raise(reader, error);
    Py_XDECREF(error);
    flat_reader_keep_quiet(reader);
    return status;
}

static int tell(struct flat_reader *reader) {
    const struct flat_source *source = &reader->source;
    double part = NAN;

    if (source->view.obj != NULL && source->view.len > 0)
        part = (double)source->position / (double)source->view.len;
    return tell_progress(reader->progress, source->position, part);
}

int flat_reader_look_around(struct flat_reader *reader) {
    int status;

    reader->look_at = reader->source.position + FLAT_AT_ONCE;
    flat_reader_let_others_run(reader);
    status = PyErr_CheckSignals();
    if (status == 0) status = tell(reader);
    flat_reader_keep_quiet(reader);
    return status;
}

int flat_reader_close_source(struct flat_reader *reader) {
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

/* ---- Records ------------------------------------------------------------- */

static PyObject *parse_line(struct flat_reader *reader, const struct flat_line *line) {
    if (!line->too_long) return flat_parse(&reader->parser, line->start, line->end);
    return flat_over(&reader->parser, line->start + reader->source.max_line,
                     "a line of at most %zd bytes", (Py_ssize_t)reader->source.max_line);
}

PyObject *flat_reader_next(struct flat_reader *reader) {
    struct flat_line line;
    int status;

    for (;;) {
        PyObject *record;

        /* Before a line is taken, which an exception would lose. */
        if (reader->source.position >= reader->look_at && flat_reader_look_around(reader) < 0)
            return NULL;
        status = flat_source_next(&reader->source, &line);
        if (status <= 0) break;
        if (flat_is_blank(line.start, line.end)) continue;
        record = parse_line(reader, &line);
        if (record != NULL) return record;
        if (report(reader, &line) < 0) return NULL;
    }
    if (status == 0) flat_reader_close_source(reader);
    return NULL;
}
