/* Unpickler.memo, as a dict {index: object}. */
#include "pickle_memo_view.h"
#include "pickle_unpickler.h"

static struct pickle_read_memo *memo_of(PyObject *unpickler) {
    return &((struct unpickler *)unpickler)->reader.memo;
}

static PyObject *copy(PyObject *unpickler) {
    const struct pickle_read_memo *memo = memo_of(unpickler);
    PyObject *dict = PyDict_New();
    size_t cursor = 0, index;
    void *object;

    while (dict != NULL && pickle_read_memo_next(memo, &cursor, &index, &object)) {
        PyObject *key = PyLong_FromSize_t(index);

        if (key == NULL || PyDict_SetItem(dict, key, (PyObject *)object) < 0) Py_CLEAR(dict);
        Py_XDECREF(key);
    }
    return dict;
}

static void clear(PyObject *unpickler) { pickle_read_memo_release(memo_of(unpickler)); }

static const struct pickle_memo_access memo_access = {copy, clear};

PyObject *unpickler_get_memo(PyObject *self, void *Py_UNUSED(closure)) {
    const struct pickle_state *state = ((struct unpickler *)self)->reader.state;

    return pickle_memo_view_new(state->unpickler_memo_type, self, &memo_access);
}

/* ---- Setting it ---------------------------------------------------------- */

static int put(struct pickle_read_memo *memo, size_t index, PyObject *object) {
    void *former;

    if (!pickle_read_memo_put(memo, index, object, &former)) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(object);
    Py_XDECREF((PyObject *)former);
    return 0;
}

static int put_all(struct pickle_read_memo *memo, const struct pickle_read_memo *from) {
    size_t cursor = 0, index;
    void *object;

    while (pickle_read_memo_next(from, &cursor, &index, &object))
        if (put(memo, index, object) < 0) return -1;
    return 0;
}

static int put_dict(struct pickle_read_memo *memo, PyObject *dict) {
    PyObject *key, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(dict, &at, &key, &value)) {
        Py_ssize_t index;

        if (!PyLong_Check(key)) {
            PyErr_SetString(PyExc_TypeError, "memo key must be integers");
            return -1;
        }
        index = PyLong_AsSsize_t(key);
        if (index == -1 && PyErr_Occurred()) return -1;
        if (index < 0) {
            PyErr_SetString(PyExc_ValueError, "memo key must be positive integers.");
            return -1;
        }
        if (put(memo, (size_t)index, value) < 0) return -1;
    }
    return 0;
}

int unpickler_set_memo(PyObject *self, PyObject *value, void *Py_UNUSED(closure)) {
    struct pickle_reader *reader = &((struct unpickler *)self)->reader;
    struct pickle_read_memo memo = {0}, former;
    PyObject *owner;
    int status;

    if (pickle_memo_assigned(value, reader->state->unpickler_memo_type, "an UnpicklerMemoProxy",
                             &owner) < 0)
        return -1;
    status = owner == NULL ? put_dict(&memo, value) : put_all(&memo, memo_of(owner));
    /* What is not wanted, the former memo or a half-made one, goes. */
    former = status < 0 ? memo : reader->memo;
    if (status == 0) reader->memo = memo;
    pickle_read_memo_release(&former);
    return status;
}
