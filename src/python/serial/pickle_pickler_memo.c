/* Pickler.memo, as a dict {id: (index, object)}. */
#include "pickle_memo_view.h"
#include "pickle_pickler.h"

static struct pickle_write_memo *memo_of(PyObject *pickler) {
    return &((struct pickler *)pickler)->writer.memo;
}

static PyObject *copy(PyObject *pickler) {
    const struct pickle_write_memo *memo = memo_of(pickler);
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < memo->count; i++) {
        /* Making the tuple may run the collector, and code that clears the memo. */
        PyObject *object = Py_NewRef((PyObject *)memo->entries[i].object);
        PyObject *key = PyLong_FromVoidPtr(object);
        PyObject *value = Py_BuildValue("nO", (Py_ssize_t)memo->entries[i].index, object);

        if (key == NULL || value == NULL || PyDict_SetItem(dict, key, value) < 0) Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
        Py_DECREF(object);
    }
    return dict;
}

static void clear(PyObject *pickler) { pickle_write_memo_release(memo_of(pickler)); }

static const struct pickle_memo_access memo_access = {copy, clear};

PyObject *pickler_get_memo(PyObject *self, void *Py_UNUSED(closure)) {
    const struct pickle_state *state = ((struct pickler *)self)->writer.state;

    return pickle_memo_view_new(state->pickler_memo_type, self, &memo_access);
}

/* ---- Setting it ---------------------------------------------------------- */

static int add_entry(struct pickle_write_memo *memo, PyObject *object, size_t index) {
    if (pickle_memo_find(memo, object) != NULL) return 0;
    if (!pickle_memo_add(memo, object, index)) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(object);
    return 0;
}

static int add_all(struct pickle_write_memo *memo, const struct pickle_write_memo *from) {
    for (size_t i = 0; i < from->count; i++)
        if (add_entry(memo, from->entries[i].object, from->entries[i].index) < 0) return -1;
    return 0;
}

static int add_pairs(struct pickle_write_memo *memo, PyObject *dict) {
    PyObject *key, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(dict, &at, &key, &value)) {
        Py_ssize_t index;

        if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != 2) {
            PyErr_SetString(PyExc_TypeError, "'memo' values must be 2-item tuples");
            return -1;
        }
        index = PyLong_AsSsize_t(PyTuple_GET_ITEM(value, 0));
        if (index == -1 && PyErr_Occurred()) return -1;
        if (index < 0) {
            PyErr_SetString(PyExc_ValueError, "an index of 'memo' is negative");
            return -1;
        }
        if (add_entry(memo, PyTuple_GET_ITEM(value, 1), (size_t)index) < 0) return -1;
    }
    return 0;
}

int pickler_set_memo(PyObject *self, PyObject *value, void *Py_UNUSED(closure)) {
    struct pickle_writer *writer = &((struct pickler *)self)->writer;
    struct pickle_write_memo memo = {0}, former;
    PyObject *owner;
    int status;

    if (pickle_memo_assigned(value, writer->state->pickler_memo_type, "a PicklerMemoProxy",
                             &owner) < 0)
        return -1;
    status = owner == NULL ? add_pairs(&memo, value) : add_all(&memo, memo_of(owner));
    /* What is not wanted, the former memo or a half-made one, goes. */
    former = status < 0 ? memo : writer->memo;
    if (status == 0) writer->memo = memo;
    pickle_write_memo_release(&former);
    return status;
}
