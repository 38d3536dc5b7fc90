/* Items and pairs that an iterator gives, put into the list or dict that is on top
 * of the reader's stack. The iterator owns what it gives, or the caller now does:
 * a count of one would prove nothing, so all of it may go into the memo. */
#include "pickle_writer.h"

typedef int write_item(struct pickle_writer *, PyObject *);

static int put(struct pickle_writer *writer, enum pickle_opcode opcode) {
    return pickle_put_opcode(&writer->output, opcode) ? 0 : -1;
}

static int write_one(struct pickle_writer *writer, PyObject *item) {
    return pickle_write_object(writer, item, false);
}

static int write_pair(struct pickle_writer *writer, PyObject *pair) {
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "dict items iterator must return 2-tuples");
        return -1;
    }
    if (pickle_write_object(writer, PyTuple_GET_ITEM(pair, 0), false) < 0) return -1;
    return pickle_write_object(writer, PyTuple_GET_ITEM(pair, 1), false);
}

/* Protocol 0: an opcode after each item. */
static int write_singly(struct pickle_writer *writer, PyObject *iterator, write_item *write,
                        enum pickle_opcode single) {
    PyObject *item;

    while ((item = PyIter_Next(iterator)) != NULL) {
        int status = write(writer, item);

        Py_DECREF(item);
        if (status < 0 || put(writer, single) < 0) return -1;
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* A mark, `first`, and what follows it. Returns how many it were, or -1. */
static int write_batch(struct pickle_writer *writer, PyObject *first, PyObject *second,
                       PyObject *iterator, write_item *write) {
    PyObject *item = Py_NewRef(second);
    int n = 1, status = put(writer, PICKLE_MARK);

    if (status == 0) status = write(writer, first);
    while (status == 0 && item != NULL) {
        status = write(writer, item);
        Py_CLEAR(item);
        if (++n < PICKLE_BATCH && status == 0) item = PyIter_Next(iterator);
    }
    Py_XDECREF(item);
    return status < 0 || PyErr_Occurred() ? -1 : n;
}

/* The next batch: 1, or 0 if it was the last, or -1. A single item has no mark. */
static int write_next_batch(struct pickle_writer *writer, PyObject *iterator, write_item *write,
                            enum pickle_opcode single, enum pickle_opcode many) {
    PyObject *first = PyIter_Next(iterator), *second;
    int status = -1;

    if (first == NULL) return PyErr_Occurred() ? -1 : 0;
    second = PyIter_Next(iterator);
    if (second != NULL) {
        int n = write_batch(writer, first, second, iterator, write);

        if (n > 0 && put(writer, many) == 0) status = n == PICKLE_BATCH;
    } else if (!PyErr_Occurred() && write(writer, first) == 0) {
        status = put(writer, single);
    }
    Py_XDECREF(second);
    Py_DECREF(first);
    return status;
}

static int write_all(struct pickle_writer *writer, PyObject *iterator, write_item *write,
                     enum pickle_opcode single, enum pickle_opcode many) {
    int more = 1;

    if (!writer->binary) return write_singly(writer, iterator, write, single);
    while (more > 0) more = write_next_batch(writer, iterator, write, single, many);
    return more;
}

int pickle_write_appends(struct pickle_writer *writer, PyObject *iterator) {
    return write_all(writer, iterator, write_one, PICKLE_APPEND, PICKLE_APPENDS);
}

int pickle_write_setitems(struct pickle_writer *writer, PyObject *iterator) {
    return write_all(writer, iterator, write_pair, PICKLE_SETITEM, PICKLE_SETITEMS);
}
