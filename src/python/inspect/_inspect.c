/* shoal._inspect: include/shoal/inspect.h for Python. */
#include "python/common/list_of.h"

#include <limits.h>

#include "shoal/inspect.h"

/* Of each interpreter. */
struct state {
    PyObject *not_python_error, *no_pools_error;
    int is_known; /* the running version, once it was looked at: 1 or -1 */
};

static PyObject *arena_item(const void *item) {
    const struct shoal_arena_census *arena = item;
    return Py_BuildValue("(KKKKKKKKKK)", arena->start, arena->bytes, arena->resident, arena->pools,
                         arena->used, arena->free, arena->live_blocks, arena->live,
                         arena->page_free, arena->reserve);
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

static const char *const owner_names[] = {
    [SHOAL_OWNER_MALLOC] = "libc",     [SHOAL_OWNER_STACK] = "stack",
    [SHOAL_OWNER_RESERVE] = "reserve", [SHOAL_OWNER_RECORDS] = "records",
    [SHOAL_OWNER_ARENA] = "pymalloc",  [SHOAL_OWNER_LARGE] = "large",
};

static PyObject *owned_item(const void *item) {
    const struct shoal_owned *owned = item;
    return Py_BuildValue("(KKs)", owned->start, owned->bytes, owner_names[owned->owner]);
}

static PyObject *malloc_dict(const struct shoal_malloc_census *of) {
    return Py_BuildValue("{sKsKsKsKsKsK}", "live_bytes", of->live, "live_blocks", of->blocks,
                         "free_bytes", of->free, "page_free_bytes", of->page_free,
                         "pool_kept_bytes", of->pool_kept, "unread_bytes", of->unread);
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
        "{sisssssdsdsdsIsKsKsIsIsNsNsNsNsy#sKsKsKsKsNsNsNsN}", "pid", (int)of->pid, "python",
        of->python, "allocator", of->allocator == SHOAL_ALLOCATOR_SHOAL ? "shoal" : "pymalloc",
        "seconds", of->seconds, "frozen_seconds", of->frozen_seconds, "longest_stop_seconds",
        of->longest_stop, "stops", of->stops, "pools_read", of->pools_read, "pools_inconsistent",
        of->pools_inconsistent, "arena_bytes", of->arena_bytes, "pool_bytes", of->pool_bytes,
        "arenas", LIST_OF(of->arenas, of->arena_count, arena_item), "size_classes",
        LIST_OF(of->sizes, of->size_count, size_item), "types", types, "pinning", pinning,
        "occupancy", of->occupancy ? (const char *)of->occupancy : "",
        (Py_ssize_t)of->occupancy_count, "resident_bytes", of->resident, "page_free_bytes",
        of->page_free, "reserve_bytes", of->reserve, "large_resident_bytes", of->large_resident,
        "malloc", malloc_dict(&of->malloc), "large",
        LIST_OF(of->large, of->large_count, extent_item), "ranges",
        LIST_OF(of->ranges, of->range_count, extent_item), "owned",
        LIST_OF(of->owned, of->owned_count, owned_item));
}

static PyObject *error_of(PyObject *module, enum shoal_inspect_status status) {
    const struct state *state = PyModule_GetState(module);
    switch (status) {
    case SHOAL_INSPECT_NO_PROCESS:
        return PyExc_ProcessLookupError;
    case SHOAL_INSPECT_NO_RIGHT:
        return PyExc_PermissionError;
    case SHOAL_INSPECT_NO_POOLS:
        return state->no_pools_error;
    case SHOAL_INSPECT_NO_PYTHON:
        return state->not_python_error;
    default:
        return PyExc_MemoryError;
    }
}

/* ---- Whether the running Python is as it is known ----------------------------------------- */

static const char agrees_doc[] =
    "agrees(minor)\n--\n\n"
    "Whether the running Python has its classes where those of 3.minor are read.";

static int agrees_with(int minor) {
    PyObject *class =
        PyObject_CallFunction((PyObject *)&PyType_Type, "s(){ssss}", "Probe", "__module__",
                              "shoal.probe", "__qualname__", "Outer.Probe");
    if (!class) return -1;
    int agrees = shoal_layout_agrees(minor, class, "shoal.probe.Outer.Probe");
    Py_DECREF(class);
    return agrees;
}

static PyObject *inspect_agrees(PyObject *Py_UNUSED(module), PyObject *minor) {
    long number = PyLong_AsLong(minor);
    if (number == -1 && PyErr_Occurred()) return NULL;
    int agrees = agrees_with((int)number);
    if (agrees < 0) return NULL;
    return PyBool_FromLong(agrees);
}

/* Refuses to read wrongly. Other versions are what they were when they were tried. */
static int check_version(PyObject *module, const char *python) {
    struct state *state = PyModule_GetState(module);
    char running[16];
    int length = snprintf(running, sizeof running, "%d.%d.", PY_MAJOR_VERSION, PY_MINOR_VERSION);
    if (strncmp(python, running, (size_t)length) != 0) return 0;
    if (state->is_known == 0) {
        int agrees = agrees_with(PY_MINOR_VERSION);
        if (agrees < 0) return -1;
        state->is_known = agrees ? 1 : -1;
    }
    if (state->is_known < 0)
        PyErr_Format(state->not_python_error,
                     "Python %.20s has its classes elsewhere than this version of Shoal knows: it "
                     "is not read, rather than wrongly",
                     Py_GetVersion());
    return state->is_known < 0 ? -1 : 0;
}

/* ---- Reading ------------------------------------------------------------------------------ */

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
    "    It is not a CPython from 3.9 to 3.15, or of the running version, which is not as it\n"
    "    is known.\n"
    "NoPoolsError\n"
    "    Its objects are not in pymalloc's pools.\n\n"
    "Notes\n-----\n"
    "About half a second a gigabyte, without the interpreter lock.";

static PyObject *inspect_read(PyObject *module, PyObject *args, PyObject *keywords) {
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
    if (status != SHOAL_INSPECT_OK)
        PyErr_SetString(error_of(module, status), message);
    else if (check_version(module, inspection.python) == 0)
        result = result_dict(&inspection);
    shoal_inspection_end(&inspection);
    return result;
}

/* ---- Whose the rest is --------------------------------------------------------------- */

static int parse_pid(long long pid) {
    if (pid >= 1 && pid <= INT_MAX) return 1;
    PyErr_Format(PyExc_ProcessLookupError, "no such process: %lld", pid);
    return 0;
}

/* The (start, bytes) of a sequence of tuples, to be freed; NULL with an exception. */
static struct shoal_extent *parse_extents(PyObject *object, size_t *count) {
    PyObject *items = PySequence_Fast(object, "expected a list of (start, bytes)");
    if (!items) return NULL;
    Py_ssize_t length = PySequence_Fast_GET_SIZE(items);
    struct shoal_extent *extents = PyMem_Malloc((size_t)(length + 1) * sizeof *extents);
    if (!extents) PyErr_NoMemory();
    for (Py_ssize_t i = 0; extents && i < length; i++) {
        unsigned long long start, bytes;
        PyObject *item = PySequence_Fast_GET_ITEM(items, i);
        if (!PyTuple_Check(item)) PyErr_SetString(PyExc_TypeError, "expected (start, bytes)");
        if (PyErr_Occurred() || !PyArg_ParseTuple(item, "KK", &start, &bytes)) {
            PyMem_Free(extents);
            extents = NULL;
            break;
        }
        extents[i] = (struct shoal_extent){start, bytes};
    }
    *count = (size_t)length;
    Py_DECREF(items);
    return extents;
}

static const char owners_doc[] =
    "owners(pid, minor, known)\n--\n\n"
    "Whose memory is where, without reading the heap.\n\n"
    "Parameters\n----------\n"
    "pid : int\n"
    "minor : int\n"
    "    Of its Python 3.minor; 0 if it is none that can be read.\n"
    "known : list of (start, bytes)\n"
    "    What has an owner already.\n\n"
    "Returns\n-------\n"
    "list of (start, bytes, owner)\n"
    "    By address; \"pymalloc\", \"libc\", \"large\" or \"stack\".\n\n"
    "Raises\n------\n"
    "ProcessLookupError, PermissionError, MemoryError\n"
    "    See read().";

static PyObject *inspect_owners(PyObject *module, PyObject *args) {
    struct shoal_ownership ownership = {0};
    char message[512] = "";
    PyObject *known, *result = NULL;
    long long pid;
    int minor;
    size_t count;
    if (!PyArg_ParseTuple(args, "LiO:owners", &pid, &minor, &known) || !parse_pid(pid)) return NULL;
    struct shoal_extent *extents = parse_extents(known, &count);
    if (!extents) return NULL;
    enum shoal_inspect_status status;
    PyThreadState *thread = PyEval_SaveThread();
    status = shoal_owners((pid_t)pid, minor, extents, count, &ownership, message, sizeof message);
    PyEval_RestoreThread(thread);
    PyMem_Free(extents);
    if (status == SHOAL_INSPECT_OK)
        result = LIST_OF(ownership.items, ownership.count, owned_item);
    else
        PyErr_SetString(error_of(module, status), message);
    shoal_ownership_end(&ownership);
    return result;
}

static const char libraries_doc[] =
    "libraries(pid, ranges, zeroed)\n--\n\n"
    "Which library each of some ranges of memory is of: the one whose data lead there.\n\n"
    "Parameters\n----------\n"
    "pid : int\n"
    "ranges : list of (start, bytes)\n"
    "zeroed : list of (start, bytes)\n"
    "    Data of libraries that no file has.\n\n"
    "Returns\n-------\n"
    "list of str\n"
    "    A file's name for each range; \"\" where none is known.\n\n"
    "Raises\n------\n"
    "ProcessLookupError, PermissionError, MemoryError\n"
    "    See read().";

static PyObject *library_item(const void *item) { return PyUnicode_FromString(item); }

static PyObject *inspect_libraries(PyObject *module, PyObject *args) {
    char message[512] = "";
    PyObject *ranges, *data, *result = NULL;
    long long pid;
    size_t count, zeroed_count;
    if (!PyArg_ParseTuple(args, "LOO:libraries", &pid, &ranges, &data) || !parse_pid(pid))
        return NULL;
    struct shoal_extent *extents = parse_extents(ranges, &count);
    struct shoal_extent *zeroed = extents ? parse_extents(data, &zeroed_count) : NULL;
    if (!zeroed) {
        PyMem_Free(extents);
        return NULL;
    }
    enum shoal_inspect_status status = SHOAL_INSPECT_NO_MEMORY;
    char (*names)[SHOAL_LIBRARY_ROOM] = PyMem_Calloc(count + 1, sizeof *names);
    PyThreadState *thread = PyEval_SaveThread();
    if (names)
        status = shoal_libraries((pid_t)pid, extents, count, zeroed, zeroed_count, names, message,
                                 sizeof message);
    PyEval_RestoreThread(thread);
    if (status == SHOAL_INSPECT_OK)
        result = LIST_OF(names, count, library_item);
    else
        PyErr_SetString(error_of(module, status), message);
    PyMem_Free(names);
    PyMem_Free(zeroed);
    PyMem_Free(extents);
    return result;
}

static PyMethodDef inspect_methods[] = {
    {"agrees", inspect_agrees, METH_O, agrees_doc},
    {"owners", inspect_owners, METH_VARARGS, owners_doc},
    {"libraries", inspect_libraries, METH_VARARGS, libraries_doc},
    {"read", (PyCFunction)(void (*)(void))inspect_read, METH_VARARGS | METH_KEYWORDS, read_doc},
    {NULL, NULL, 0, NULL},
};

/* Makes an exception of the module's; NULL when it cannot be. */
static PyObject *add_error(PyObject *module, const char *name, PyObject *base) {
    PyObject *error = PyErr_NewException(name, base, NULL);
    if (error && PyModule_AddObjectRef(module, strrchr(name, '.') + 1, error) < 0) Py_CLEAR(error);
    return error;
}

static int inspect_exec(PyObject *module) {
    struct state *state = PyModule_GetState(module);
    state->not_python_error = add_error(module, "shoal._inspect.NotPythonError", NULL);
    if (!state->not_python_error) return -1;
    state->no_pools_error =
        add_error(module, "shoal._inspect.NoPoolsError", state->not_python_error);
    return state->no_pools_error ? 0 : -1;
}

static int inspect_traverse(PyObject *module, visitproc visit, void *arg) {
    const struct state *state = PyModule_GetState(module);
    Py_VISIT(state->not_python_error);
    Py_VISIT(state->no_pools_error);
    return 0;
}

static int inspect_clear(PyObject *module) {
    struct state *state = PyModule_GetState(module);
    Py_CLEAR(state->not_python_error);
    Py_CLEAR(state->no_pools_error);
    return 0;
}

static PyModuleDef_Slot inspect_slots[] = {
    {Py_mod_exec, inspect_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED}, /* shoal.usage() imports it everywhere */
#endif
    {0, NULL},
};

static struct PyModuleDef inspect_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shoal._inspect",
    .m_doc = "The reader of other processes, as include/shoal/inspect.h declares it.",
    .m_size = sizeof(struct state),
    .m_methods = inspect_methods,
    .m_slots = inspect_slots,
    .m_traverse = inspect_traverse,
    .m_clear = inspect_clear,
};

PyMODINIT_FUNC PyInit__inspect(void) { return PyModuleDef_Init(&inspect_module); }
