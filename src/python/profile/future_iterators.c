#include "future_iterators.h"

#define PY_SSIZE_T_CLEAN
#include <Python.h>

struct future_iterator {
    PyObject_HEAD PyObject *future;
};

static void free_at_once(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_CLEAR(((struct future_iterator *)object)->future);
    PyObject_GC_Del(object);
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) Py_DECREF(type);
}

/* ---- The type, which has no name: that of what a future gives ------------------------- */

static PyObject *get_debug(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored)) {
    Py_RETURN_FALSE;
}

static PyMethodDef get_debug_method = {"get_debug", get_debug, METH_NOARGS, NULL};

/* All that a future asks its loop when it is made. */
static PyObject *namespace_for_loop(void) {
    PyObject *types = PyImport_ImportModule("types");
    PyObject *loop = types ? PyObject_CallMethod(types, "SimpleNamespace", NULL) : NULL;
    PyObject *method = loop ? PyCFunction_New(&get_debug_method, NULL) : NULL;
    if (method && PyObject_SetAttrString(loop, "get_debug", method) < 0) Py_CLEAR(loop);
    if (!method) Py_CLEAR(loop);
    Py_XDECREF(method);
    Py_XDECREF(types);
    return loop;
}

static PyObject *one_iterator(PyObject *asyncio) {
    PyObject *type = PyObject_GetAttrString(asyncio, "Future");
    PyObject *nothing = PyTuple_New(0), *loop = namespace_for_loop(), *iterator = NULL;
    PyObject *named = loop ? Py_BuildValue("{sO}", "loop", loop) : NULL;
    PyObject *future = type && nothing && named ? PyObject_Call(type, nothing, named) : NULL;
    if (future) iterator = PyObject_GetIter(future);
    Py_XDECREF(future);
    Py_XDECREF(named);
    Py_XDECREF(loop);
    Py_XDECREF(nothing);
    Py_XDECREF(type);
    return iterator;
}

static void exchange(PyObject *asyncio) {
    PyObject *iterator = one_iterator(asyncio);
    if (!iterator) return;
    PyTypeObject *type = Py_TYPE(iterator);
    if (type->tp_basicsize == sizeof(struct future_iterator) && PyObject_IS_GC(iterator))
        type->tp_dealloc = free_at_once;
    Py_DECREF(iterator);
}

void future_iterators_free_at_once(void) {
    static int is_done;
    PyObject *type, *value, *trace;
    if (is_done) return;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *asyncio = modules ? PyDict_GetItemString(modules, "_asyncio") : NULL;
    if (asyncio) {
        is_done = 1;
        exchange(asyncio);
    }
    PyErr_Restore(type, value, trace);
}
