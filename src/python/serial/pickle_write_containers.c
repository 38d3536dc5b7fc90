/* Exact tuples, lists, dicts and sets, walked in place. Items are borrowed from
 * the container; each is held while it is written, because other code may run
 * then and take it out. */
#include "pickle_writer.h"

static inline int write_slot(struct pickle_writer *writer, PyObject *item) {
    bool sole = pickle_is_sole(item, 1);
    int status;

    Py_INCREF(item);
    status = pickle_write_object(writer, item, sole);
    Py_DECREF(item);
    return status;
}

static int put(struct pickle_writer *writer, enum pickle_opcode opcode) {
    return pickle_put_opcode(&writer->output, opcode) ? 0 : -1;
}

/* An empty container is one opcode, before protocol 1 a mark and another. */
static int put_empty(struct pickle_writer *writer, enum pickle_opcode empty,
                     enum pickle_opcode marked) {
    if (writer->binary) return put(writer, empty);
    return put(writer, PICKLE_MARK) < 0 ? -1 : put(writer, marked);
}

/* ---- Tuples -------------------------------------------------------------- */

static int write_tuple_items(struct pickle_writer *writer, PyObject *tuple, bool shared) {
    Py_ssize_t length = PyTuple_GET_SIZE(tuple);
    struct unfinished mark;
    bool again = false;
    int status = 0;

    if (shared) again = pickle_begin(writer, &mark, tuple);
    for (Py_ssize_t i = 0; i < length && status == 0; i++)
        status = write_slot(writer, PyTuple_GET_ITEM(tuple, i));
    if (shared) pickle_finish(writer, &mark, again);
    return status;
}

/* If the tuple came into the memo while its items were written, it is part of a
 * cycle: the items are taken off the stack again. 1: it was so, and is written. */
static int write_recursive_tuple(struct pickle_writer *writer, PyObject *tuple, bool marked) {
    Py_ssize_t pops = PyTuple_GET_SIZE(tuple) + (marked ? 1 : 0);

    if (writer->fast || pickle_memo_find(&writer->memo, tuple) == NULL) return 0;
    if (marked && writer->binary) {
        if (put(writer, PICKLE_POP_MARK) < 0) return -1;
    } else {
        while (pops-- > 0)
            if (put(writer, PICKLE_POP) < 0) return -1;
    }
    return pickle_write_from_memo(writer, tuple);
}

int pickle_write_tuple(struct pickle_writer *writer, PyObject *tuple, bool spared) {
    static const enum pickle_opcode short_opcodes[] = {PICKLE_EMPTY_TUPLE, PICKLE_TUPLE1,
                                                       PICKLE_TUPLE2, PICKLE_TUPLE3};
    Py_ssize_t length = PyTuple_GET_SIZE(tuple);
    bool marked = length > 3 || writer->protocol < 2;
    int status;

    if (length == 0) return put_empty(writer, PICKLE_EMPTY_TUPLE, PICKLE_TUPLE);
    if (marked && put(writer, PICKLE_MARK) < 0) return -1;
    if (write_tuple_items(writer, tuple, !spared && writer->rule != MEMO_ALL) < 0) return -1;
    if (!spared) {
        status = write_recursive_tuple(writer, tuple, marked);
        if (status != 0) return status < 0 ? -1 : 0;
    }
    if (put(writer, marked ? PICKLE_TUPLE : short_opcodes[length]) < 0) return -1;
    return spared ? 0 : pickle_memorize(writer, tuple);
}

/* ---- Lists and dicts ----------------------------------------------------- */

enum { FAST_DEPTH = 50 };

/* Fast mode has no memo, so that a cycle is found only by what is still open,
 * which is noted from a certain depth on. */
static int enter_fast(struct pickle_writer *writer, PyObject *object) {
    PyObject *address;
    int status;

    if (!writer->fast || ++writer->fast_depth < FAST_DEPTH) return 0;
    if (writer->fast_open == NULL && (writer->fast_open = PySet_New(NULL)) == NULL) return -1;
    address = PyLong_FromVoidPtr(object);
    if (address == NULL) return -1;
    status = PySet_Contains(writer->fast_open, address);
    if (status == 1)
        PyErr_Format(PyExc_ValueError,
                     "fast mode: can't pickle cyclic objects including object type %.200s at %p",
                     Py_TYPE(object)->tp_name, object);
    if (status == 0)
        status = PySet_Add(writer->fast_open, address);
    else
        status = -1;
    Py_DECREF(address);
    return status;
}

static int leave_fast(struct pickle_writer *writer, PyObject *object, int status) {
    PyObject *address;

    if (!writer->fast || writer->fast_depth-- < FAST_DEPTH || status < 0) return status;
    address = PyLong_FromVoidPtr(object);
    if (address == NULL || PySet_Discard(writer->fast_open, address) < 0) status = -1;
    Py_XDECREF(address);
    return status;
}

static int write_list_items(struct pickle_writer *writer, PyObject *list) {
    Py_ssize_t i = 0;

    if (PyList_GET_SIZE(list) == 1) {
        if (write_slot(writer, PyList_GET_ITEM(list, 0)) < 0) return -1;
        return put(writer, PICKLE_APPEND);
    }
    while (i < PyList_GET_SIZE(list)) {
        if (put(writer, PICKLE_MARK) < 0) return -1;
        for (int n = 0; n < PICKLE_BATCH && i < PyList_GET_SIZE(list); n++, i++)
            if (write_slot(writer, PyList_GET_ITEM(list, i)) < 0) return -1;
        if (list == writer->root) writer->root_at = i;
        if (put(writer, PICKLE_APPENDS) < 0) return -1;
    }
    return 0;
}

/* An iterator's items, for protocol 0, which has neither batches nor any hurry. */
static int write_iterated(struct pickle_writer *writer, PyObject *items,
                          int (*write)(struct pickle_writer *, PyObject *)) {
    PyObject *iterator = items == NULL ? NULL : PyObject_GetIter(items);
    int status = iterator == NULL ? -1 : write(writer, iterator);

    Py_XDECREF(iterator);
    return status;
}

int pickle_write_list(struct pickle_writer *writer, PyObject *list, bool sole) {
    bool spared = pickle_spares_mutable(writer, list, sole);
    int status = 0;

    if (enter_fast(writer, list) < 0) return leave_fast(writer, list, -1);
    if (put_empty(writer, PICKLE_EMPTY_LIST, PICKLE_LIST) < 0 ||
        (!spared && pickle_memorize(writer, list) < 0))
        status = -1;
    else if (PyList_GET_SIZE(list) > 0)
        status = writer->binary ? write_list_items(writer, list)
                                : write_iterated(writer, list, pickle_write_appends);
    return leave_fast(writer, list, status);
}

/* The keys of a split table belong to all dicts that share it: their counts say
 * nothing. */
static int write_pair(struct pickle_writer *writer, PyObject *dict, PyObject *key,
                      PyObject *value) {
    bool sole_key = pickle_is_sole(key, 1) && ((PyDictObject *)dict)->ma_values == NULL;
    bool sole_value = pickle_is_sole(value, 1);
    int status;

    Py_INCREF(key);
    Py_INCREF(value);
    status = pickle_write_object(writer, key, sole_key);
    if (status == 0) status = pickle_write_object(writer, value, sole_value);
    Py_DECREF(value);
    Py_DECREF(key);
    return status;
}

/* The next pair; -1 once the dict has changed, as far as its size tells. */
static int next_pair(PyObject *dict, Py_ssize_t size, Py_ssize_t *at, PyObject **key,
                     PyObject **value) {
    if (PyDict_GET_SIZE(dict) != size) {
        PyErr_SetString(PyExc_RuntimeError, "dictionary changed size during iteration");
        return -1;
    }
    return PyDict_Next(dict, at, key, value);
}

static int write_dict_items(struct pickle_writer *writer, PyObject *dict) {
    Py_ssize_t size = PyDict_GET_SIZE(dict), at = 0;
    PyObject *key, *value;
    int more = 1;

    if (size == 1) {
        if (!PyDict_Next(dict, &at, &key, &value)) return 0;
        if (write_pair(writer, dict, key, value) < 0) return -1;
        return put(writer, PICKLE_SETITEM);
    }
    for (Py_ssize_t left = size; more == 1 && left > 0;) {
        if (put(writer, PICKLE_MARK) < 0) return -1;
        for (int n = 0; n < PICKLE_BATCH && left > 0; n++, left--) {
            more = next_pair(dict, size, &at, &key, &value);
            if (more < 0) return -1;
            if (more == 0) break;
            if (write_pair(writer, dict, key, value) < 0) return -1;
        }
        if (put(writer, PICKLE_SETITEMS) < 0) return -1;
    }
    return next_pair(dict, size, &at, &key, &value) < 0 ? -1 : 0;
}

static int write_dict_iterated(struct pickle_writer *writer, PyObject *dict) {
    PyObject *items = PyObject_CallMethodNoArgs(dict, writer->state->names.items);
    int status = write_iterated(writer, items, pickle_write_setitems);

    Py_XDECREF(items);
    return status;
}

int pickle_write_dict(struct pickle_writer *writer, PyObject *dict, bool sole) {
    bool spared = pickle_spares_mutable(writer, dict, sole);
    int status = 0;

    if (enter_fast(writer, dict) < 0) return leave_fast(writer, dict, -1);
    if (put_empty(writer, PICKLE_EMPTY_DICT, PICKLE_DICT) < 0 ||
        (!spared && pickle_memorize(writer, dict) < 0))
        status = -1;
    else if (PyDict_GET_SIZE(dict) > 0)
        status =
            writer->binary ? write_dict_items(writer, dict) : write_dict_iterated(writer, dict);
    return leave_fast(writer, dict, status);
}

/* ---- Sets ---------------------------------------------------------------- */

/* Before protocol 4 a set is what its type makes of a list. */
static int write_set_as_call(struct pickle_writer *writer, PyObject *set) {
    PyObject *items = PySequence_List(set), *reduced;
    int status;

    if (items == NULL) return -1;
    reduced = Py_BuildValue("(O(N))", (PyObject *)Py_TYPE(set), items);
    if (reduced == NULL) return -1;
    status = pickle_write_reduced(writer, reduced, set);
    Py_DECREF(reduced);
    return status;
}

/* Writes at most `most` items: how many, or -1. The iterator has a reference to
 * the item besides the set's. */
static Py_ssize_t write_set_items(struct pickle_writer *writer, PyObject *iterator,
                                  Py_ssize_t most) {
    PyObject *item;
    Py_ssize_t n = 0;

    while (n < most && (item = PyIter_Next(iterator)) != NULL) {
        int status = pickle_write_object(writer, item, pickle_is_sole(item, 2));

        Py_DECREF(item);
        if (status < 0) return -1;
        n++;
    }
    return PyErr_Occurred() ? -1 : n;
}

static int write_set_batches(struct pickle_writer *writer, PyObject *set) {
    PyObject *iterator = PyObject_GetIter(set);
    Py_ssize_t left = PySet_GET_SIZE(set), written = 0;

    if (iterator == NULL) return -1;
    while (left > 0 && written >= 0) {
        if (put(writer, PICKLE_MARK) < 0) break;
        written = write_set_items(writer, iterator, left < PICKLE_BATCH ? left : PICKLE_BATCH);
        if (written < 0 || put(writer, PICKLE_ADDITEMS) < 0) break;
        left -= written;
        if (written == 0) break;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? -1 : 0;
}

int pickle_write_set(struct pickle_writer *writer, PyObject *set, bool sole) {
    if (writer->protocol < 4) return write_set_as_call(writer, set);
    if (put(writer, PICKLE_EMPTY_SET) < 0) return -1;
    if (!pickle_spares_mutable(writer, set, sole) && pickle_memorize(writer, set) < 0) return -1;
    return write_set_batches(writer, set);
}

static int write_frozenset_items(struct pickle_writer *writer, PyObject *set, bool shared) {
    PyObject *iterator = PyObject_GetIter(set);
    struct unfinished mark;
    bool again = false;
    Py_ssize_t written;

    if (iterator == NULL) return -1;
    if (shared) again = pickle_begin(writer, &mark, set);
    written = write_set_items(writer, iterator, PY_SSIZE_T_MAX);
    if (shared) pickle_finish(writer, &mark, again);
    Py_DECREF(iterator);
    return written < 0 ? -1 : 0;
}

int pickle_write_frozenset(struct pickle_writer *writer, PyObject *set, bool spared) {
    int status;

    if (writer->protocol < 4) return write_set_as_call(writer, set);
    if (put(writer, PICKLE_MARK) < 0) return -1;
    if (write_frozenset_items(writer, set, !spared && writer->rule != MEMO_ALL) < 0) return -1;
    if (!spared && !writer->fast && pickle_memo_find(&writer->memo, set) != NULL) {
        if (put(writer, PICKLE_POP_MARK) < 0) return -1;
        status = pickle_write_from_memo(writer, set);
        return status < 0 ? -1 : 0;
    }
    if (put(writer, PICKLE_FROZENSET) < 0) return -1;
    return spared ? 0 : pickle_memorize(writer, set);
}
