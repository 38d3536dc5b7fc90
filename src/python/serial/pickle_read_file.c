/* How bytes come from a file. Nothing behind the pickle may be taken from it,
 * for there may be another one. So the reader looks ahead in one of two ways:
 * into what peek() shows, which stays in the file until it is taken; or, within
 * a frame, whose bytes are known to belong here, into a buffer of its own. A file
 * that has neither is asked for each piece. */
#include "pickle_read_stack.h"

enum { CHUNK = 64 * 1024, PEEK = 128 * 1024, SMALL = 2048 };

int pickle_truncated(struct pickle_reader *reader) {
    return pickle_fail(reader, "pickle data was truncated");
}

static struct pickle_reader *reader_of(struct pickle_input *input) {
    return (struct pickle_reader *)((char *)input - offsetof(struct pickle_reader, input));
}

/* ---- Frames ----------------------------------------------------------------
 * What begins in a frame ends in it, and so does the frame before another begins:
 * else a stream could be read in two ways. */

/* What is behind the frame is shown. */
static void end_frame(struct pickle_reader *reader) {
    reader->input.end += reader->source.behind;
    reader->source.behind = 0;
    reader->source.framed = false;
}

int pickle_expect(struct pickle_reader *reader, size_t size) {
    size_t left = pickle_input_left(&reader->input);

    if (!reader->source.framed || size <= left || size - left <= reader->source.ahead) return 0;
    if (left > 0 || reader->source.ahead > 0)
        return pickle_fail(reader, "pickle exhausted before end of frame");
    end_frame(reader);
    return 0;
}

static bool fill_nothing(struct pickle_input *input, size_t size) {
    struct pickle_reader *reader = reader_of(input);

    if (pickle_expect(reader, size) < 0) return false;
    if (size <= pickle_input_left(input)) return true;
    pickle_truncated(reader);
    return false;
}

void pickle_reader_use(struct pickle_reader *reader, const void *bytes, size_t size) {
    reader->input = (struct pickle_input){bytes, (const unsigned char *)bytes + size, fill_nothing};
}

/* ---- Asking the file ----------------------------------------------------- */

/* Reads at most `most` bytes into `room`; how many, 0 at the end, or -1. Only files
 * of the io module are asked so: another might keep the view on our memory. */
static Py_ssize_t read_into(struct pickle_source *source, char *room, size_t most) {
    PyObject *view = PyMemoryView_FromMemory(room, (Py_ssize_t)most, PyBUF_WRITE), *answer;
    Py_ssize_t count = -1;

    if (view == NULL) return -1;
    answer = PyObject_CallOneArg(source->readinto, view);
    Py_DECREF(view);
    if (answer == NULL) return -1;
    count = PyNumber_AsSsize_t(answer, PyExc_ValueError);
    Py_DECREF(answer);
    if (count == -1 && PyErr_Occurred()) return -1;
    if (count >= 0 && (size_t)count <= most) return count;
    PyErr_SetString(PyExc_ValueError, "readinto() returned a count out of range");
    return -1;
}

/* The same for a file without readinto(). */
static Py_ssize_t read_copy(struct pickle_source *source, char *room, size_t most) {
    PyObject *bytes = PyObject_CallFunction(source->read, "n", (Py_ssize_t)most);
    Py_ssize_t count = -1;

    if (bytes == NULL) return -1;
    if (!PyBytes_Check(bytes))
        PyErr_Format(PyExc_ValueError, "read() returned non-bytes object (%R)", Py_TYPE(bytes));
    else if ((size_t)PyBytes_GET_SIZE(bytes) > most)
        PyErr_SetString(PyExc_ValueError, "read() returned more than it was asked for");
    else
        count = PyBytes_GET_SIZE(bytes);
    if (count > 0) memcpy(room, PyBytes_AS_STRING(bytes), (size_t)count);
    Py_DECREF(bytes);
    return count;
}

/* What costs more than a small pickle is asked for when there is more to read. */
static void look_at_file(struct pickle_reader *reader) {
    struct pickle_source *source = &reader->source;
    bool plain = is_plain_file(&reader->state->io, source->read);

    if (!plain) Py_CLEAR(source->readinto);
    if (plain && reader->may_pause && is_only_thread()) pickle_pause_gc(reader);
    source->looked_at = true;
    source->taken = 0;
}

static Py_ssize_t read_some(struct pickle_reader *reader, char *room, size_t most) {
    struct pickle_source *source = &reader->source;
    Py_ssize_t count;

    if (!source->looked_at && most >= SMALL) look_at_file(reader);
    if (source->looked_at && source->readinto != NULL)
        count = read_into(source, room, most);
    else
        count = read_copy(source, room, most);
    if (count <= 0) return count;
    source->ahead -= (uint64_t)count < source->ahead ? (uint64_t)count : source->ahead;
    source->taken += (uint64_t)count;
    if (source->taken >= WHOLE_ARENAS_FROM) pickle_expect_much(reader);
    return count;
}

/* ---- The window of peek() ------------------------------------------------ */

/* Takes from the file what was taken from the window, and closes the window. */
static int close_window(struct pickle_reader *reader) {
    struct pickle_source *source = &reader->source;
    Py_ssize_t taken = reader->input.at - source->window_start;
    PyObject *bytes;

    if (source->window == NULL) return 0;
    Py_CLEAR(source->window);
    reader->input.at = reader->input.end = NULL;
    source->behind = 0;
    if (taken == 0) return 0;
    bytes = PyObject_CallFunction(source->read, "n", taken);
    if (bytes == NULL) return -1;
    Py_DECREF(bytes);
    return 0;
}

/* 1: the window shows at least `size` bytes; 0: it cannot; -1: failed. */
static int open_window(struct pickle_reader *reader, size_t size) {
    struct pickle_source *source = &reader->source;
    PyObject *bytes = PyObject_CallFunction(source->peek, "n", (Py_ssize_t)PEEK);

    if (bytes == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_NotImplementedError)) return -1;
        PyErr_Clear();
        Py_CLEAR(source->peek);
        return 0;
    }
    if (!PyBytes_Check(bytes) || (size_t)PyBytes_GET_SIZE(bytes) < size) {
        Py_DECREF(bytes);
        return 0;
    }
    if (!source->looked_at && PyBytes_GET_SIZE(bytes) >= SMALL) look_at_file(reader);
    source->window = bytes;
    source->window_start = (const unsigned char *)PyBytes_AS_STRING(bytes);
    reader->input.at = source->window_start;
    reader->input.end = source->window_start + PyBytes_GET_SIZE(bytes);
    return 1;
}

/* ---- The buffer ---------------------------------------------------------- */

/* Makes room for `size` bytes, of which `left` are there. */
static int make_room(struct pickle_reader *reader, size_t left, size_t size) {
    struct pickle_source *source = &reader->source;
    unsigned char *buffer = source->buffer;

    if (left > 0 && reader->input.at != buffer) memmove(buffer, reader->input.at, left);
    /* A buffer that one long payload needed is not kept for ever. */
    if (source->size < size || (source->size > 4 * CHUNK && size <= CHUNK)) {
        buffer = PyMem_Realloc(buffer, size);
        if (buffer == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        source->buffer = buffer;
        source->size = size;
    }
    reader->input.at = buffer;
    reader->input.end = buffer + left;
    return 0;
}

/* Brings the buffer to `size` bytes. It grows as they come, not as they are
 * promised: to twice what is there, at most. */
static int fill_buffer(struct pickle_reader *reader, size_t size) {
    struct pickle_source *source = &reader->source;
    size_t left = pickle_input_left(&reader->input);

    while (left < size) {
        size_t most = left < CHUNK ? CHUNK : 2 * left;
        size_t want = size - left;
        Py_ssize_t count;

        if (source->ahead > want) want = source->ahead < CHUNK ? (size_t)source->ahead : CHUNK;
        if (want < size - left) want = size - left;
        if (left + want > most) want = most - left;
        if (make_room(reader, left, left + want) < 0) return -1;
        count = read_some(reader, (char *)source->buffer + left, want);
        if (count < 0) return -1;
        if (count == 0) return pickle_truncated(reader);
        left += (size_t)count;
        reader->input.end = source->buffer + left;
    }
    return 0;
}

static bool fill_from_file(struct pickle_input *input, size_t size) {
    struct pickle_reader *reader = reader_of(input);
    struct pickle_source *source = &reader->source;

    if (pickle_expect(reader, size) < 0) return false;
    if (size <= pickle_input_left(input)) return true;
    if (close_window(reader) < 0) return false;
    if (source->peek != NULL && source->ahead == 0 && pickle_input_left(input) == 0) {
        int status = open_window(reader, size);

        if (status != 0) return status > 0;
    }
    return fill_buffer(reader, size) == 0;
}

/* ---- What readers call --------------------------------------------------- */

int pickle_read_frame(struct pickle_reader *reader, uint64_t size) {
    struct pickle_source *source = &reader->source;
    size_t left = pickle_input_left(&reader->input);

    if (source->framed && (left > 0 || source->ahead > 0))
        return pickle_fail(reader, "beginning of a new frame before end of current frame");
    if (source->framed) end_frame(reader);
    source->framed = true;
    left = pickle_input_left(&reader->input);
    if (size <= left) {
        source->behind = left - (size_t)size;
        reader->input.end -= source->behind;
        return 0;
    }
    if (source->read == NULL) return pickle_truncated(reader);
    if (source->window != NULL) left = 0;
    if (close_window(reader) < 0) return -1;
    source->ahead = size - left;
    return 0;
}

/* What a frame has promised behind STOP is read too, as it is by the standard
 * module, which reads frames whole. */
static int skip_frame(struct pickle_reader *reader) {
    struct pickle_source *source = &reader->source;

    while (source->ahead > 0) {
        reader->input.at = reader->input.end;
        if (fill_buffer(reader, 1) < 0) return -1;
    }
    return 0;
}

int pickle_reader_settle(struct pickle_reader *reader, bool whole) {
    if (close_window(reader) < 0) return -1;
    return whole ? skip_frame(reader) : 0;
}

int pickle_read_into(struct pickle_reader *reader, char *room, size_t size) {
    size_t left;

    if (pickle_expect(reader, size) < 0) return -1;
    if (reader->source.window != NULL && size > pickle_input_left(&reader->input) &&
        close_window(reader) < 0)
        return -1;
    left = pickle_input_left(&reader->input);
    if (left > size) left = size;
    if (left > 0) memcpy(room, reader->input.at, left);
    reader->input.at += left;
    if (left < size && reader->source.read == NULL) return pickle_truncated(reader);
    while (left < size) {
        Py_ssize_t count = read_some(reader, room + left, size - left);

        if (count < 0) return -1;
        if (count == 0) return pickle_truncated(reader);
        left += (size_t)count;
    }
    return 0;
}

/* A copy of a line, with a NUL in the place of its end. */
static char *keep_line(struct pickle_reader *reader, const unsigned char *bytes, size_t length) {
    if (reader->line_size < length + 1) {
        char *line = PyMem_Realloc(reader->line, length + 1);

        if (line == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        reader->line = line;
        reader->line_size = length + 1;
    }
    memcpy(reader->line, bytes, length);
    reader->line[length] = '\0';
    return reader->line;
}

/* A line from a file that can only be asked for it, behind `left` bytes. */
static char *ask_line(struct pickle_reader *reader, size_t *length) {
    size_t left = pickle_input_left(&reader->input);
    PyObject *bytes = PyObject_CallNoArgs(reader->source.readline);
    Py_ssize_t size;
    char *line = NULL;

    if (bytes == NULL) return NULL;
    if (!PyBytes_Check(bytes)) {
        PyErr_Format(PyExc_ValueError, "readline() returned non-bytes object (%R)", Py_TYPE(bytes));
        Py_DECREF(bytes);
        return NULL;
    }
    size = PyBytes_GET_SIZE(bytes);
    if (size == 0 || PyBytes_AS_STRING(bytes)[size - 1] != '\n') {
        pickle_truncated(reader);
    } else if (make_room(reader, left, left + (size_t)size) == 0) {
        memcpy(reader->source.buffer + left, PyBytes_AS_STRING(bytes), (size_t)size);
        *length = left + (size_t)size - 1;
        line = keep_line(reader, reader->source.buffer, *length);
        reader->input.at = reader->input.end;
    }
    Py_DECREF(bytes);
    return line;
}

char *pickle_read_line(struct pickle_reader *reader, size_t *length) {
    struct pickle_source *source = &reader->source;
    size_t searched = 0;

    for (;;) {
        const unsigned char *at = reader->input.at;
        size_t left = pickle_input_left(&reader->input);
        const unsigned char *end =
            left > searched ? memchr(at + searched, '\n', left - searched) : NULL;

        if (end != NULL) {
            *length = (size_t)(end - at);
            reader->input.at = end + 1;
            return keep_line(reader, at, *length);
        }
        searched = left;
        if (source->readline != NULL && !source->framed && source->window == NULL &&
            (source->peek == NULL || left > 0))
            return ask_line(reader, length);
        if (!reader->input.fill(&reader->input, left + 1)) return NULL;
    }
}

int pickle_reader_open(struct pickle_reader *reader, PyObject *file) {
    struct pickle_source *source = &reader->source;
    const struct {
        PyObject *name, **method;
    } wanted[] = {
        {reader->state->names.read, &source->read},
        {reader->state->names.readline, &source->readline},
        {reader->state->names.readinto, &source->readinto},
        {reader->state->names.peek, &source->peek},
    };

    for (int i = 0; i < 4; i++)
        if (pickle_find_attribute(file, wanted[i].name, wanted[i].method) < 0) return -1;
    if (source->read == NULL || source->readline == NULL) {
        PyErr_SetString(PyExc_TypeError, "file must have 'read' and 'readline' attributes");
        return -1;
    }
    reader->input = (struct pickle_input){NULL, NULL, fill_from_file};
    return 0;
}
