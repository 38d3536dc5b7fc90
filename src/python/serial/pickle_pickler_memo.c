/* Pickler.memo: a view of the memo that can be copied, cleared and given to
 * another Pickler. As a dict it is {id: (index, object)}. */
#include "pickle_options.h"
#include "pickle_pickler.h"

struct memo_view {
    PyObject_HEAD PyObject *pickler;
};

static struct pickle_write_memo *memo_of(PyObject *self) {
    return &((struct pickler *)((struct memo_view *)self)->pickler)->writer.memo;
}

PyObject *pickler_get_memo(PyObject *self, void *Py_UNUSED(closure)) {
    struct pickler *pickler = (struct pickler *)self;
    PyTypeObject *type = pickler->writer.state->pickler_memo_type;
    struct memo_view *view = PyObject_GC_New(struct memo_view, type);

    if (view == NULL) return NULL;
    view->pickler = Py_NewRef(self);
    PyObject_GC_Track((PyObject *)view);
    return (PyObject *)view;
}

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
    int status = -1;

    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "attribute deletion is not supported");
        return -1;
    }
    if (Py_IS_TYPE(value, writer->state->pickler_memo_type))
        status = add_all(&memo, memo_of(value));
    else if (PyDict_Check(value))
        status = add_pairs(&memo, value);
    else
        PyErr_Format(PyExc_TypeError,
                     "'memo' attribute must be a PicklerMemoProxy object or dict, not %.200s",
                     Py_TYPE(value)->tp_name);
    /* What is not wanted, the former memo or a half-made one, goes. */
    former = writer->memo;
    writer->memo = status < 0 ? former : memo;
    if (status < 0) former = memo;
    for (size_t i = 0; i < former.count; i++) Py_DECREF((PyObject *)former.entries[i].object);
    pickle_memo_free(&former);
    return status;
}

static PyObject *view_clear(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    pickle_writer_forget(&((struct pickler *)((struct memo_view *)self)->pickler)->writer);
    Py_RETURN_NONE;
}

static PyObject *view_copy(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    const struct pickle_write_memo *memo = memo_of(self);
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < memo->count; i++) {
        PyObject *object = memo->entries[i].object;
        PyObject *key = PyLong_FromVoidPtr(object);
        PyObject *value = Py_BuildValue("nO", (Py_ssize_t)memo->entries[i].index, object);

        if (key == NULL || value == NULL || PyDict_SetItem(dict, key, value) < 0) Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
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
    Py_VISIT(((struct memo_view *)self)->pickler);
    return 0;
}

static int view_release(PyObject *self) {
    Py_CLEAR(((struct memo_view *)self)->pickler);
    return 0;
}

static void view_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    view_release(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

PyObject *pickle_make_pickler_memo_type(PyObject *module) {
    static PyType_Slot slots[] = {
        {Py_tp_dealloc, view_dealloc},
        {Py_tp_traverse, view_traverse},
        {Py_tp_clear, view_release},
        {Py_tp_methods, view_methods},
        {Py_tp_hash, PyObject_HashNotImplemented},
        {0, NULL},
    };
    static PyType_Spec spec = {"shoal._serial.PicklerMemoProxy", sizeof(struct memo_view), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC,
                               slots};

    return PyType_FromModuleAndSpec(module, &spec, NULL);
}
