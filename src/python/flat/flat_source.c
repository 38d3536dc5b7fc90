#include "flat_source.h"

#include <string.h>

#include "flat_state.h"

/* ---- Asking the file ----------------------------------------------------- */

/* Reads at most `most` bytes into `room`; how many, 0 at the end, or -1. Only files
 * of the io module are asked so: another might keep the view on our memory. */
static Py_ssize_t read_into(struct flat_source *source, void *room, size_t most) {
    PyObject *view = PyMemoryView_FromMemory(room, (Py_ssize_t)most, PyBUF_WRITE), *answer;
    Py_ssize_t count = -1;

    if (view == NULL) return -1;
    answer = PyObject_CallFunctionObjArgs(source->readinto, view, NULL);
    Py_DECREF(view);
    if (answer == NULL) return -1;
    if (answer == Py_None)
        PyErr_SetString(PyExc_BlockingIOError, "the file has nothing to read yet");
    else
        count = PyNumber_AsSsize_t(answer, PyExc_ValueError);
    Py_DECREF(answer);
    if (count == -1 && PyErr_Occurred()) return -1;
    if (count >= 0 && (size_t)count <= most) return count;
    PyErr_SetString(PyExc_ValueError, "readinto() returned a count out of range");
    return -1;
}

/* The same for a file without readinto(). */
static Py_ssize_t read_copy(struct flat_source *source, void *room, size_t most) {
    PyObject *bytes = PyObject_CallFunction(source->read, "n", (Py_ssize_t)most);
    Py_ssize_t count = -1;

    if (bytes == NULL) return -1;
    if (PyUnicode_Check(bytes))
        PyErr_SetString(PyExc_TypeError, "the file must be binary: its read() returned str");
    else if (!PyBytes_Check(bytes))
        PyErr_Format(PyExc_TypeError, "read() returned non-bytes object (%R)", Py_TYPE(bytes));
    else if ((size_t)PyBytes_GET_SIZE(bytes) > most)
        PyErr_SetString(PyExc_ValueError, "read() returned more than it was asked for");
    else
        count = PyBytes_GET_SIZE(bytes);
    if (count > 0) memcpy(room, PyBytes_AS_STRING(bytes), (size_t)count);
    Py_DECREF(bytes);
    return count;
}

/* ---- The buffer ---------------------------------------------------------- */

/* Brings more bytes behind those that are left: 1, 0 at the end of the file, or -1.
 * The buffer is as long as one line needs and one reading gives, and not longer. */
static int fill(struct flat_source *source) {
    size_t left = (size_t)(source->end - source->at), need = left + FLAT_READ_SIZE;
    unsigned char *buffer = source->buffer;
    Py_ssize_t count;

    if (source->ended) return 0;
    if (left > 0 && source->at != buffer) memmove(buffer, source->at, left);
    source->at = source->end = buffer;
    if (source->size < need || source->size > 4 * need) {
        /* Long lines: in steps that grow with them, so that they are moved seldom. */
        if (source->size < need) need += left;
        buffer = PyMem_Realloc(buffer, need);
        if (buffer == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        source->buffer = buffer;
        source->size = need;
    }
    source->at = buffer;
    source->end = buffer + left;
    if (source->readinto != NULL)
        count = read_into(source, buffer + left, FLAT_READ_SIZE);
    else
        count = read_copy(source, buffer + left, FLAT_READ_SIZE);
    if (count < 0) return -1;
    source->ended = count == 0;
    source->end += count;
    return count > 0;
}

/* ---- Lines --------------------------------------------------------------- */

static int skip_mark(struct flat_source *source) {
    while (source->end - source->at < 3) {
        int status = fill(source);

        if (status < 0) return -1;
        if (status == 0) return 0;
    }
    if (memcmp(source->at, "\xef\xbb\xbf", 3) == 0) {
        source->at += 3;
        source->position += 3;
    }
    return 0;
}

/* Gives out a line that ends at `end`, behind which comes a line feed if `fed`. */
static void give(struct flat_source *source, const unsigned char *end, bool fed,
                 struct flat_line *line) {
    line->start = source->at;
    line->end = end;
    line->too_long = (size_t)(end - line->start) > source->max_line;
    source->at = end + fed;
    source->position += (uint64_t)(source->at - line->start);
    source->line++;
    if (end > line->start && end[-1] == '\r') line->end--;
}

/* What is there is longer than a line may be: gives out its beginning, up to the
 * bound. The rest may never end, so it is passed over when the next line is asked for. */
static void give_beginning(struct flat_source *source, struct flat_line *line) {
    *line = (struct flat_line){source->at, source->at + source->max_line, true};
    source->at = line->end;
    source->position += source->max_line;
    source->line++;
    source->is_within = true;
}

/* 0 at the end of the file. */
static int pass_over_rest(struct flat_source *source) {
    for (;;) {
        const unsigned char *from = source->at;
        const unsigned char *feed = memchr(from, '\n', (size_t)(source->end - from));
        int status;

        source->at = feed != NULL ? feed + 1 : source->end;
        source->position += (uint64_t)(source->at - from);
        source->is_within = feed == NULL;
        if (feed != NULL) return 1;
        status = fill(source);
        if (status <= 0) return status;
    }
}

int flat_source_line(struct flat_source *source, struct flat_line *line) {
    size_t searched = 0;

    if (source->line == 0 && source->position == 0 && skip_mark(source) < 0) return -1;
    if (source->is_within) {
        int status = pass_over_rest(source);

        if (status <= 0) return status;
    }
    for (;;) {
        size_t left = (size_t)(source->end - source->at);
        const unsigned char *feed = NULL;
        int status;

        if (left > searched) feed = memchr(source->at + searched, '\n', left - searched);
        if (feed != NULL) {
            give(source, feed, true, line);
            return 1;
        }
        if (left > source->max_line) {
            give_beginning(source, line);
            return 1;
        }
        searched = left;
        status = fill(source);
        if (status < 0) return -1;
        if (status > 0) continue;
        if (left == 0) return 0;
        give(source, source->end, false, line);
        return 1;
    }
}

/* ---- Opening ------------------------------------------------------------- */

static int open_file(struct flat_source *source, const struct flat_state *state, PyObject *file) {
    if (flat_refuse_text(state, file) < 0) return -1;
    if (flat_find_attribute(file, "read", &source->read) <= 0) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_TypeError, "expected a binary file or bytes, not %.200s",
                         Py_TYPE(file)->tp_name);
        return -1;
    }
    if (flat_find_attribute(file, "readinto", &source->readinto) < 0) return -1;
    source->plain = is_plain_file(&state->io, source->read);
    if (!source->plain) Py_CLEAR(source->readinto);
    return 0;
}

int flat_source_open(struct flat_source *source, const struct flat_state *state, PyObject *file,
                     size_t max_line) {
    memset(source, 0, sizeof *source);
    source->max_line = max_line > 0 ? max_line : FLAT_MAX_LINE;
    if (PyObject_CheckBuffer(file)) {
        if (PyObject_GetBuffer(file, &source->view, PyBUF_CONTIG_RO) < 0) return -1;
        source->at = source->view.buf;
        source->end = source->at + source->view.len;
        source->ended = source->plain = true;
        return 0;
    }
    return open_file(source, state, file);
}

uint64_t flat_source_size(const struct flat_source *source) {
    uint64_t left;

    if (source->read == NULL) return (uint64_t)source->view.len;
    left = source->plain ? plain_file_left(source->read) : 0;
    return left == 0 ? 0 : source->position + left;
}

void flat_source_close(struct flat_source *source) {
    source->at = source->end = NULL;
    source->ended = true;
    Py_CLEAR(source->read);
    Py_CLEAR(source->readinto);
    if (source->view.obj != NULL) PyBuffer_Release(&source->view);
    PyMem_Free(source->buffer);
    source->buffer = NULL;
    source->size = 0;
}
