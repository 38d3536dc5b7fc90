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
    int status = 0;

    if (shared && pickle_begin(writer, tuple) < 0) return -1;
    for (Py_ssize_t i = 0; i < length && status == 0; i++)
        if (write_slot(writer, PyTuple_GET_ITEM(tuple, i)) < 0)
            status = pickle_note(tuple, "item %zd", i);
    if (shared) pickle_finish(writer);
    return status;
}

/* If the tuple came into the memo while its items were written, it is part of a
 * cycle: the items are taken off the stack again. 1: it was so, and is written. */
static OWN_FRAME int write_recursive_tuple(struct pickle_writer *writer, PyObject *tuple,
                                           bool marked) {
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

OWN_FRAME int pickle_write_tuple(struct pickle_writer *writer, PyObject *tuple, bool spared) {
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
static OWN_FRAME int enter_fast(struct pickle_writer *writer, PyObject *object) {
    PyObject *address;
    int status;

    if (++writer->fast_depth < FAST_DEPTH) return 0;
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

static OWN_FRAME int leave_fast(struct pickle_writer *writer, PyObject *object) {
    PyObject *address;
    int status = -1;

    if (writer->fast_depth-- < FAST_DEPTH) return 0;
    address = PyLong_FromVoidPtr(object);
    if (address != NULL && PySet_Discard(writer->fast_open, address) >= 0) status = 0;
    Py_XDECREF(address);
    return status;
}

/* What is left of a container when its empty form is written; the last call, so
 * that it takes its caller's place on the stack. */
static inline int write_rest(struct pickle_writer *writer, PyObject *object,
                             int (*write)(struct pickle_writer *, PyObject *)) {
    if (!writer->fast) return write(writer, object);
    if (enter_fast(writer, object) < 0 || write(writer, object) < 0) return -1;
    return leave_fast(writer, object);
}

static OWN_FRAME int write_list_items(struct pickle_writer *writer, PyObject *list) {
    Py_ssize_t i = 0;

    if (PyList_GET_SIZE(list) == 1) {
        if (write_slot(writer, PyList_GET_ITEM(list, 0)) < 0) return pickle_note(list, "item 0");
        return put(writer, PICKLE_APPEND);
    }
    while (i < PyList_GET_SIZE(list)) {
        if (put(writer, PICKLE_MARK) < 0) return -1;
        for (int n = 0; n < PICKLE_BATCH && i < PyList_GET_SIZE(list); n++, i++)
            if (write_slot(writer, PyList_GET_ITEM(list, i)) < 0)
                return pickle_note(list, "item %zd", i);
        if (list == writer->root) writer->root_at = i;
        if (put(writer, PICKLE_APPENDS) < 0) return -1;
    }
    return 0;
}

/* An iterator's items, for protocol 0, which has neither batches nor any hurry.
 * Takes the reference to what they are in. */
static OWN_FRAME int write_iterated(struct pickle_writer *writer, PyObject *items, PyObject *object,
                                    int (*write)(struct pickle_writer *, PyObject *, PyObject *)) {
    PyObject *iterator = items == NULL ? NULL : PyObject_GetIter(items);
    int status = iterator == NULL ? -1 : write(writer, iterator, object);

    Py_XDECREF(iterator);
    Py_XDECREF(items);
    return status;
}

static int write_list_rest(struct pickle_writer *writer, PyObject *list) {
    if (PyList_GET_SIZE(list) == 0) return 0;
    if (writer->binary) return write_list_items(writer, list);
    return write_iterated(writer, Py_NewRef(list), list, pickle_write_appends);
}

OWN_FRAME int pickle_write_list(struct pickle_writer *writer, PyObject *list, bool sole) {
    bool spared = pickle_spares_mutable(writer, list, sole);

    if (put_empty(writer, PICKLE_EMPTY_LIST, PICKLE_LIST) < 0) return -1;
    if (!spared && pickle_memorize(writer, list) < 0) return -1;
    return write_rest(writer, list, write_list_rest);
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
    if (status == 0 && pickle_write_object(writer, value, sole_value) < 0)
        status = pickle_note(dict, "item %R", key);
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

/* What one call writes is one place where a pair is written: it costs the stack less. */
static inline int write_pairs(struct pickle_writer *writer, PyObject *dict) {
    Py_ssize_t size = PyDict_GET_SIZE(dict), at = 0;
    PyObject *key, *value;

    for (Py_ssize_t left = size; left > 0;) {
        if (size > 1 && put(writer, PICKLE_MARK) < 0) return -1;
        for (int n = 0; n < PICKLE_BATCH && left > 0; n++, left--) {
            int more = next_pair(dict, size, &at, &key, &value);

            if (more < 0) return -1;
            if (more == 0)
                left = 1; /* and this was the last round */
            else if (write_pair(writer, dict, key, value) < 0)
                return -1;
        }
        if (put(writer, size > 1 ? PICKLE_SETITEMS : PICKLE_SETITEM) < 0) return -1;
    }
    return size > 1 && next_pair(dict, size, &at, &key, &value) < 0 ? -1 : 0;
}

/* A dict counts twice among the levels that the interpreter allows, as in the
 * standard module: the state of an instance is one, and a level of those takes far
 * more of the stack than one of lists. On a small stack the limit has to come
 * first: it is an exception, the end of the stack is none. */
static OWN_FRAME int write_dict_items(struct pickle_writer *writer, PyObject *dict) {
    int status;

    if (Py_EnterRecursiveCall(PICKLE_TOO_DEEP)) return -1;
    status = write_pairs(writer, dict);
    Py_LeaveRecursiveCall();
    return status;
}

static int write_dict_rest(struct pickle_writer *writer, PyObject *dict) {
    PyObject *items;

    if (PyDict_GET_SIZE(dict) == 0) return 0;
    if (writer->binary) return write_dict_items(writer, dict);
    items = PyObject_CallMethodNoArgs(dict, writer->state->names.items);
    return write_iterated(writer, items, dict, pickle_write_setitems);
}

OWN_FRAME int pickle_write_dict(struct pickle_writer *writer, PyObject *dict, bool sole) {
    bool spared = pickle_spares_mutable(writer, dict, sole);

    if (put_empty(writer, PICKLE_EMPTY_DICT, PICKLE_DICT) < 0) return -1;
    if (!spared && pickle_memorize(writer, dict) < 0) return -1;
    return write_rest(writer, dict, write_dict_rest);
}

/* ---- Sets ---------------------------------------------------------------- */

/* Before protocol 4 a set is what its type makes of a list. */
static OWN_FRAME int write_set_as_call(struct pickle_writer *writer, PyObject *set) {
    PyObject *items = PySequence_List(set), *reduced;

    if (items == NULL) return -1;
    reduced = Py_BuildValue("(O(N))", (PyObject *)Py_TYPE(set), items);
    return reduced == NULL ? -1 : pickle_write_reduced(writer, reduced, set, false);
}

/* Writes at most `most` items: how many, or -1. The iterator has a reference to
 * the item besides the set's. */
static Py_ssize_t write_set_items(struct pickle_writer *writer, PyObject *set, PyObject *iterator,
                                  Py_ssize_t most) {
    PyObject *item;
    Py_ssize_t n = 0;

    while (n < most && (item = PyIter_Next(iterator)) != NULL) {
        int status = pickle_write_object(writer, item, pickle_is_sole(item, 2));

        Py_DECREF(item);
        if (status < 0) return pickle_note(set, "element");
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
        written = write_set_items(writer, set, iterator, left < PICKLE_BATCH ? left : PICKLE_BATCH);
        if (written < 0 || put(writer, PICKLE_ADDITEMS) < 0) break;
        left -= written;
        if (written == 0) break;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? -1 : 0;
}

OWN_FRAME int pickle_write_set(struct pickle_writer *writer, PyObject *set, bool sole) {
    if (writer->protocol < 4) return write_set_as_call(writer, set);
    if (put(writer, PICKLE_EMPTY_SET) < 0) return -1;
    if (!pickle_spares_mutable(writer, set, sole) && pickle_memorize(writer, set) < 0) return -1;
    return write_set_batches(writer, set);
}

static int write_frozenset_items(struct pickle_writer *writer, PyObject *set, bool shared) {
    PyObject *iterator;
    Py_ssize_t written = -1;

    if (shared && pickle_begin(writer, set) < 0) return -1;
    iterator = PyObject_GetIter(set);
    if (iterator != NULL) written = write_set_items(writer, set, iterator, PY_SSIZE_T_MAX);
    if (shared) pickle_finish(writer);
    Py_XDECREF(iterator);
    return written < 0 ? -1 : 0;
}

OWN_FRAME int pickle_write_frozenset(struct pickle_writer *writer, PyObject *set, bool spared) {
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
