/* at_allocations.start(function, arguments, every): calls function(*arguments) in the midst of
 * whatever the interpreter does: before an allocation in some 1 to 2 * `every`, while the
 * interpreter's lock is held, and for no more than a share of the processor's time.
 *
 * The function is one of C's that runs no Python code: shoal._compact.move. What it returns
 * is looked at for its counts of mistakes, and ends the process with a line if there are any. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { SHARE = 4 }; /* of the time, so many parts are for the calls, one is for the program */

static const PyMemAllocatorDomain domains[] = {PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
enum { DOMAINS = 2 };

static PyMemAllocatorEx served[DOMAINS];
static PyObject *function, *arguments;
static unsigned long every, left, drawn = 1;
static clock_t not_before;
static unsigned long long calls, moved;
static bool is_inside;

static unsigned long draw(unsigned long below) {
    drawn = drawn * 6364136223846793005ul + 1442695040888963407ul;
    return (drawn >> 33) % below;
}

static unsigned long long count_of(PyObject *result, const char *name) {
    PyObject *count = PyDict_GetItemString(result, name);
    return count ? PyLong_AsUnsignedLongLong(count) : 0;
}

static void take(PyObject *result) {
    unsigned long long stale = count_of(result, "stale_words");
    unsigned long long disagreeing = count_of(result, "disagreeing");
    calls++;
    moved += count_of(result, "moved_objects") + count_of(result, "moved_tables");
    if (stale == 0 && disagreeing == 0) return;
    fprintf(stderr, "at_allocations: %llu stale words, %llu containers disagree\n", stale,
            disagreeing);
    abort();
}

static void call(void) {
    clock_t began = clock();
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    bool collects = PyGC_Disable();
    PyObject *result = PyObject_Call(function, arguments, NULL);
    if (result) take(result);
    Py_XDECREF(result);
    if (collects) PyGC_Enable();
    PyErr_Restore(type, error, trace);
    clock_t ended = clock();
    not_before = ended + (ended - began) / SHARE;
}

static void maybe_call(void) {
    if (is_inside || --left > 0) return;
    left = 1 + draw(2 * every);
    if (clock() < not_before || !PyGILState_Check()) return;
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) return;
    is_inside = true;
    call();
    is_inside = false;
}

static void *take_block(void *which, size_t bytes) {
    const PyMemAllocatorEx *of = which;
    maybe_call();
    return of->malloc(of->ctx, bytes);
}

static void *take_zeroed(void *which, size_t count, size_t bytes) {
    const PyMemAllocatorEx *of = which;
    maybe_call();
    return of->calloc(of->ctx, count, bytes);
}

static void *resize(void *which, void *block, size_t bytes) {
    const PyMemAllocatorEx *of = which;
    maybe_call();
    return of->realloc(of->ctx, block, bytes);
}

static void give(void *which, void *block) {
    const PyMemAllocatorEx *of = which;
    of->free(of->ctx, block);
}

static PyObject *start(PyObject *Py_UNUSED(module), PyObject *args) {
    if (!PyArg_ParseTuple(args, "OO!k", &function, &PyTuple_Type, &arguments, &every)) return NULL;
    Py_INCREF(function);
    Py_INCREF(arguments);
    left = every;
    for (int i = 0; i < DOMAINS; i++) {
        PyMemAllocatorEx mine = {&served[i], take_block, take_zeroed, resize, give};
        PyMem_GetAllocator(domains[i], &served[i]);
        PyMem_SetAllocator(domains[i], &mine);
    }
    Py_RETURN_NONE;
}

static PyObject *stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    is_inside = true;
    return Py_BuildValue("KK", calls, moved);
}

static PyMethodDef methods[] = {
    {"start", start, METH_VARARGS, "start(function, arguments, every, /): see the file."},
    {"stop", stop, METH_NOARGS, "stop(): how often it was called, and what was moved."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "at_allocations",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_at_allocations(void) { return PyModule_Create(&module); }
