/* shoal._heap: include/shoal/heap.h for Python, and nothing else but what only C
 * can ask libc for, and the interpreter without giving its lock away.
 *
 * Every function holds the interpreter lock from beginning to end: the OBJ and
 * MEM domains are guarded by it, so it is never released around a heap call.
 *
 * The module is built for one version of Python, not for the limited API of
 * 3.9, because that API cannot say that interpreters with their own lock may
 * import the module. */
#define _GNU_SOURCE
#include "python/common/list_of.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shoal/heap.h"

/* ---- Installing ---------------------------------------------------------- */

static const char install_doc[] =
    "install()\n--\n\n"
    "Serve the OBJ and MEM domains of this process from Shoal.\n\n"
    "Blocks made before go back to the allocator they came from. Calling it again\n"
    "changes nothing. All interpreters of the process are served. Not to be called\n"
    "while tracemalloc traces: see shoal.install().\n\n"
    "Raises\n------\n"
    "RuntimeError\n"
    "    The interpreter is free-threaded, is not found among the loaded symbols,\n"
    "    has its debug allocator over a preloaded Shoal, or there is no address\n"
    "    space; nothing has changed.";

static PyObject *heap_install(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    const char *refusal;

    switch (shoal_python_install()) {
    case SHOAL_PYTHON_ON:
        Py_RETURN_NONE;
    case SHOAL_PYTHON_FREE_THREADED:
        refusal = "Shoal needs the interpreter lock, and this Python is free-threaded";
        break;
    case SHOAL_PYTHON_PAGES:
        refusal = "Shoal is made for memory pages of 4 KiB, and this system has others";
        break;
    case SHOAL_PYTHON_NOMEM:
        refusal = "Shoal found no address space to reserve";
        break;
    case SHOAL_PYTHON_DEBUG:
        refusal = "Shoal is preloaded, and Python's debug allocator serves objects: "
                  "start Python without PYTHONMALLOC, PYTHONDEVMODE and -X dev";
        break;
    case SHOAL_PYTHON_ABSENT:
        refusal = "Shoal found no CPython among the symbols of this process";
        break;
    default:
        refusal = "Shoal could not be installed";
    }
    PyErr_SetString(PyExc_RuntimeError, refusal);
    return NULL;
}

static const char state_doc[] =
    "state()\n--\n\n"
    "Who serves the OBJ and MEM domains now.\n\n"
    "It is tried with a block, not remembered. Cost: one block.\n\n"
    "Returns\n-------\n"
    "int\n"
    "    1: Shoal. 0: another allocator. Below 0: Shoal cannot (-1 no CPython\n"
    "    found, -2 free-threaded, -3 no address space, -4 preloaded and the\n"
    "    interpreter's debug allocators are on, -5 pages that are not of 4 KiB).";

static PyObject *heap_state(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromLong(shoal_python_state());
}

static const char serves_malloc_doc[] =
    "serves_malloc()\n--\n\n"
    "Whether malloc of this process is Shoal's, as it is when it was preloaded.";

static PyObject *heap_serves_malloc(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyBool_FromLong(shoal_serves_malloc());
}

static const char version_doc[] = "version()\n--\n\n"
                                  "The version of libshoal.so, as \"major.minor.patch\".";

static PyObject *heap_version(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyUnicode_FromString(shoal_version());
}

/* ---- Where the memory is --------------------------------------------------- */

static const char usage_doc[] =
    "usage()\n--\n\n"
    "The heap's own counts, in bytes, for the whole process.\n\n"
    "Exact when no other thread is inside the heap (a thread that runs without the\n"
    "interpreter lock and calls malloc may be); off by those threads' blocks\n"
    "otherwise. Cost: one pass over the pool records, about 2 ms a gigabyte.\n\n"
    "Returns\n-------\n"
    "dict of str to int\n"
    "    live, held, pinned, reserve, returned, metadata, large, peak, huge; see\n"
    "    shoal.Usage for what each means.";

static PyObject *heap_usage(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    struct shoal_usage usage;

    shoal_usage(&usage);
    return Py_BuildValue("{snsnsnsnsnsnsnsnsn}", "live", (Py_ssize_t)usage.live, "held",
                         (Py_ssize_t)usage.held, "pinned", (Py_ssize_t)usage.pinned, "reserve",
                         (Py_ssize_t)usage.reserve, "returned", (Py_ssize_t)usage.returned,
                         "metadata", (Py_ssize_t)usage.metadata, "large", (Py_ssize_t)usage.large,
                         "peak", (Py_ssize_t)usage.peak, "huge", (Py_ssize_t)usage.huge);
}

static PyObject *class_usage_item(const void *item) {
    const struct shoal_class_usage *usage = item;

    return Py_BuildValue("(nnnnn)", (Py_ssize_t)usage->block_size, (Py_ssize_t)usage->pools,
                         (Py_ssize_t)usage->live_blocks, (Py_ssize_t)usage->live,
                         (Py_ssize_t)usage->held);
}

static PyObject *range_item(const void *item) {
    const struct shoal_range *range = item;

    return Py_BuildValue("(KnN)", (unsigned long long)(uintptr_t)range->start,
                         (Py_ssize_t)range->bytes, PyBool_FromLong(range->is_metadata));
}

static const char class_usage_doc[] =
    "class_usage()\n--\n\n"
    "The pools by size class. Cost and exactness as usage().\n\n"
    "Returns\n-------\n"
    "list of (block_size, pools, live_blocks, live, held)\n"
    "    Sizes in bytes, smallest block size first, unused size classes included.";

static PyObject *heap_class_usage(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    struct shoal_class_usage classes[256]; /* there are fewer: see size_class.h */
    size_t count = shoal_class_usage(classes, Py_ARRAY_LENGTH(classes));

    if (count > Py_ARRAY_LENGTH(classes)) count = Py_ARRAY_LENGTH(classes);
    return LIST_OF(classes, count, class_usage_item);
}

static const char ranges_doc[] =
    "ranges()\n--\n\n"
    "The addresses that the heap has mapped.\n\n"
    "Returns\n-------\n"
    "list of (start, bytes, is_metadata)\n"
    "    Address space in bytes, of which any part may be resident.\n\n"
    "Raises\n------\n"
    "MemoryError";

static PyObject *heap_ranges(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    struct shoal_range *ranges = NULL;
    PyObject *list;
    size_t room = 0, count;

    /* The array itself may make the heap map one more range: ask until it fits. */
    while ((count = shoal_ranges(ranges, room)) > room) {
        room = count + 8;
        PyMem_Free(ranges);
        ranges = PyMem_Calloc(room, sizeof(*ranges));
        if (ranges == NULL) return PyErr_NoMemory();
    }
    list = LIST_OF(ranges, count, range_item);
    PyMem_Free(ranges);
    return list;
}

/* ---- Giving back and checking ------------------------------------------------ */

static const char trim_doc[] =
    "trim()\n--\n\n"
    "Give every whole free page of the heap back to the operating system.\n\n"
    "Only that: shoal.trim() does more. The heaps of other running threads keep\n"
    "their current pools.\n\n"
    "Returns\n-------\n"
    "int\n"
    "    Bytes given back.";

static PyObject *heap_trim(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromSize_t(shoal_trim());
}

static const char trim_after_gc_doc[] =
    "trim_after_gc(phase, info, /)\n--\n\n"
    "An entry for gc.callbacks: trim() when a collection of generation 2 stops.\n\n"
    "Cost otherwise: one dictionary look-up.";

static PyObject *heap_trim_after_gc(PyObject *Py_UNUSED(module), PyObject *const *args,
                                    Py_ssize_t count) {
    PyObject *generation;

    if (count != 2 || !PyUnicode_Check(args[0]) || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "trim_after_gc() takes a str and a dict");
        return NULL;
    }
    if (PyUnicode_CompareWithASCIIString(args[0], "stop") == 0) {
        generation = PyDict_GetItemString(args[1], "generation");
        if (generation != NULL && PyLong_Check(generation) && PyLong_AsLong(generation) == 2)
            shoal_trim();
    }
    Py_RETURN_NONE;
}

static const char check_doc[] =
    "check()\n--\n\n"
    "Walk the whole heap and check every invariant; for tests.\n\n"
    "Aborts the process with one line at the first that does not hold. No other\n"
    "thread may be inside the heap.\n\n"
    "Returns\n-------\n"
    "int\n"
    "    Blocks seen live.";

static PyObject *heap_check(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromSize_t(shoal_check());
}

/* ---- libc, where it still serves malloc -------------------------------------- */

/* struct mallinfo2, in full; declared here because older headers lack it. */
struct libc_usage {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

static const char libc_usage_doc[] =
    "libc_usage()\n--\n\n"
    "What libc's malloc has taken from the system, by mallinfo2(3).\n\n"
    "Returns\n-------\n"
    "(int, int) or None\n"
    "    Bytes in its heaps, bytes in blocks with their own mapping: address space,\n"
    "    of which any part may be resident. None where libc does not serve malloc,\n"
    "    or has no mallinfo2.";

static PyObject *heap_libc_usage(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    struct libc_usage (*ask)(void);
    struct libc_usage usage;

    *(void **)&ask = shoal_serves_malloc() ? NULL : dlsym(RTLD_DEFAULT, "mallinfo2");
    if (ask == NULL) Py_RETURN_NONE;
    usage = ask();
    return Py_BuildValue("(nn)", (Py_ssize_t)usage.arena, (Py_ssize_t)usage.hblkhd);
}

static const char libc_trim_doc[] = "libc_trim()\n--\n\n"
                                    "Let libc give back its free pages, by malloc_trim(3).\n\n"
                                    "Returns\n-------\n"
                                    "bool\n"
                                    "    False where libc does not serve malloc, or cannot do it.";

static PyObject *heap_libc_trim(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    int (*trim)(size_t);

    *(void **)&trim = shoal_serves_malloc() ? NULL : dlsym(RTLD_DEFAULT, "malloc_trim");
    if (trim == NULL) Py_RETURN_FALSE;
    trim(0);
    Py_RETURN_TRUE;
}

/* ---- The interpreter's own report ------------------------------------------------ */

static const char pymalloc_report_doc[] =
    "pymalloc_report()\n--\n\n"
    "Return what sys._debugmallocstats() writes, or its part about pymalloc.\n\n"
    "Where the interpreter does not export the function that writes to any file,\n"
    "file descriptor 2 is another file meanwhile: what a thread without the\n"
    "interpreter lock writes to standard error in these microseconds is lost then.\n\n"
    "Returns\n-------\n"
    "bytes\n"
    "    Empty where neither can be had.";

typedef int report_function(FILE *to);

static PyObject *report_in_memory(report_function *report) {
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);
    if (to == NULL) return PyErr_NoMemory();
    report(to);
    PyObject *bytes = NULL;
    if (fclose(to) == 0)
        bytes = PyBytes_FromStringAndSize(text, (Py_ssize_t)length);
    else
        PyErr_NoMemory();
    free(text);
    return bytes;
}

static PyObject *whole_file(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) return PyErr_SetFromErrno(PyExc_OSError);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)status.st_size);
    if (bytes == NULL) return NULL;
    ssize_t count = pread(descriptor, PyBytes_AS_STRING(bytes), (size_t)status.st_size, 0);
    if (count < 0) {
        Py_DECREF(bytes);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    _PyBytes_Resize(&bytes, count); /* NULL and an exception when it fails */
    return bytes;
}

/* Calls the function while descriptor 2 is `file`. */
static PyObject *call_with_standard_error(PyObject *function, int file) {
    int standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (standard_error < 0) Py_RETURN_NONE;
    fflush(stderr);
    dup2(file, STDERR_FILENO);
    PyObject *result = PyObject_CallObject(function, NULL);
    fflush(stderr);
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    return result;
}

static PyObject *heap_pymalloc_report(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; /* of interpreters */
    report_function *exported =
        (report_function *)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyObject_DebugMallocStats");
    if (exported) return report_in_memory(exported);
    PyObject *function = PySys_GetObject("_debugmallocstats"), *report = NULL;
    if (function == NULL) return PyBytes_FromStringAndSize(NULL, 0);
    int file = memfd_create("pymalloc report", MFD_CLOEXEC);
    if (file < 0) return PyBytes_FromStringAndSize(NULL, 0);
    pthread_mutex_lock(&one_at_a_time);
    PyObject *done = call_with_standard_error(function, file);
    pthread_mutex_unlock(&one_at_a_time);
    if (done) report = whole_file(file);
    Py_XDECREF(done);
    close(file);
    return report;
}

/* ---- The module ---------------------------------------------------------------- */

static PyMethodDef heap_methods[] = {
    {"install", heap_install, METH_NOARGS, install_doc},
    {"state", heap_state, METH_NOARGS, state_doc},
    {"serves_malloc", heap_serves_malloc, METH_NOARGS, serves_malloc_doc},
    {"version", heap_version, METH_NOARGS, version_doc},
    {"usage", heap_usage, METH_NOARGS, usage_doc},
    {"class_usage", heap_class_usage, METH_NOARGS, class_usage_doc},
    {"ranges", heap_ranges, METH_NOARGS, ranges_doc},
    {"trim", heap_trim, METH_NOARGS, trim_doc},
    {"trim_after_gc", (PyCFunction)(void (*)(void))heap_trim_after_gc, METH_FASTCALL,
     trim_after_gc_doc},
    {"check", heap_check, METH_NOARGS, check_doc},
    {"libc_usage", heap_libc_usage, METH_NOARGS, libc_usage_doc},
    {"libc_trim", heap_libc_trim, METH_NOARGS, libc_trim_doc},
    {"pymalloc_report", heap_pymalloc_report, METH_NOARGS, pymalloc_report_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot heap_slots[] = {
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    /* Importing must not switch the lock on where install() will refuse. */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef heap_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shoal._heap",
    .m_doc = "The heap of Shoal, as include/shoal/heap.h declares it.",
    .m_methods = heap_methods,
    .m_slots = heap_slots,
};

PyMODINIT_FUNC PyInit__heap(void) { return PyModuleDef_Init(&heap_module); }
