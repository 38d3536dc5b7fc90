/* Objects without parts, written straight from where they are stored: nothing is
 * encoded into an object of its own, and nothing is left behind in a string. */
#include "pickle_writer.h"

#include <string.h>

#include "shoal/pickle_text.h"

static int put_small_int(struct pickle_writer *writer, long long value) {
    struct pickle_output *output = &writer->output;
    char text[32];

    if (!writer->binary) {
        int length = snprintf(text, sizeof text, "%c%lld\n", PICKLE_INT, value);

        return pickle_put(output, text, (size_t)length) ? 0 : -1;
    }
    if (value >= 0 && value <= 0xff)
        return pickle_put_number(output, PICKLE_BININT1, (uint64_t)value, 1) ? 0 : -1;
    if (value >= 0 && value <= 0xffff)
        return pickle_put_number(output, PICKLE_BININT2, (uint64_t)value, 2) ? 0 : -1;
    return pickle_put_number(output, PICKLE_BININT, (uint64_t)value, 4) ? 0 : -1;
}

/* Bytes of a number in two's complement. */
static unsigned bytes_of(uint64_t magnitude) {
    return (64 - (unsigned)__builtin_clzll(magnitude | 1)) / 8 + 1;
}

/* LONG1 of a number of 64 bits and its sign. */
static int put_word(struct pickle_writer *writer, uint64_t low, bool negative) {
    unsigned size = bytes_of(negative ? ~low : low);
    unsigned char *room = pickle_output_room(&writer->output, 11);

    if (room == NULL) return -1;
    room[0] = PICKLE_LONG1;
    room[1] = (unsigned char)size;
    pickle_store(room + 2, low, 8);
    room[10] = negative ? 0xff : 0;
    writer->output.at = room + 2 + size;
    return 0;
}

/* Digits in ASCII, as protocols 0 and 1 have them. */
static int put_long_text(struct pickle_writer *writer, PyObject *number) {
    PyObject *text = PyObject_Repr(number);
    bool done;

    if (text == NULL) return -1;
    done = pickle_put_opcode(&writer->output, PICKLE_LONG) &&
           pickle_put(&writer->output, PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text)) &&
           pickle_put(&writer->output, "L\n", 2);
    Py_DECREF(text);
    return done ? 0 : -1;
}

/* The least size in two's complement: the sign may need a byte more than the bits. */
static int put_long_bytes(struct pickle_writer *writer, PyObject *number) {
    size_t bits = _PyLong_NumBits(number), size, header;
    unsigned char *room;

    if (bits == (size_t)-1 && PyErr_Occurred()) return -1;
    size = bits / 8 + 1;
    if (size > 0x7fffffff) {
        PyErr_SetString(PyExc_OverflowError, "int too large to pickle");
        return -1;
    }
    header = size < 256 ? 2 : 5;
    room = pickle_output_room(&writer->output, header + size);
    if (room == NULL || pickle_int_to_bytes(number, room + header, size) < 0) return -1;
    if (size > 1 && room[header + size - 1] == 0xff && (room[header + size - 2] & 0x80)) {
        if (size == 256) memmove(room + 2, room + 5, 255);
        if (size == 256) header = 2;
        size--;
    }
    room[0] = header == 2 ? PICKLE_LONG1 : PICKLE_LONG4;
    pickle_store(room + 1, size, (unsigned)header - 1);
    writer->output.at = room + header + size;
    return 0;
}

OWN_FRAME int pickle_write_int(struct pickle_writer *writer, PyObject *number) {
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);

    if (value == -1 && PyErr_Occurred()) return -1;
    if (!overflow && value >= INT32_MIN && value <= INT32_MAX) return put_small_int(writer, value);
    if (writer->protocol < 2) return put_long_text(writer, number);
    if (!overflow) return put_word(writer, (uint64_t)value, value < 0);
    if (overflow > 0 && _PyLong_NumBits(number) == 64)
        return put_word(writer, PyLong_AsUnsignedLongLong(number), false);
    return put_long_bytes(writer, number);
}

int pickle_write_float(struct pickle_writer *writer, PyObject *number) {
    double value = PyFloat_AS_DOUBLE(number);
    char *text;
    bool done;

    if (writer->binary) return pickle_put_double(&writer->output, value) ? 0 : -1;
    text = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (text == NULL) return -1;
    done = pickle_put_opcode(&writer->output, PICKLE_FLOAT) &&
           pickle_put(&writer->output, text, strlen(text)) && pickle_put(&writer->output, "\n", 1);
    PyMem_Free(text);
    return done ? 0 : -1;
}

int pickle_write_bool(struct pickle_writer *writer, PyObject *object) {
    bool truth = object == Py_True;

    if (writer->protocol >= 2)
        return pickle_put_opcode(&writer->output, truth ? PICKLE_NEWTRUE : PICKLE_NEWFALSE) ? 0
                                                                                            : -1;
    return pickle_put(&writer->output, truth ? "I01\n" : "I00\n", 4) ? 0 : -1;
}

/* ---- Strings ------------------------------------------------------------- */

static struct shoal_text text_of(PyObject *text) {
    return (struct shoal_text){PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text),
                               (unsigned)PyUnicode_KIND(text)};
}

/* Opcode and size of a string, into 9 bytes; 0: too long for the protocol. */
static size_t str_header(const struct pickle_writer *writer, size_t size, unsigned char *header) {
    if (size <= 0xff && writer->protocol >= 4) {
        header[0] = PICKLE_SHORT_BINUNICODE;
        header[1] = (unsigned char)size;
        return 2;
    }
    if (size <= 0xffffffff) {
        header[0] = PICKLE_BINUNICODE;
        pickle_store(header + 1, size, 4);
        return 5;
    }
    if (writer->protocol < 4) {
        PyErr_SetString(PyExc_OverflowError,
                        "serializing a string larger than 4 GiB requires pickle protocol 4 or "
                        "higher");
        return 0;
    }
    header[0] = PICKLE_BINUNICODE8;
    pickle_store(header + 1, size, 8);
    return 9;
}

static int put_escaped(struct pickle_writer *writer, struct shoal_text text) {
    size_t size = shoal_escaped_length(text);
    unsigned char *room = pickle_output_room(&writer->output, size + 2);

    if (room == NULL) return -1;
    *room++ = PICKLE_UNICODE;
    room = shoal_escaped_write(text, room);
    *room++ = '\n';
    writer->output.at = room;
    return 0;
}

/* Not ASCII: encoded into the buffer, or for a long one into memory of its own. */
static int put_encoded(struct pickle_writer *writer, struct shoal_text text) {
    unsigned char header[9], *room;
    size_t size = shoal_utf8_length(text), header_size = str_header(writer, size, header);
    int status;

    if (header_size == 0) return -1;
    if (size < PICKLE_FRAME_TARGET) {
        room = pickle_output_room(&writer->output, header_size + size);
        if (room == NULL) return -1;
        memcpy(room, header, header_size);
        writer->output.at = shoal_utf8_write(text, room + header_size);
        return 0;
    }
    room = PyMem_Malloc(size);
    if (room == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    shoal_utf8_write(text, room);
    status = pickle_write_payload(writer, header, header_size, room, size, NULL);
    PyMem_Free(room);
    return status;
}

OWN_FRAME int pickle_write_str_text(struct pickle_writer *writer, PyObject *object) {
    unsigned char header[9];
    size_t size, header_size;

#if PY_VERSION_HEX < 0x030c0000
    if (PyUnicode_READY(object) < 0) return -1;
#endif
    if (!writer->binary) return put_escaped(writer, text_of(object));
    if (!PyUnicode_IS_ASCII(object)) return put_encoded(writer, text_of(object));
    size = (size_t)PyUnicode_GET_LENGTH(object);
    header_size = str_header(writer, size, header);
    if (header_size == 0) return -1;
    return pickle_write_payload(writer, header, header_size, PyUnicode_DATA(object), size, NULL);
}

/* ---- Bytes and buffers --------------------------------------------------- */

static int put_bytes(struct pickle_writer *writer, const void *data, size_t size, PyObject *owner) {
    unsigned char header[9];
    unsigned header_size = size <= 0xff ? 2 : size <= 0xffffffff ? 5 : 9;

    if (header_size == 9 && writer->protocol < 4) {
        PyErr_SetString(PyExc_OverflowError,
                        "serializing a bytes object larger than 4 GiB requires pickle protocol 4 "
                        "or higher");
        return -1;
    }
    header[0] = header_size == 2   ? PICKLE_SHORT_BINBYTES
                : header_size == 5 ? PICKLE_BINBYTES
                                   : PICKLE_BINBYTES8;
    pickle_store(header + 1, size, header_size - 1);
    return pickle_write_payload(writer, header, header_size, data, size, owner);
}

/* Before protocol 3 bytes are what a call returns. */
static int write_bytes_as_call(struct pickle_writer *writer, PyObject *bytes) {
    PyObject *text, *reduced;

    if (PyBytes_GET_SIZE(bytes) == 0) {
        reduced = Py_BuildValue("(O())", (PyObject *)&PyBytes_Type);
    } else {
        text = PyUnicode_DecodeLatin1(PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes), "strict");
        if (text == NULL) return -1;
        reduced = Py_BuildValue("(O(NO))", writer->state->codecs_encode, text,
                                writer->state->names.latin1);
    }
    return reduced == NULL ? -1 : pickle_write_reduced(writer, reduced, bytes, false);
}

OWN_FRAME int pickle_write_bytes(struct pickle_writer *writer, PyObject *bytes, bool sole) {
    bool spared = pickle_spares_immutable(writer, sole) && writer->protocol >= 3;
    int status;

    if (!sole) {
        status = pickle_write_from_memo(writer, bytes);
        if (status != 0) return status < 0 ? -1 : 0;
    }
    if (writer->protocol < 3) return write_bytes_as_call(writer, bytes);
    if (put_bytes(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes), bytes) < 0)
        return -1;
    return spared ? 0 : pickle_memorize(writer, bytes);
}

static int put_bytearray(struct pickle_writer *writer, const void *data, size_t size) {
    unsigned char header[9] = {PICKLE_BYTEARRAY8};

    pickle_store(header + 1, size, 8);
    return pickle_write_payload(writer, header, sizeof header, data, size, NULL);
}

static int write_bytearray_as_call(struct pickle_writer *writer, PyObject *array) {
    PyObject *type = (PyObject *)&PyByteArray_Type, *reduced;

    if (PyByteArray_GET_SIZE(array) == 0)
        reduced = Py_BuildValue("(O())", type);
    else
        reduced = Py_BuildValue(
            "(O(N))", type,
            PyBytes_FromStringAndSize(PyByteArray_AS_STRING(array), PyByteArray_GET_SIZE(array)));
    return reduced == NULL ? -1 : pickle_write_reduced(writer, reduced, array, false);
}

/* The array is locked while it is written: a file's write may run other code. */
OWN_FRAME int pickle_write_bytearray(struct pickle_writer *writer, PyObject *array) {
    Py_buffer view;
    int status;

    if (writer->protocol < 5) return write_bytearray_as_call(writer, array);
    if (PyObject_GetBuffer(array, &view, PyBUF_SIMPLE) < 0) return -1;
    status = put_bytearray(writer, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return status < 0 ? -1 : pickle_memorize(writer, array);
}

/* 1: the buffer goes into the stream; 0: the callback took it; -1: failed. */
static int ask_in_band(struct pickle_writer *writer, PyObject *buffer) {
    PyObject *answer;
    int in_band;

    if (writer->buffer_callback == NULL) return 1;
    answer = PyObject_CallOneArg(writer->buffer_callback, buffer);
    if (answer == NULL) return -1;
    in_band = PyObject_IsTrue(answer);
    Py_DECREF(answer);
    return in_band;
}

static int write_in_band(struct pickle_writer *writer, PyObject *buffer, const Py_buffer *view) {
    int status = view->readonly ? put_bytes(writer, view->buf, (size_t)view->len, NULL)
                                : put_bytearray(writer, view->buf, (size_t)view->len);

    return status < 0 ? -1 : pickle_memorize(writer, buffer);
}

static int write_view(struct pickle_writer *writer, PyObject *buffer, const Py_buffer *view) {
    int in_band;

    if (view->suboffsets != NULL || !PyBuffer_IsContiguous(view, 'A'))
        return pickle_refuse(writer, "PickleBuffer can not be pickled when pointing to a "
                                     "non-contiguous buffer");
    in_band = ask_in_band(writer, buffer);
    if (in_band < 0) return -1;
    if (in_band) return write_in_band(writer, buffer, view);
    if (!pickle_put_opcode(&writer->output, PICKLE_NEXT_BUFFER)) return -1;
    if (view->readonly && !pickle_put_opcode(&writer->output, PICKLE_READONLY_BUFFER)) return -1;
    return 0;
}

/* The memory is locked until it is written: the callback, its answer, or a file's write
 * may release the PickleBuffer. */
OWN_FRAME int pickle_write_buffer(struct pickle_writer *writer, PyObject *buffer) {
    Py_buffer view;
    int status;

    if (writer->protocol < 5)
        return pickle_refuse(writer, "PickleBuffer can only be pickled with protocol >= 5");
    if (PyObject_GetBuffer(buffer, &view, PyBUF_FULL_RO) < 0) return -1;
    status = write_view(writer, buffer, &view);
    PyBuffer_Release(&view);
    return status;
}
