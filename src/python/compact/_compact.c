/* shoal._compact: moves live objects together, so that the pages they leave can go.
 *
 * Python's half of include/shoal/compact.h. While it works nothing else runs in the
 * interpreter, and nothing is allocated from its heap. */
#define _GNU_SOURCE
#include "python/common/compat.h"

#include <dlfcn.h>

#include "python/compact/collector.h"
#include "python/compact/layout_proof.h"
#include "python/compact/numbers.h"
#include "python/compact/survey.h"
#include "python/compact/tally.h"
#include "shoal/heap.h"
#include "shoal/moving.h"

/* ---- What the mover asks ------------------------------------------------------------ */

struct job {
    struct survey survey;
    struct tally *tally;
    bool is_dry;
    size_t disagreeing;  /* stress: containers whose types tell of other references */
};

static unsigned addresses_of(const void *block, uintptr_t addresses[2]) {
    return number_addresses(block, addresses);
}

static void stays(void *context, enum shoal_reason reason, const void *object, size_t bytes) {
    struct job *job = context;
    tally_add(job->tally, reason, object ? Py_TYPE((PyObject *)object) : NULL, bytes);
}

static void moved(void *context, void *object) {
    (void)context;
    if (is_tracked(object)) collector_relink(object);
}

static void rewrite(void *context) {
    struct job *job = context;
    survey_rewrite(&job->survey);
}

/* ---- The move -------------------------------------------------------------------------- */

enum outcome { DONE, SHORT_OF_MEMORY, PROC_FAILED };

static void compare(void *context, PyObject *container) {
    struct job *job = context;
    job->disagreeing += !layout_agrees(container);
}

/* What is above this function's frame on the stack is in use. */
static __attribute__((noinline)) enum outcome work(struct job *job) {
    const void *frame = __builtin_frame_address(0);
    struct shoal_mover *mover = job->survey.mover;
    survey_count(&job->survey);
    survey_mark_hashed(&job->survey);
    shoal_mover_spent(mover, SHOAL_PHASE_COUNT);
    if (mover->is_short) return SHORT_OF_MEMORY;
    if (!shoal_mover_scan(mover, frame)) return PROC_FAILED;
    shoal_mover_judge(mover);
    if (!shoal_mover_plan(mover)) return SHORT_OF_MEMORY;
    if (!job->is_dry) shoal_mover_move(mover);
    if (mover->is_stress) survey_each_container(&job->survey, compare, job);
    return DONE;
}

/* The registers that a call keeps are put on the stack, above the frame of what is called:
 * so what callers have in them is seen. */
static __attribute__((noinline)) enum outcome work_below(struct job *job) {
    __builtin_unwind_init();
    enum outcome outcome = work(job);
    __asm__ volatile("" ::: "memory"); /* no tail call: this frame stays */
    return outcome;
}

/* ---- Results ---------------------------------------------------------------------------- */

static const char *const phase_names[SHOAL_PHASES] = {"snapshot", "count",   "scan", "judge",
                                                      "move",     "rewrite", "free"};

static PyObject *seconds_of(const struct shoal_mover *mover) {
    PyObject *seconds = PyDict_New();
    for (int i = 0; seconds && i < SHOAL_PHASES; i++) {
        PyObject *value = PyFloat_FromDouble(mover->seconds[i]);
        if (!value || PyDict_SetItemString(seconds, phase_names[i], value) < 0) Py_CLEAR(seconds);
        Py_XDECREF(value);
    }
    return seconds;
}

/* `did`: what the mover did; it is gone. */
static PyObject *result_of(const struct job *job, const struct shoal_mover *did) {
    PyObject *seconds = seconds_of(did), *stayed = tally_list(job->tally);
    if (!seconds || !stayed) {
        Py_XDECREF(seconds);
        Py_XDECREF(stayed);
        return NULL;
    }
    return Py_BuildValue(
        "{sn sn sn sn sn sn sn sn sn sn sn sN sN}", "blocks", (Py_ssize_t)did->note_count,
        "live_bytes", (Py_ssize_t)did->live_bytes, "movable_blocks",
        (Py_ssize_t)did->stay_blocks[SHOAL_REASON_NONE], "movable_bytes",
        (Py_ssize_t)did->stay_bytes[SHOAL_REASON_NONE], "emptied_bytes",
        (Py_ssize_t)did->source_bytes, "moved_objects", (Py_ssize_t)did->moved_objects,
        "moved_tables", (Py_ssize_t)did->moved_tables, "moved_bytes", (Py_ssize_t)did->moved_bytes,
        "stale_words", (Py_ssize_t)did->stale_words, "disagreeing", (Py_ssize_t)job->disagreeing,
        "table_bytes", (Py_ssize_t)did->table_bytes, "seconds", seconds, "stayed", stayed);
}

static PyObject *refuse(const char *why) {
    PyErr_SetString(PyExc_RuntimeError, why);
    return NULL;
}

static PyObject *refuse_state(enum shoal_mover_state state) {
    switch (state) {
    case SHOAL_MOVER_NO_BLOCKS:
        return refuse("compact() needs Shoal to serve objects");
    case SHOAL_MOVER_SCATTERED:
        return refuse("compact() needs the heap in one range of addresses, and it has several");
    case SHOAL_MOVER_NO_MEMORY:
        return refuse("compact() found no memory for its tables");
    case SHOAL_MOVER_NO_PROC:
        return refuse("compact() cannot read /proc/self");
    default:
        return refuse("compact() runs in the main interpreter only");
    }
}

static PyObject *refuse_outcome(enum outcome outcome) {
    return refuse_state(outcome == PROC_FAILED ? SHOAL_MOVER_NO_PROC : SHOAL_MOVER_NO_MEMORY);
}

/* Objects are made when the mover is gone, and the heap's locks with it. Making them must not
 * run the collector, which runs any code: types that were noted may go then. */
static PyObject *result_without_collection(const struct job *job, const struct shoal_mover *did) {
    int was_enabled = PyGC_Disable();
    PyObject *result = result_of(job, did);
    if (was_enabled) PyGC_Enable();
    return result;
}

static PyObject *run(struct job *job, bool is_stress) {
    struct shoal_mover_client client = {
        .context = job,
        .code_mark = (uintptr_t)&PyCode_Type,
        .number_mark = (uintptr_t)&PyLong_Type,
        .number_addresses = addresses_of,
        .stays = stays,
        .moved = moved,
        .rewrite = rewrite,
    };
    enum shoal_mover_state state = shoal_mover_new(&job->survey.mover, &client, is_stress);
    if (state != SHOAL_MOVER_MADE) return refuse_state(state);
    shapes_forget();
    enum outcome outcome = work_below(job);
    struct shoal_mover did = *job->survey.mover;
    shoal_mover_delete(job->survey.mover);
    return outcome == DONE ? result_without_collection(job, &did) : refuse_outcome(outcome);
}

/* ---- The module's functions ------------------------------------------------------------------ */

static const char figures_doc[] =
    "figures()\n--\n\n"
    "Bytes of the interpreter's heap, in pools that have live blocks.\n\n"
    "Returns\n-------\n"
    "(int, int, int, int)\n"
    "    Resident; of these in live blocks; how many live blocks; and bytes of the pools that\n"
    "    would be left if these lay together. Cost: 2 ms a gigabyte.";

static PyObject *compact_figures(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    struct shoal_moving_figures figures;
    shoal_moving_figures(&figures);
    return Py_BuildValue("(nnnn)", (Py_ssize_t)figures.resident, (Py_ssize_t)figures.live,
                         (Py_ssize_t)figures.blocks, (Py_ssize_t)figures.emptiable);
}

static const void *library_of(const void *function) {
    Dl_info info;
    return dladdr(function, &info) ? info.dli_fbase : NULL;
}

/* Whether nobody is wrapped around the allocator of a domain. */
static bool is_served_directly(PyMemAllocatorDomain domain) {
    PyMemAllocatorEx serving;
    PyMem_GetAllocator(domain, &serving);
    return library_of((const void *)(uintptr_t)serving.free) ==
           library_of((const void *)(uintptr_t)shoal_usage);
}

static const char is_direct_doc[] =
    "is_direct()\n--\n\n"
    "Whether Shoal's functions serve objects, with no other tool's around them.";

static PyObject *compact_is_direct(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyBool_FromLong(is_served_directly(PYMEM_DOMAIN_OBJ) &&
                           is_served_directly(PYMEM_DOMAIN_MEM));
}

static const char is_collecting_doc[] =
    "is_collecting()\n--\n\n"
    "Whether the collector runs now, and this is called by what it calls.";

static PyObject *compact_is_collecting(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyBool_FromLong(collector_is_running());
}

static const char prove_doc[] = "prove()\n--\n\n"
                                "Check that references are where this module takes them to be.\n\n"
                                "Raises\n------\n"
                                "RuntimeError\n"
                                "    They are not, or this version of Python is not known.";

static PyObject *compact_prove(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    if (shapes_find_types() < 0 || layout_prove() < 0) return NULL;
    Py_RETURN_NONE;
}

static const char move_doc[] = "move(everything, dry_run, /)\n--\n\n"
                               "Move what may move; prove() must have passed.\n\n"
                               "Parameters\n----------\n"
                               "everything : bool\n"
                               "    Move all that may, rather than what empties pools; for tests.\n"
                               "dry_run : bool\n"
                               "    Move nothing.\n\n"
                               "Returns\n-------\n"
                               "dict\n"
                               "    See _compact.pyi.\n\n"
                               "Raises\n------\n"
                               "RuntimeError\n"
                               "    Nothing was moved, and why.";

static PyObject *compact_move(PyObject *Py_UNUSED(module), PyObject *args) {
    int everything, dry;
    if (!PyArg_ParseTuple(args, "pp", &everything, &dry)) return NULL;
    if (collector_is_running()) return refuse("compact() cannot run while the collector does");
    struct job job = {.is_dry = dry};
    job.tally = PyMem_RawCalloc(1, sizeof *job.tally);
    if (job.tally == NULL) return PyErr_NoMemory();
    collector_clear_leftovers();
    PyObject *result = run(&job, everything);
    PyMem_RawFree(job.tally);
    return result;
}

static int call_now(void *function) {
    PyObject *result = PyObject_CallNoArgs(function);
    if (result == NULL) PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
    Py_DECREF((PyObject *)function);
    return 0;
}

static const char soon_doc[] =
    "soon(function, /)\n--\n\n"
    "Call function() when the main thread is next between two instructions.\n\n"
    "False, and it is not called, when too many such calls wait already.";

static PyObject *compact_soon(PyObject *Py_UNUSED(module), PyObject *function) {
    int is_waiting = Py_AddPendingCall(call_now, Py_NewRef(function)) == 0;
    if (!is_waiting) Py_DECREF(function);
    return PyBool_FromLong(is_waiting);
}

/* ---- The module -------------------------------------------------------------------------------- */

static PyMethodDef compact_methods[] = {
    {"figures", compact_figures, METH_NOARGS, figures_doc},
    {"is_direct", compact_is_direct, METH_NOARGS, is_direct_doc},
    {"is_collecting", compact_is_collecting, METH_NOARGS, is_collecting_doc},
    {"prove", compact_prove, METH_NOARGS, prove_doc},
    {"move", compact_move, METH_VARARGS, move_doc},
    {"soon", compact_soon, METH_O, soon_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot compact_slots[] = {
#ifdef Py_mod_gil
    /* Importing must not switch the lock on where the package will refuse. */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef compact_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shoal._compact",
    .m_doc = "Moves live objects together.",
    .m_methods = compact_methods,
    .m_slots = compact_slots,
};

PyMODINIT_FUNC PyInit__compact(void) { return PyModuleDef_Init(&compact_module); }
