/* Opcodes that make containers from what is on the stack, and fill them. */
#include "pickle_read_stack.h"

/* ---- Tuples -------------------------------------------------------------- */

/* The collector need not visit a tuple whose items lead nowhere. It would find
 * that out by itself, after visiting all the tuples of a load. */
static inline PyObject *untracked(PyObject *tuple) {
#ifndef Py_GIL_DISABLED
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);

        if (PyType_IS_GC(Py_TYPE(item)) &&
            (!PyTuple_CheckExact(item) || PyObject_GC_IsTracked(item)))
            return tuple;
    }
    PyObject_GC_UnTrack(tuple);
#endif
    return tuple;
}

static int push_tuple(struct pickle_reader *reader, size_t depth) {
    PyObject *tuple = pickle_pop_tuple(reader, depth);

    if (tuple == NULL) return -1;
    return pickle_push(reader, PyTuple_GET_SIZE(tuple) == 0 ? tuple : untracked(tuple));
}

static int load_counted_tuple(struct pickle_reader *reader, size_t length) {
    if (pickle_need(reader, length) < 0) return -1;
    return push_tuple(reader, reader->depth - length);
}

int pickle_load_empty_tuple(struct pickle_reader *reader) {
    return pickle_push(reader, Py_NewRef(reader->state->empty_tuple));
}

int pickle_load_tuple1(struct pickle_reader *reader) { return load_counted_tuple(reader, 1); }
int pickle_load_tuple2(struct pickle_reader *reader) { return load_counted_tuple(reader, 2); }
int pickle_load_tuple3(struct pickle_reader *reader) { return load_counted_tuple(reader, 3); }

int pickle_load_tuple(struct pickle_reader *reader) {
    size_t depth;

    return pickle_pop_mark(reader, &depth) < 0 ? -1 : push_tuple(reader, depth);
}

/* ---- Lists --------------------------------------------------------------- */

int pickle_load_empty_list(struct pickle_reader *reader) {
    return pickle_push(reader, PyList_New(0));
}

int pickle_load_list(struct pickle_reader *reader) {
    size_t depth;

    if (pickle_pop_mark(reader, &depth) < 0) return -1;
    return pickle_push(reader, pickle_pop_list(reader, depth));
}

/* The container below the items that begin at `depth`. */
static int find_container(struct pickle_reader *reader, size_t depth, PyObject **container) {
    if (depth <= reader->fence || depth > reader->depth) return pickle_underflow(reader);
    *container = reader->stack[depth - 1];
    return 0;
}

/* Moves as many items as the list has room for into it, with their references;
 * how many. Nothing is allocated, and no code runs. */
static size_t move_to_list(const struct pickle_reader *reader, PyObject *list, size_t first) {
#ifdef Py_GIL_DISABLED
    return 0;
#else
    Py_ssize_t length = PyList_GET_SIZE(list);
    Py_ssize_t room = ((PyListObject *)list)->allocated - length;
    size_t count = reader->depth - first;

    if (room <= 0) return 0; /* below 0 while it is being sorted */
    if (count > (size_t)room) count = (size_t)room;
    memcpy(((PyListObject *)list)->ob_item + length, reader->stack + first,
           count * sizeof *reader->stack);
    Py_SET_SIZE(list, length + (Py_ssize_t)count);
    return count;
#endif
}

/* Where the room ends PyList_Append() makes more, and more than it needs. */
static int append_to_list(struct pickle_reader *reader, PyObject *list, size_t depth) {
    size_t next = depth;
    int status = 0;

    while ((next += move_to_list(reader, list, next)) < reader->depth && status == 0) {
        status = PyList_Append(list, reader->stack[next]);
        Py_DECREF(reader->stack[next++]);
    }
    pickle_drop(reader, next);
    reader->depth = depth;
    return status;
}

/* Calls a method for each item; takes over the reference to it. */
static int call_for_each(struct pickle_reader *reader, PyObject *method, size_t depth) {
    int status = method == NULL ? -1 : 0;

    for (size_t i = depth; i < reader->depth && status == 0; i++) {
        PyObject *answer = PyObject_CallOneArg(method, reader->stack[i]);

        status = answer == NULL ? -1 : 0;
        Py_XDECREF(answer);
    }
    Py_XDECREF(method);
    pickle_drop(reader, depth);
    return status;
}

/* By extend(), if there is one, else item by item. */
static int append_to_other(struct pickle_reader *reader, PyObject *object, size_t depth) {
    PyObject *extend, *items, *answer;

    if (pickle_find_attribute(object, reader->state->names.extend, &extend) < 0) return -1;
    if (extend == NULL)
        return call_for_each(reader, PyObject_GetAttr(object, reader->state->names.append), depth);
    items = pickle_pop_list(reader, depth);
    answer = items == NULL ? NULL : PyObject_CallOneArg(extend, items);
    Py_XDECREF(items);
    Py_DECREF(extend);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

static int append_from(struct pickle_reader *reader, size_t depth) {
    PyObject *container;

    if (find_container(reader, depth, &container) < 0) return -1;
    if (depth == reader->depth && !PICKLE_CHECKS_EMPTY_BATCHES) return 0;
    if (PyList_CheckExact(container)) return append_to_list(reader, container, depth);
    return append_to_other(reader, container, depth);
}

int pickle_load_append(struct pickle_reader *reader) {
    if (pickle_need(reader, 1) < 0) return -1;
    return append_from(reader, reader->depth - 1);
}

int pickle_load_appends(struct pickle_reader *reader) {
    size_t depth;

    return pickle_pop_mark(reader, &depth) < 0 ? -1 : append_from(reader, depth);
}

/* ---- Keys ---------------------------------------------------------------- */

enum { DEEPEST_KEY = 500 };

/* Hashing a tuple goes down into it without a look at the stack's end. */
static bool is_too_deep(PyObject *key, int depth) {
    if (!PyTuple_CheckExact(key)) return false;
    if (depth == DEEPEST_KEY) return true;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); i++)
        if (is_too_deep(PyTuple_GET_ITEM(key, i), depth + 1)) return true;
    return false;
}

static int check_key(PyObject *key) {
    if (!is_too_deep(key, 0)) return 0;
    PyErr_SetString(PyExc_RecursionError, "tuples too deep in each other for a key");
    return -1;
}

/* ---- Dicts --------------------------------------------------------------- */

int pickle_load_empty_dict(struct pickle_reader *reader) {
    return pickle_push(reader, PyDict_New());
}

static int set_items(struct pickle_reader *reader, PyObject *object, size_t depth) {
    bool is_dict = PyDict_CheckExact(object);
    int status = 0;

    for (size_t i = depth; i + 1 < reader->depth && status == 0; i += 2) {
        PyObject *key = reader->stack[i], *value = reader->stack[i + 1];

        status = check_key(key);
        if (status == 0)
            status =
                is_dict ? PyDict_SetItem(object, key, value) : PyObject_SetItem(object, key, value);
    }
    pickle_drop(reader, depth);
    return status;
}

int pickle_load_dict(struct pickle_reader *reader) {
    PyObject *dict;
    size_t depth;

    if (pickle_pop_mark(reader, &depth) < 0) return -1;
    if ((reader->depth - depth) % 2 != 0)
        return pickle_fail(reader, "odd number of items for DICT");
    dict = PyDict_New();
    if (dict == NULL) return -1;
    if (set_items(reader, dict, depth) < 0) {
        Py_DECREF(dict);
        return -1;
    }
    return pickle_push(reader, dict);
}

static int set_items_from(struct pickle_reader *reader, size_t depth) {
    PyObject *container;

    if (find_container(reader, depth, &container) < 0) return -1;
    if (depth == reader->depth) return 0;
    if ((reader->depth - depth) % 2 != 0)
        return pickle_fail(reader, "odd number of items for SETITEMS");
    return set_items(reader, container, depth);
}

int pickle_load_setitem(struct pickle_reader *reader) {
    if (pickle_need(reader, 2) < 0) return -1;
    return set_items_from(reader, reader->depth - 2);
}

int pickle_load_setitems(struct pickle_reader *reader) {
    size_t depth;

    return pickle_pop_mark(reader, &depth) < 0 ? -1 : set_items_from(reader, depth);
}

/* ---- Sets ---------------------------------------------------------------- */

int pickle_load_empty_set(struct pickle_reader *reader) {
    return pickle_push(reader, PySet_New(NULL));
}

/* Puts what is above `depth` into an exact set, or a frozenset nobody has seen. */
static int add_to_set(struct pickle_reader *reader, PyObject *set, size_t depth) {
    int status = 0;

    for (size_t i = depth; i < reader->depth && status == 0; i++) {
        status = check_key(reader->stack[i]);
        if (status == 0) status = PySet_Add(set, reader->stack[i]);
    }
    pickle_drop(reader, depth);
    return status;
}

int pickle_load_additems(struct pickle_reader *reader) {
    PyObject *container;
    size_t depth;

    if (pickle_pop_mark(reader, &depth) < 0) return -1;
    if (find_container(reader, depth, &container) < 0) return -1;
    if (depth == reader->depth && !PICKLE_CHECKS_EMPTY_BATCHES) return 0;
    if (PySet_CheckExact(container)) return add_to_set(reader, container, depth);
    return call_for_each(reader, PyObject_GetAttr(container, reader->state->names.add), depth);
}

int pickle_load_frozenset(struct pickle_reader *reader) {
    PyObject *set;
    size_t depth;

    if (pickle_pop_mark(reader, &depth) < 0) return -1;
    set = PyFrozenSet_New(NULL);
    if (set == NULL) return -1;
    if (reader->depth > depth && add_to_set(reader, set, depth) < 0) {
        Py_DECREF(set);
        return -1;
    }
    return pickle_push(reader, set);
}

/* ---- The memo ------------------------------------------------------------ */

static int get(struct pickle_reader *reader, size_t index) {
    PyObject *object = pickle_read_memo_get(&reader->memo, index);

    if (object != NULL) return pickle_push(reader, Py_NewRef(object));
    PyErr_Format(reader->state->unpickling_error, "Memo value not found at index %zu", index);
    return -1;
}

static int put(struct pickle_reader *reader, size_t index) {
    void *former;
    PyObject *object;

    if (pickle_need(reader, 1) < 0) return -1;
    object = pickle_top(reader);
    if (!pickle_read_memo_put(&reader->memo, index, object, &former)) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(object);
    Py_XDECREF((PyObject *)former);
    return 0;
}

/* An index in decimal digits; -1 with an exception if it is none. */
static Py_ssize_t take_index(struct pickle_reader *reader) {
    size_t length;
    char *line = pickle_read_line(reader, &length);
    PyObject *number;
    Py_ssize_t index;

    if (line == NULL) return -1;
    if (length == 0) return pickle_truncated(reader);
    number = PyLong_FromString(line, NULL, 10);
    if (number == NULL) return -1;
    index = PyLong_AsSsize_t(number);
    Py_DECREF(number);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (index >= 0) return index;
    PyErr_SetString(PyExc_ValueError, "negative memo index");
    return -1;
}

int pickle_load_get(struct pickle_reader *reader) {
    Py_ssize_t index = take_index(reader);

    return index < 0 ? -1 : get(reader, (size_t)index);
}

int pickle_load_binget(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 1);

    return bytes == NULL ? -1 : get(reader, *bytes);
}

int pickle_load_long_binget(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 4);

    return bytes == NULL ? -1 : get(reader, (size_t)pickle_fetch(bytes, 4));
}

int pickle_load_put(struct pickle_reader *reader) {
    Py_ssize_t index = take_index(reader);

    return index < 0 ? -1 : put(reader, (size_t)index);
}

int pickle_load_binput(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 1);

    return bytes == NULL ? -1 : put(reader, *bytes);
}

int pickle_load_long_binput(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 4);

    return bytes == NULL ? -1 : put(reader, (size_t)pickle_fetch(bytes, 4));
}

int pickle_load_memoize(struct pickle_reader *reader) { return put(reader, reader->memo.count); }
