/* Items and pairs that an iterator gives, put into the list or dict that is on top
 * of the reader's stack. The iterator owns what it gives, or the caller now does:
 * a count of one would prove nothing, so all of it may go into the memo. */
#include "pickle_writer.h"

/* A part of the two functions at the end, each of which has one frame on the C stack;
 * `pairs` is a constant in each. */
#define PART static inline __attribute__((always_inline))

static int put(struct pickle_writer *writer, enum pickle_opcode opcode) {
    return pickle_put_opcode(&writer->output, opcode) ? 0 : -1;
}

PART int put_one(struct pickle_writer *writer, bool pairs) {
    return put(writer, pairs ? PICKLE_SETITEM : PICKLE_APPEND);
}

PART int put_many(struct pickle_writer *writer, bool pairs) {
    return put(writer, pairs ? PICKLE_SETITEMS : PICKLE_APPENDS);
}

PART int write_pair(struct pickle_writer *writer, PyObject *pair, PyObject *object) {
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "dict items iterator must return 2-tuples");
        return -1;
    }
    if (pickle_write_object(writer, PyTuple_GET_ITEM(pair, 0), false) < 0) return -1;
    if (pickle_write_object(writer, PyTuple_GET_ITEM(pair, 1), false) == 0) return 0;
    return pickle_note(object, "item %R", PyTuple_GET_ITEM(pair, 0));
}

/* An item, or a pair of them; `index`: how many were before it. */
PART int write_part(struct pickle_writer *writer, PyObject *part, PyObject *object, bool pairs,
                    Py_ssize_t index) {
    if (pairs) return write_pair(writer, part, object);
    if (pickle_write_object(writer, part, false) == 0) return 0;
    return pickle_note(object, "item %zd", index);
}

/* Protocol 0: an opcode after each item. */
static OWN_FRAME int write_singly(struct pickle_writer *writer, PyObject *iterator,
                                  PyObject *object, bool pairs) {
    PyObject *part;

    for (Py_ssize_t n = 0; (part = PyIter_Next(iterator)) != NULL; n++) {
        int status = write_part(writer, part, object, pairs, n);

        Py_DECREF(part);
        if (status < 0 || put_one(writer, pairs) < 0) return -1;
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* The next batch, after `written` items: how many it has, fewer than PICKLE_BATCH if it is
 * the last one; or -1. A single item has no mark. All are written in one place, which
 * costs the stack less. */
PART Py_ssize_t write_batch(struct pickle_writer *writer, PyObject *iterator, PyObject *object,
                            bool pairs, Py_ssize_t written) {
    PyObject *part = PyIter_Next(iterator), *second;
    Py_ssize_t n = 0;
    int status = 0;

    if (part == NULL) return PyErr_Occurred() ? -1 : 0;
    second = PyIter_Next(iterator);
    if (second == NULL ? PyErr_Occurred() != NULL : put(writer, PICKLE_MARK) < 0) status = -1;
    while (status == 0 && part != NULL) {
        status = write_part(writer, part, object, pairs, written + n);
        Py_DECREF(part);
        part = second;
        second = NULL;
        n++;
        if (part == NULL && n > 1 && n < PICKLE_BATCH && status == 0) part = PyIter_Next(iterator);
    }
    Py_XDECREF(part);
    Py_XDECREF(second);
    if (status < 0 || PyErr_Occurred()) return -1;
    return (n == 1 ? put_one(writer, pairs) : put_many(writer, pairs)) < 0 ? -1 : n;
}

PART int write_all(struct pickle_writer *writer, PyObject *iterator, PyObject *object, bool pairs) {
    Py_ssize_t written = 0, n = PICKLE_BATCH;

    if (!writer->binary) return write_singly(writer, iterator, object, pairs);
    for (; n == PICKLE_BATCH; written += n)
        n = write_batch(writer, iterator, object, pairs, written);
    return n < 0 ? -1 : 0;
}

OWN_FRAME int pickle_write_appends(struct pickle_writer *writer, PyObject *iterator,
                                   PyObject *object) {
    return write_all(writer, iterator, object, false);
}

OWN_FRAME int pickle_write_setitems(struct pickle_writer *writer, PyObject *iterator,
                                    PyObject *object) {
    return write_all(writer, iterator, object, true);
}
