#include "pickle_memo_view.h"

struct memo_view {
    PyObject_HEAD PyObject *owner; /* a Pickler or an Unpickler */
    const struct pickle_memo_access *access;
};

PyObject *pickle_memo_view_new(PyTypeObject *type, PyObject *owner,
                               const struct pickle_memo_access *access) {
    struct memo_view *view = PyObject_GC_New(struct memo_view, type);

    if (view == NULL) return NULL;
    view->owner = Py_NewRef(owner);
    view->access = access;
    PyObject_GC_Track((PyObject *)view);
    return (PyObject *)view;
}

int pickle_memo_assigned(PyObject *value, PyTypeObject *type, const char *expected,
                         PyObject **owner) {
    *owner = NULL;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "attribute deletion is not supported");
        return -1;
    }
    if (Py_IS_TYPE(value, type)) {
        *owner = ((struct memo_view *)value)->owner;
        return 0;
    }
    if (PyDict_Check(value)) return 0;
    PyErr_Format(PyExc_TypeError, "'memo' attribute must be %s object or dict, not %.200s",
                 expected, Py_TYPE(value)->tp_name);
    return -1;
}

/* ---- The type ------------------------------------------------------------ */

static PyObject *view_clear(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    const struct memo_view *view = (struct memo_view *)self;

    view->access->clear(view->owner);
    Py_RETURN_NONE;
}

static PyObject *view_copy(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    const struct memo_view *view = (struct memo_view *)self;

    return view->access->copy(view->owner);
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
    Py_VISIT(((struct memo_view *)self)->owner);
    return 0;
}

static int view_release(PyObject *self) {
    Py_CLEAR(((struct memo_view *)self)->owner);
    return 0;
}

static void view_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    view_release(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

PyTypeObject *pickle_make_memo_view_type(PyObject *module, const char *name) {
    static PyType_Slot slots[] = {
        {Py_tp_dealloc, view_dealloc},
        {Py_tp_traverse, view_traverse},
        {Py_tp_clear, view_release},
        {Py_tp_methods, view_methods},
        {Py_tp_hash, PyObject_HashNotImplemented},
        {0, NULL},
    };
    PyType_Spec spec = {name, sizeof(struct memo_view), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC, slots};

    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}
