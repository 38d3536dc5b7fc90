/* Functions that tell of their own calls, for 3.11.
 *
 * While an interpreter has its frames evaluated by somebody else, no call of a
 * Python function is as fast as it was: so that is to be so only where a watched
 * function runs. Calling one has to begin it. What can be exchanged in a function
 * is how it is called from C; Python code would call it past that, but for what
 * is not exactly of the type of functions. So it is given one of its own, which
 * differs in nothing else. */
#include "watched.h"

#if PY_VERSION_HEX < 0x030C0000

#include <stddef.h>

static PyObject *call(PyObject *function, PyObject *const *arguments, size_t count,
                      PyObject *keywords) {
    int was_wanted = events_want_frames();
    PyObject *result = _PyFunction_Vectorcall(function, arguments, count, keywords);
    events_end_frames(was_wanted);
    return result;
}

/* Pickled, and copied, by name: as pickle and copy do it for functions proper. */
static PyObject *reduce(PyObject *function, PyObject *Py_UNUSED(ignored)) {
    return Py_NewRef(((PyFunctionObject *)function)->func_qualname);
}

static PyMethodDef methods[] = {
    {"__reduce__", reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject watched_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "function",
    .tp_base = &PyFunction_Type,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(PyFunctionObject, vectorcall),
    .tp_methods = methods,
};

/* A class makes static methods, or class methods, of functions with these names,
 * where they are exactly of the type of functions. */
static int is_named_for_class(PyFunctionObject *function) {
    static const char *const names[] = {"__new__", "__init_subclass__", "__class_getitem__"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (PyUnicode_CompareWithASCIIString(function->func_name, names[i]) == 0) return 1;
    return 0;
}

/* Generators are called once and resumed past their function. */
static int is_plain(PyFunctionObject *function) {
    int resumed = CO_GENERATOR | CO_COROUTINE | CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR;
    return !(((PyCodeObject *)function->func_code)->co_flags & resumed);
}

int events_of_function(PyObject *object) {
    PyFunctionObject *function = (PyFunctionObject *)object;
    if (Py_IS_TYPE(object, &watched_type)) return 1;
    if (!PyFunction_Check(object) || function->vectorcall != _PyFunction_Vectorcall) return 0;
    if (!is_plain(function) || is_named_for_class(function)) return 0;
    if (PyType_Ready(&watched_type) < 0) return -1;
    function->vectorcall = call;
    function->func_version = 0; /* calls that are specialised for it are so no more */
    Py_SET_TYPE(object, &watched_type);
    return 1;
}

#endif
