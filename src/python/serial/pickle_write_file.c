/* Where the bytes go: memory, that is the bytes object that dumps() returns, or a
 * buffer that is sent to a file whenever a frame is full. */
#include "pickle_writer.h"

#include <math.h>

#include "python/common/progress.h"

enum { LEAST_GROWTH = 4096, GENTLE_GROWTH_FROM = 1 << 20 };

static struct pickle_writer *writer_of(struct pickle_output *output) {
    return (struct pickle_writer *)((char *)output - offsetof(struct pickle_writer, output));
}

/* A size for the buffer that holds `need` bytes. What is not written to costs
 * address space only. */
static size_t roomy(size_t size, size_t need) {
    size_t more = size < GENTLE_GROWTH_FROM ? size : size / 8;

    if (more < LEAST_GROWTH) more = LEAST_GROWTH;
    return size + more > need ? size + more : need;
}

static void move_to(struct pickle_output *output, unsigned char *start, size_t size) {
    size_t length = pickle_output_length(output);

    output->start = start;
    output->at = start + length;
    output->end = start + size;
}

static bool grow_bytes(struct pickle_output *output, size_t more) {
    struct pickle_writer *writer = writer_of(output);
    size_t length = pickle_output_length(output);
    size_t size = roomy((size_t)(output->end - output->start), length + more);

    if (more > PY_SSIZE_T_MAX - length) {
        PyErr_NoMemory();
        return false;
    }
    if (writer->bytes == NULL) {
        writer->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
        if (writer->bytes == NULL) return false;
        memcpy(PyBytes_AS_STRING(writer->bytes), output->start, length);
    } else if (_PyBytes_Resize(&writer->bytes, (Py_ssize_t)size) < 0) {
        output->start = output->at = output->end = NULL;
        return false;
    }
    move_to(output, (unsigned char *)PyBytes_AS_STRING(writer->bytes), size);
    return true;
}

static bool grow_buffer(struct pickle_output *output, size_t more) {
    struct pickle_writer *writer = writer_of(output);
    size_t length = pickle_output_length(output);
    size_t size = roomy((size_t)(output->end - output->start), length + more);
    unsigned char *buffer = PyMem_Realloc(writer->buffer, size);

    if (buffer == NULL) {
        PyErr_NoMemory();
        return false;
    }
    if (writer->buffer == NULL) memcpy(buffer, output->start, length);
    writer->buffer = buffer;
    move_to(output, buffer, size);
    return true;
}

int pickle_writer_open(struct pickle_writer *writer, PyObject *file) {
    writer->output.make_room = file == NULL ? grow_bytes : grow_buffer;
    if (file == NULL) return 0;
    if (pickle_find_attribute(file, writer->state->names.write, &writer->write) < 0) return -1;
    if (writer->write != NULL) return 0;
    PyErr_SetString(PyExc_TypeError, "file must have a 'write' attribute");
    return -1;
}

void pickle_writer_use(struct pickle_writer *writer, unsigned char *small, size_t size) {
    writer->output.start = writer->output.at = small;
    writer->output.end = small + size;
}

/* Which part of the root is written, as far as a list tells. */
static double part_done(const struct pickle_writer *writer) {
    PyObject *root = writer->root;
    Py_ssize_t size = PyList_CheckExact(root) ? PyList_GET_SIZE(root) : 0;

    return size > 0 ? (double)writer->root_at / (double)size : NAN;
}

/* Sends a bytes object; takes over the reference to it. */
static int send(struct pickle_writer *writer, PyObject *bytes) {
    PyObject *answer;

    if (bytes == NULL) return -1;
    writer->sent += (uint64_t)PyBytes_GET_SIZE(bytes);
    answer = PyObject_CallOneArg(writer->write, bytes);
    Py_DECREF(bytes);
    Py_XDECREF(answer);
    if (answer == NULL) return -1;
    if (writer->progress == NULL) return 0; /* nor is there a root, then */
    return tell_progress(writer->progress, writer->sent, part_done(writer));
}

int pickle_writer_flush(struct pickle_writer *writer) {
    struct pickle_output *output = &writer->output;
    size_t length = pickle_output_length(output);

    if (writer->write == NULL || length == 0) return 0;
    output->at = output->start;
    return send(writer, PyBytes_FromStringAndSize((char *)output->start, (Py_ssize_t)length));
}

OWN_FRAME int pickle_writer_boundary(struct pickle_writer *writer) {
    pickle_frame_close(&writer->output);
    if (pickle_writer_flush(writer) < 0) return -1;
    return pickle_frame_open(&writer->output) ? 0 : -1;
}

/* A payload too long to be copied as one. */
static int send_payload(struct pickle_writer *writer, const char *payload, size_t size,
                        PyObject *owner) {
    if (owner != NULL) return send(writer, Py_NewRef(owner));
    while (size > 0) {
        size_t part = size < PICKLE_FRAME_TARGET ? size : PICKLE_FRAME_TARGET;

        if (send(writer, PyBytes_FromStringAndSize(payload, (Py_ssize_t)part)) < 0) return -1;
        payload += part;
        size -= part;
    }
    return 0;
}

static int write_long_payload(struct pickle_writer *writer, const unsigned char *header,
                              size_t header_size, const void *payload, size_t size,
                              PyObject *owner) {
    pickle_frame_close(&writer->output);
    /* Before the header too: a frame goes to the file by itself. */
    if (pickle_writer_flush(writer) < 0) return -1;
    if (!pickle_put(&writer->output, header, header_size)) return -1;
    if (writer->write == NULL) {
        if (!pickle_put(&writer->output, payload, size)) return -1;
    } else {
        if (pickle_writer_flush(writer) < 0) return -1;
        if (send_payload(writer, payload, size, owner) < 0) return -1;
    }
    return pickle_frame_open(&writer->output) ? 0 : -1;
}

int pickle_write_payload(struct pickle_writer *writer, const unsigned char *header,
                         size_t header_size, const void *payload, size_t size, PyObject *owner) {
    unsigned char *room;

    if (size >= PICKLE_FRAME_TARGET)
        return write_long_payload(writer, header, header_size, payload, size, owner);
    room = pickle_output_room(&writer->output, header_size + size);
    if (room == NULL) return -1;
    memcpy(room, header, header_size);
    memcpy(room + header_size, payload, size);
    writer->output.at = room + header_size + size;
    return 0;
}

PyObject *pickle_writer_take(struct pickle_writer *writer) {
    struct pickle_output *output = &writer->output;
    Py_ssize_t length = (Py_ssize_t)pickle_output_length(output);
    PyObject *bytes = writer->bytes;

    if (bytes == NULL) return PyBytes_FromStringAndSize((char *)output->start, length);
    writer->bytes = NULL;
    _PyBytes_Resize(&bytes, length);
    return bytes;
}

void pickle_writer_close(struct pickle_writer *writer) {
    pickle_write_memo_release(&writer->memo);
    Py_CLEAR(writer->bytes);
    PyMem_Free(writer->buffer);
    writer->buffer = NULL;
    PyMem_Free(writer->unfinished);
    writer->unfinished = NULL;
    Py_CLEAR(writer->fast_open);
    Py_CLEAR(writer->write);
    Py_CLEAR(writer->persistent_id);
    Py_CLEAR(writer->reducer_override);
    Py_CLEAR(writer->dispatch_table);
    Py_CLEAR(writer->buffer_callback);
    Py_CLEAR(writer->progress);
}
