/* Unpickler.memo: a view of the memo that can be copied, cleared and given to
 * another Unpickler. As a dict it is {index: object}. */
#include "pickle_options.h"
#include "pickle_unpickler.h"

struct memo_view {
    PyObject_HEAD PyObject *unpickler;
};

static struct pickle_read_memo *memo_of(PyObject *self) {
    return &((struct unpickler *)((struct memo_view *)self)->unpickler)->reader.memo;
}

PyObject *unpickler_get_memo(PyObject *self, void *Py_UNUSED(closure)) {
    PyTypeObject *type = ((struct unpickler *)self)->reader.state->unpickler_memo_type;
    struct memo_view *view = PyObject_GC_New(struct memo_view, type);

    if (view == NULL) return NULL;
    view->unpickler = Py_NewRef(self);
    PyObject_GC_Track((PyObject *)view);
    return (PyObject *)view;
}

static void release(struct pickle_read_memo *memo) {
    struct pickle_read_memo former = *memo;
    size_t cursor = 0, index;
    void *object;

    memset(memo, 0, sizeof *memo);
    while (pickle_read_memo_next(&former, &cursor, &index, &object)) Py_DECREF((PyObject *)object);
    pickle_read_memo_free(&former);
}

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
    int status = -1;

    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "attribute deletion is not supported");
        return -1;
    }
    if (Py_IS_TYPE(value, reader->state->unpickler_memo_type))
        status = put_all(&memo, memo_of(value));
    else if (PyDict_Check(value))
        status = put_dict(&memo, value);
    else
        PyErr_Format(PyExc_TypeError,
                     "'memo' attribute must be an UnpicklerMemoProxy object or dict, not %.200s",
                     Py_TYPE(value)->tp_name);
    if (status < 0) {
        release(&memo);
        return -1;
    }
    former = reader->memo;
    reader->memo = memo;
    release(&former);
    return 0;
}

static PyObject *view_clear(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    release(memo_of(self));
    Py_RETURN_NONE;
}

static PyObject *view_copy(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    const struct pickle_read_memo *memo = memo_of(self);
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

static PyObject *view_reduce(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    PyObject *dict = view_copy(self, NULL);

    return dict == NULL ? NULL : Py_BuildValue("(O(N))", (PyObject *)&PyDict_Type, dict);
}

static PyMethodDef view_methods[] = {
    {"clear", view_clear, METH_NOARGS, "clear($self, /)\n--\n\nForget everything."},
    {"copy", view_copy, METH_NOARGS, "copy($self, /)\n--\n\nThe memo as a dict."},
    {"__reduce__", view_reduce, METH_NOARGS, "__reduce__($self, /)\n--\n\nAs a dict."},
    {NULL, NULL, 0, NULL},
};

static int view_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct memo_view *)self)->unpickler);
    return 0;
}

static int view_release(PyObject *self) {
    Py_CLEAR(((struct memo_view *)self)->unpickler);
    return 0;
}

static void view_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    view_release(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

PyObject *pickle_make_unpickler_memo_type(PyObject *module) {
    static PyType_Slot slots[] = {
        {Py_tp_dealloc, view_dealloc},
        {Py_tp_traverse, view_traverse},
        {Py_tp_clear, view_release},
        {Py_tp_methods, view_methods},
        {Py_tp_hash, PyObject_HashNotImplemented},
        {0, NULL},
    };
    static PyType_Spec spec = {"shoal._serial.UnpicklerMemoProxy", sizeof(struct memo_view), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC,
                               slots};

    return PyType_FromModuleAndSpec(module, &spec, NULL);
}
