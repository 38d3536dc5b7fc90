/* shoal._inspect: include/shoal/inspect.h for Python. */
#include "python/common/list_of.h"

#include <limits.h>

#include "shoal/inspect.h"

static PyObject *NotPythonError, *NoPoolsError;

static PyObject *arena_item(const void *item) {
    const struct shoal_arena_census *arena = item;
    return Py_BuildValue("(KKKKKKKKK)", arena->start, arena->bytes, arena->resident, arena->pools,
                         arena->used, arena->free, arena->live_blocks, arena->live,
                         arena->page_free);
}

static PyObject *size_item(const void *item) {
    const struct shoal_size_census *size = item;
    return Py_BuildValue("(IKKKKK)", size->block_size, size->pools, size->live_blocks,
                         size->free_blocks, size->live, size->held);
}

static const char *const kinds[] = {
    [SHOAL_BLOCK_OBJECT] = "object",
    [SHOAL_BLOCK_GC] = "gc",
    [SHOAL_BLOCK_RAW] = "raw",
};

static PyObject *type_item(const void *item) {
    const struct shoal_type_census *type = item;
    return Py_BuildValue("(ssKK)", type->name, kinds[type->kind], type->blocks, type->bytes);
}

static PyObject *pinning_item(const void *item) {
    const struct shoal_type_census *type = item;
    return Py_BuildValue("(ssKKK)", type->name, kinds[type->kind], type->pinned_arenas,
                         type->pinned_blocks, type->pinned_held);
}

static int by_pinned_held(const void *left, const void *right) {
    const struct shoal_type_census *a = left, *b = right;
    if (a->pinned_held != b->pinned_held) return a->pinned_held > b->pinned_held ? -1 : 1;
    return strcmp(a->name, b->name);
}

static PyObject *extent_item(const void *item) {
    const struct shoal_extent *extent = item;
    return Py_BuildValue("(KK)", extent->start, extent->bytes);
}

/* Those that pin arenas, most held bytes first. Sorts the types, so it comes after
 * the list of all of them. */
static PyObject *pinning_list(const struct shoal_inspection *of) {
    size_t count = 0;
    qsort(of->types, of->type_count, sizeof *of->types, by_pinned_held);
    for (size_t i = 0; i < of->type_count; i++)
        if (of->types[i].pinned_arenas) of->types[count++] = of->types[i];
    return LIST_OF(of->types, count, pinning_item);
}

static PyObject *result_dict(const struct shoal_inspection *of) {
    PyObject *types = LIST_OF(of->types, of->type_count, type_item);
    PyObject *pinning = pinning_list(of);
    return Py_BuildValue(
        "{sisssssdsdsdsIsKsKsIsIsNsNsNsNsy#sKsKsKsNsN}", "pid", (int)of->pid, "python", of->python,
        "allocator", of->allocator == SHOAL_ALLOCATOR_SHOAL ? "shoal" : "pymalloc", "seconds",
        of->seconds, "frozen_seconds", of->frozen_seconds, "longest_stop_seconds", of->longest_stop,
        "stops", of->stops, "pools_read", of->pools_read, "pools_inconsistent",
        of->pools_inconsistent, "arena_bytes", of->arena_bytes, "pool_bytes", of->pool_bytes,
        "arenas", LIST_OF(of->arenas, of->arena_count, arena_item), "size_classes",
        LIST_OF(of->sizes, of->size_count, size_item), "types", types, "pinning", pinning,
        "occupancy", of->occupancy ? (const char *)of->occupancy : "",
        (Py_ssize_t)of->occupancy_count, "mesh_pages", of->mesh_pages, "resident_bytes",
        of->resident, "page_free_bytes", of->page_free, "large",
        LIST_OF(of->large, of->large_count, extent_item), "ranges",
        LIST_OF(of->ranges, of->range_count, extent_item));
}

static PyObject *error_of(enum shoal_inspect_status status) {
    switch (status) {
    case SHOAL_INSPECT_NO_PROCESS:
        return PyExc_ProcessLookupError;
    case SHOAL_INSPECT_NO_RIGHT:
        return PyExc_PermissionError;
    case SHOAL_INSPECT_NO_POOLS:
        return NoPoolsError;
    case SHOAL_INSPECT_NO_PYTHON:
        return NotPythonError;
    default:
        return PyExc_MemoryError;
    }
}

static const char read_doc[] =
    "read(pid, freeze=False)\n--\n\n"
    "Read what a running CPython holds; sizes in bytes, see _inspect.pyi.\n\n"
    "Parameters\n----------\n"
    "pid : int\n"
    "freeze : bool\n"
    "    Stop its threads while the arenas are read.\n\n"
    "Raises\n------\n"
    "ProcessLookupError\n"
    "    There is no such process, or it ended while it was read.\n"
    "PermissionError\n"
    "    It may not be read; the message says which right it takes.\n"
    "NotPythonError\n"
    "    It is not a CPython from 3.9 to 3.13.\n"
    "NoPoolsError\n"
    "    Its objects are not in pymalloc's pools.\n\n"
    "Notes\n-----\n"
    "About half a second a gigabyte, without the interpreter lock.";

static PyObject *inspect_read(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords) {
    static char *names[] = {"pid", "freeze", NULL};
    struct shoal_inspection inspection;
    enum shoal_inspect_status status;
    char message[512] = "";
    PyObject *result = NULL;
    long long pid;
    int freeze = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "L|p:read", names, &pid, &freeze)) return NULL;
    if (pid < 1 || pid > INT_MAX)
        return PyErr_Format(PyExc_ProcessLookupError, "no such process: %lld", pid);
    PyThreadState *thread = PyEval_SaveThread();
    status = shoal_inspect((pid_t)pid, freeze ? SHOAL_INSPECT_FREEZE : 0, &inspection, message,
                           sizeof message);
    PyEval_RestoreThread(thread);
    if (status == SHOAL_INSPECT_OK)
        result = result_dict(&inspection);
    else
        PyErr_SetString(error_of(status), message);
    shoal_inspection_end(&inspection);
    return result;
}

static PyMethodDef inspect_methods[] = {
    {"read", (PyCFunction)(void (*)(void))inspect_read, METH_VARARGS | METH_KEYWORDS, read_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef inspect_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shoal._inspect",
    .m_doc = "The reader of other processes, as include/shoal/inspect.h declares it.",
    .m_size = -1,
    .m_methods = inspect_methods,
};

/* Makes an exception, which is kept for good; NULL when it cannot be. */
static PyObject *add_error(PyObject *module, const char *name, PyObject *base) {
    PyObject *error = PyErr_NewException(name, base, NULL);
    if (error && PyModule_AddObjectRef(module, strrchr(name, '.') + 1, error) < 0) Py_CLEAR(error);
    return error;
}

PyMODINIT_FUNC PyInit__inspect(void) {
    PyObject *module = PyModule_Create(&inspect_module);
    if (!module) return NULL;
    NotPythonError = add_error(module, "shoal._inspect.NotPythonError", NULL);
    if (NotPythonError)
        NoPoolsError = add_error(module, "shoal._inspect.NoPoolsError", NotPythonError);
    if (!NoPoolsError) Py_CLEAR(module);
    return module;
}
