/* Opcodes that put one object without parts on the stack. */
#include "pickle_read_stack.h"

#include <errno.h>

int pickle_load_none(struct pickle_reader *reader) {
    return pickle_push(reader, Py_NewRef(Py_None));
}

int pickle_load_true(struct pickle_reader *reader) {
    return pickle_push(reader, Py_NewRef(Py_True));
}

int pickle_load_false(struct pickle_reader *reader) {
    return pickle_push(reader, Py_NewRef(Py_False));
}

/* ---- Numbers ------------------------------------------------------------- */

static int push_int(struct pickle_reader *reader, long long value) {
    return pickle_push(reader, pickle_share(reader, PyLong_FromLongLong(value), (size_t)value));
}

int pickle_load_binint1(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 1);

    return bytes == NULL ? -1 : pickle_push(reader, PyLong_FromLong(*bytes));
}

int pickle_load_binint2(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 2);

    return bytes == NULL ? -1 : push_int(reader, (long long)pickle_fetch(bytes, 2));
}

int pickle_load_binint(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 4);

    return bytes == NULL ? -1 : push_int(reader, pickle_fetch_signed(bytes, 4));
}

static int push_long(struct pickle_reader *reader, size_t size) {
    const unsigned char *bytes = pickle_take(&reader->input, size);

    if (bytes == NULL) return -1;
    if (size == 0) return pickle_push(reader, PyLong_FromLong(0));
    if (size == 8) return push_int(reader, (int64_t)pickle_fetch_word(bytes));
    if (size < 8) return push_int(reader, pickle_fetch_signed(bytes, (unsigned)size));
    if (size == 9 && bytes[8] == 0) {
        uint64_t value = pickle_fetch_word(bytes);

        return pickle_push(reader,
                           pickle_share(reader, PyLong_FromUnsignedLongLong(value), (size_t)value));
    }
    return pickle_push(reader, pickle_int_from_bytes(bytes, size));
}

int pickle_load_long1(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 1);

    return bytes == NULL ? -1 : push_long(reader, *bytes);
}

int pickle_load_long4(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 4);
    int64_t size;

    if (bytes == NULL) return -1;
    size = pickle_fetch_signed(bytes, 4);
    if (size < 0) return pickle_fail(reader, "LONG pickle has negative byte count");
    return push_long(reader, (size_t)size);
}

static int bad_number(const char *message) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, message);
    return -1;
}

int pickle_load_int(struct pickle_reader *reader) {
    size_t length;
    char *line = pickle_read_line(reader, &length), *end;
    PyObject *number;

    if (line == NULL) return -1;
    if (length == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1'))
        return pickle_push(reader, PyBool_FromLong(line[1] - '0'));
    number = PyLong_FromString(line, &end, 10);
    if (number != NULL && end == line + length) return pickle_push(reader, number);
    Py_XDECREF(number);
    PyErr_Clear();
    return bad_number("could not convert string to int");
}

int pickle_load_long(struct pickle_reader *reader) {
    size_t length;
    char *line = pickle_read_line(reader, &length), *end;
    PyObject *number;

    if (line == NULL) return -1;
    if (length == 0) return pickle_truncated(reader);
    if (line[length - 1] == 'L') line[--length] = '\0';
    number = PyLong_FromString(line, &end, 10);
    if (number != NULL && end == line + length) return pickle_push(reader, number);
    Py_XDECREF(number);
    return bad_number("could not convert string to int");
}

int pickle_load_float(struct pickle_reader *reader) {
    size_t length;
    char *line = pickle_read_line(reader, &length), *end;
    double value;

    if (line == NULL) return -1;
    value = PyOS_string_to_double(line, &end, PyExc_OverflowError);
    if (value == -1.0 && PyErr_Occurred()) return -1;
    if (length == 0 || end != line + length) return bad_number("could not convert string to float");
    return pickle_push(reader, PyFloat_FromDouble(value));
}

int pickle_load_binfloat(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 8);
    PyObject *number;

    if (bytes == NULL) return -1;
    number = PyFloat_FromDouble(pickle_fetch_double(bytes));
    return pickle_push(reader, pickle_share(reader, number, (size_t)pickle_fetch_word(bytes)));
}

/* ---- Strings of Python 2 ------------------------------------------------- */

/* As str, or as bytes when the encoding is called so. */
static int push_string(struct pickle_reader *reader, PyObject *bytes) {
    PyObject *text;

    if (bytes == NULL) return -1;
    if (strcmp(reader->encoding, "bytes") == 0) return pickle_push(reader, bytes);
    pickle_resume_gc(reader);
    text = PyUnicode_FromEncodedObject(bytes, reader->encoding, reader->errors);
    Py_DECREF(bytes);
    return pickle_push(reader, text);
}

int pickle_load_string(struct pickle_reader *reader) {
    size_t length;
    char *line = pickle_read_line(reader, &length);

    if (line == NULL) return -1;
    if (length < 2 || line[0] != line[length - 1] || (line[0] != '"' && line[0] != '\''))
        return pickle_fail(reader, "the STRING opcode argument must be quoted");
    return push_string(reader,
                       PyBytes_DecodeEscape(line + 1, (Py_ssize_t)length - 2, NULL, 0, NULL));
}

static int push_binstring(struct pickle_reader *reader, size_t size) {
    const unsigned char *bytes = pickle_take(&reader->input, size);

    if (bytes == NULL) return -1;
    return push_string(reader, PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)size));
}

int pickle_load_binstring(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 4);
    int64_t size;

    if (bytes == NULL) return -1;
    size = pickle_fetch_signed(bytes, 4);
    if (size < 0) return pickle_fail(reader, "BINSTRING pickle has negative byte count");
    return push_binstring(reader, (size_t)size);
}

int pickle_load_short_binstring(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 1);

    return bytes == NULL ? -1 : push_binstring(reader, *bytes);
}

/* ---- Strings ------------------------------------------------------------- */

int pickle_load_unicode(struct pickle_reader *reader) {
    size_t length;
    char *line = pickle_read_line(reader, &length);

    if (line == NULL) return -1;
    return pickle_push(reader, PyUnicode_DecodeRawUnicodeEscape(line, (Py_ssize_t)length, NULL));
}

/* Takes a length of `width` bytes; -1: there is none, or no object can be so long. */
static int take_length(struct pickle_reader *reader, unsigned width, const char *opcode,
                       size_t *length) {
    const unsigned char *bytes = pickle_take(&reader->input, width);
    uint64_t size;

    if (bytes == NULL) return -1;
    size = pickle_fetch(bytes, width);
    if (size > PY_SSIZE_T_MAX / 2) {
        PyErr_Format(PyExc_OverflowError, "%s exceeds system's maximum size of %zd bytes", opcode,
                     PY_SSIZE_T_MAX);
        return -1;
    }
    *length = (size_t)size;
    return 0;
}

static int load_str(struct pickle_reader *reader, unsigned width, const char *opcode) {
    const unsigned char *bytes;
    size_t size;

    if (take_length(reader, width, opcode, &size) < 0) return -1;
    bytes = pickle_take(&reader->input, size);
    return bytes == NULL ? -1 : pickle_push(reader, pickle_make_str(reader, bytes, size));
}

int pickle_load_short_binunicode(struct pickle_reader *reader) {
    return load_str(reader, 1, "BINUNICODE");
}

int pickle_load_binunicode(struct pickle_reader *reader) {
    return load_str(reader, 4, "BINUNICODE");
}

int pickle_load_binunicode8(struct pickle_reader *reader) {
    return load_str(reader, 8, "BINUNICODE8");
}

/* ---- Bytes --------------------------------------------------------------- */

enum { TRUSTED = 1 << 20 }; /* bytes that are allocated on the word of a stream alone */

/* What is not in memory is given room as it comes. */
static size_t next_size(const struct pickle_reader *reader, size_t have, size_t size) {
    size_t most = have < TRUSTED ? TRUSTED : 2 * have;

    if (size - have <= pickle_input_left(&reader->input)) return size;
    return size < most ? size : most;
}

static PyObject *read_bytes(struct pickle_reader *reader, size_t size) {
    size_t have = 0, room;
    PyObject *bytes;

    if (pickle_expect(reader, size) < 0) return NULL;
    room = next_size(reader, 0, size);
    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room);

    while (bytes != NULL && have < size) {
        if (pickle_read_into(reader, PyBytes_AS_STRING(bytes) + have, room - have) < 0) {
            Py_CLEAR(bytes);
            break;
        }
        have = room;
        room = next_size(reader, have, size);
        if (room > have) _PyBytes_Resize(&bytes, (Py_ssize_t)room);
    }
    return bytes;
}

static int load_bytes(struct pickle_reader *reader, unsigned width, const char *opcode) {
    const unsigned char *bytes;
    size_t size;

    if (take_length(reader, width, opcode, &size) < 0) return -1;
    if (size > 4096) return pickle_push(reader, read_bytes(reader, size));
    bytes = pickle_take(&reader->input, size);
    if (bytes == NULL) return -1;
    return pickle_push(reader, PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)size));
}

int pickle_load_short_binbytes(struct pickle_reader *reader) {
    return load_bytes(reader, 1, "BINBYTES");
}

int pickle_load_binbytes(struct pickle_reader *reader) { return load_bytes(reader, 4, "BINBYTES"); }

int pickle_load_binbytes8(struct pickle_reader *reader) {
    return load_bytes(reader, 8, "BINBYTES8");
}

int pickle_load_bytearray8(struct pickle_reader *reader) {
    size_t size, have = 0;
    PyObject *array;

    if (take_length(reader, 8, "BYTEARRAY8", &size) < 0) return -1;
    if (pickle_expect(reader, size) < 0) return -1;
    array = PyByteArray_FromStringAndSize(NULL, 0);
    while (array != NULL && have < size) {
        size_t room = next_size(reader, have, size);

        if (PyByteArray_Resize(array, (Py_ssize_t)room) < 0 ||
            pickle_read_into(reader, PyByteArray_AS_STRING(array) + have, room - have) < 0)
            Py_CLEAR(array);
        have = room;
    }
    return pickle_push(reader, array);
}

/* ---- Buffers that are not in the stream ---------------------------------- */

int pickle_load_next_buffer(struct pickle_reader *reader) {
    PyObject *buffer;

    if (reader->buffers == NULL)
        return pickle_fail(reader, "pickle stream refers to out-of-band data but no *buffers* "
                                   "argument was given");
    pickle_resume_gc(reader);
    buffer = PyIter_Next(reader->buffers);
    if (buffer == NULL && !PyErr_Occurred())
        return pickle_fail(reader, "not enough out-of-band buffers");
    return pickle_push(reader, buffer);
}

int pickle_load_readonly_buffer(struct pickle_reader *reader) {
    PyObject *view, *readonly;

    if (pickle_need(reader, 1) < 0) return -1;
    pickle_resume_gc(reader);
    view = PyMemoryView_FromObject(pickle_top(reader));
    if (view == NULL) return -1;
    if (PyMemoryView_GET_BUFFER(view)->readonly) {
        Py_DECREF(view);
        return 0;
    }
    readonly = PyObject_CallMethod(view, "toreadonly", NULL);
    Py_DECREF(view);
    if (readonly == NULL) return -1;
    Py_SETREF(reader->stack[reader->depth - 1], readonly);
    return 0;
}
