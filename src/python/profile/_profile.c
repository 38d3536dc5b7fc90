/* shoal._profile: include/shoal/profile.h for Python. */
#include "python/common/list_of.h"

#include "domains.h"
#include "free_lists.h"
#include "gauge.h"
#include "pinning.h"
#include "watched.h"

static struct shoal_function *function_of(PyObject *code) {
    if (!PyCode_Check(code)) {
        PyErr_Format(PyExc_TypeError, "not a code object: %R", code);
        return NULL;
    }
    struct shoal_function *function = watched_function(code);
    if (function == NULL) PyErr_Format(PyExc_KeyError, "never watched: %R", code);
    return function;
}

static const char start_doc[] =
    "start(with_rss)\n--\n\n"
    "Begin to account for every block that the interpreter takes; for good.\n\n"
    "Call it after shoal.install(), and again in the child of a fork.\n\n"
    "Parameters\n----------\n"
    "with_rss : bool\n"
    "    Read the process's resident memory at every line: 0.4 us each.";

static PyObject *profile_start(PyObject *Py_UNUSED(module), PyObject *with_rss) {
    int wants_rss = PyObject_IsTrue(with_rss);
    if (wants_rss < 0) return NULL;
    gauge_use(shoal_python_state() == SHOAL_PYTHON_ON ? GAUGE_SHOAL : GAUGE_PYMALLOC, wants_rss);
    domains_tell();
    Py_RETURN_NONE;
}

static const char mallocs_only_doc[] =
    "mallocs_only(only)\n--\n\n"
    "Have lines take only what C code asks malloc for, where that is Shoal's; or all again.";

static PyObject *profile_mallocs_only(PyObject *Py_UNUSED(module), PyObject *only) {
    int is_so = PyObject_IsTrue(only);
    if (is_so < 0) return NULL;
    domains_tell_of_mallocs_only(is_so);
    Py_RETURN_NONE;
}

static const char is_started_doc[] = "is_started()\n--\n\n"
                                     "Say whether start() was ever called.";

static PyObject *profile_is_started(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyBool_FromLong(domains_are_told());
}

static const char aside_doc[] =
    "aside(function)\n--\n\n"
    "Return function(), while the interpreter asks its own allocator directly.\n\n"
    "The function must not let other threads run.";

static PyObject *profile_aside(PyObject *Py_UNUSED(module), PyObject *function) {
    domains_step_aside();
    PyObject *result = PyObject_CallNoArgs(function);
    domains_step_back();
    return result;
}

static const char mark_doc[] = "mark()\n--\n\n"
                               "Begin to count, from 0, what all threads take: for marked().";

static PyObject *profile_mark(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    shoal_profile_mark();
    Py_RETURN_NONE;
}

static const char marked_doc[] =
    "marked()\n--\n\n"
    "Return what was taken since mark() and is alive, and the most that ever was.\n\n"
    "Returns\n-------\n"
    "tuple[int, int]\n"
    "    Bytes as asked for.";

static PyObject *profile_marked(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    struct shoal_marked marked = shoal_profile_marked();
    return Py_BuildValue("(LL)", (long long)marked.live, (long long)marked.high);
}

static const char gauge_doc[] =
    "gauge()\n--\n\n"
    "Return what the allocator keeps and no block uses, and what it gave back.\n\n"
    "Returns\n-------\n"
    "tuple[int, int]\n"
    "    Bytes; each counts from some beginning, so that only differences tell.";

static PyObject *profile_gauge(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    struct shoal_gauge now;
    gauge_read(&now);
    return Py_BuildValue("(LL)", (long long)now.held, (long long)now.returned);
}

static const char watch_doc[] =
    "watch(code, line_count)\n--\n\n"
    "Account for each line of a code object from now on.\n\n"
    "Parameters\n----------\n"
    "code : types.CodeType or types.FunctionType\n"
    "    Of a function it is the code, too; but before 3.12 maybe only what that very\n"
    "    function runs of it, which costs other code nothing.\n"
    "line_count : int\n"
    "    Lines from code.co_firstlineno on; later ones are not accounted for.\n\n"
    "Raises\n------\n"
    "RuntimeError\n"
    "    Every number of sys.monitoring's tools is taken.";

static PyObject *profile_watch(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *object;
    Py_ssize_t line_count;
    if (!PyArg_ParseTuple(args, "On", &object, &line_count)) return NULL;
    if (line_count < 1) return PyErr_Format(PyExc_ValueError, "line_count is %zd", line_count);
    int status = -1;
    if (PyCode_Check(object))
        status = watched_begin(object, line_count);
    else if (PyObject_TypeCheck(object, &PyFunction_Type))
        status = watched_begin_function(object, line_count);
    else
        PyErr_Format(PyExc_TypeError, "neither code nor a function: %R", object);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

static const char statement_doc[] =
    "statement(code, first_line, last_line)\n--\n\n"
    "Take these lines of watched code as one statement.\n\n"
    "However often it comes back to one of them before its end, that line ran once.\n\n"
    "Raises\n------\n"
    "ValueError\n"
    "    The code was never watched.";

static PyObject *profile_statement(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *code;
    int first, last;
    if (!PyArg_ParseTuple(args, "O!ii", &PyCode_Type, &code, &first, &last)) return NULL;
    struct shoal_function *function = watched_function(code);
    if (function == NULL) return PyErr_Format(PyExc_ValueError, "never watched: %R", code);
    shoal_profile_statement(function, first, last);
    Py_RETURN_NONE;
}

static const char unwatch_doc[] = "unwatch(code)\n--\n\n"
                                  "Account for its lines no more; its figures stay.";

static PyObject *profile_unwatch(PyObject *Py_UNUSED(module), PyObject *code) {
    if (!PyCode_Check(code)) return PyErr_Format(PyExc_TypeError, "not a code object: %R", code);
    if (watched_end(code) < 0) return NULL;
    Py_RETURN_NONE;
}

static const char watch_new_doc[] =
    "watch_new(predicate)\n--\n\n"
    "Ask about every code object when it is first run, and watch those wanted.\n\n"
    "Code that is not wanted is not asked about again, and costs nothing more.\n\n"
    "Parameters\n----------\n"
    "predicate : callable or None\n"
    "    predicate(code) returns how many lines to watch, 0 for none. An exception\n"
    "    of it goes to sys.unraisablehook, and counts as 0. None: ask no more;\n"
    "    what is watched stays so.";

static PyObject *profile_watch_new(PyObject *Py_UNUSED(module), PyObject *callable) {
    if (callable != Py_None && !PyCallable_Check(callable))
        return PyErr_Format(PyExc_TypeError, "not callable: %R", callable);
    if (watched_ask(callable == Py_None ? NULL : callable) < 0) return NULL;
    Py_RETURN_NONE;
}

static const char is_watched_doc[] = "is_watched(code)\n--\n\n"
                                     "Say whether its lines are accounted for now.";

static PyObject *profile_is_watched(PyObject *Py_UNUSED(module), PyObject *code) {
    if (!PyCode_Check(code)) return PyErr_Format(PyExc_TypeError, "not a code object: %R", code);
    const struct shoal_function *function = watched_function(code);
    return PyBool_FromLong(function && function->is_watched);
}

static PyObject *line_figures(const void *item) {
    const struct shoal_line *line = item;
    struct shoal_account account = shoal_profile_account(line->site);
    return Py_BuildValue("(LLLLLLLLLLLLL)", line->hits, line->rss, line->rss_sum, line->net,
                         line->worst_growth, line->peak, line->held, line->returned, account.live,
                         account.live_blocks, account.made, account.made_blocks, line->rss_peak);
}

static const char figures_doc[] =
    "figures(code)\n--\n\n"
    "Return what the lines of a code object did; sizes in bytes.\n\n"
    "Returns\n-------\n"
    "tuple[int, list[tuple[int, ...]]]\n"
    "    Calls, and for each line from the first: hits, rss, rss_sum, net,\n"
    "    worst_growth, peak, held, returned, live, live_blocks, made,\n"
    "    made_blocks, rss_peak; see struct shoal_line and struct shoal_account.";

static PyObject *profile_figures(PyObject *Py_UNUSED(module), PyObject *code) {
    struct shoal_function *function = function_of(code);
    if (function == NULL) return NULL;
    shoal_profile_sum_up(function);
    PyObject *lines = LIST_OF(function->lines, function->line_count, line_figures);
    return lines ? Py_BuildValue("(LN)", (long long)function->calls, lines) : NULL;
}

/* Of what it freed on the whole. */
static int64_t regained(const struct shoal_line *line) {
    int64_t freed = line->net < 0 ? -line->net : 0, lower = line->all_before - line->all_after;
    int64_t lasting = lower < 0 ? 0 : lower;
    return freed > lasting ? freed - lasting : 0;
}

static PyObject *line_course(const void *item) {
    const struct shoal_line *line = item;
    const struct shoal_course *course = &line->course;
    int64_t low = course->low < course->half_low ? course->low : course->half_low;
    return Py_BuildValue("(LLLLL)", line->rss_growth, regained(line), course->early_hits,
                         course->early_live, low);
}

static const char courses_doc[] =
    "courses(code)\n--\n\n"
    "Return how it went with what its lines did over their runs; sizes in bytes.\n\n"
    "Returns\n-------\n"
    "list[tuple[int, int, int, int, int]]\n"
    "    For each line, rss_growth; of what it freed that which was taken again, by whomever, "
    "before\n"
    "    it ended for the last time; then how often it had run, and what of its blocks\n"
    "    was alive, at a point in the second quarter of its runs; and the least that was\n"
    "    since then.";

static PyObject *profile_courses(PyObject *Py_UNUSED(module), PyObject *code) {
    const struct shoal_function *function = function_of(code);
    if (function == NULL) return NULL;
    return LIST_OF(function->lines, function->line_count, line_course);
}

static const char rss_before_doc[] =
    "rss_before(code)\n--\n\n"
    "Return the resident bytes when its last call began; -1: never measured.";

static PyObject *profile_rss_before(PyObject *Py_UNUSED(module), PyObject *code) {
    const struct shoal_function *function = function_of(code);
    return function ? PyLong_FromLongLong(function->rss_before) : NULL;
}

static PyObject *line_site(const void *item) {
    return PyLong_FromUnsignedLong(((const struct shoal_line *)item)->site);
}

static const char sites_doc[] =
    "sites(code)\n--\n\n"
    "Return the site of each of its lines, 0 of those that never began.";

static PyObject *profile_sites(PyObject *Py_UNUSED(module), PyObject *code) {
    const struct shoal_function *function = function_of(code);
    if (function == NULL) return NULL;
    return LIST_OF(function->lines, function->line_count, line_site);
}

static const char pinned_doc[] =
    "pinned()\n--\n\n"
    "Return what survivors keep of the held bytes.\n\n"
    "What is returned as one, a pool's pages of Shoal or an arena of pymalloc, stays\n"
    "while one block in it is alive. Only those are told of whose live blocks are all\n"
    "known, and of at most 8 sites.\n\n"
    "Returns\n-------\n"
    "list[tuple[tuple[int, ...], int, int]]\n"
    "    Sites that keep something together, just these; bytes of it that are held;\n"
    "    bytes of the sites' live blocks in it.";

static PyObject *profile_pinned(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return pinning_list(shoal_python_state() != SHOAL_PYTHON_ON);
}

static const char empty_free_lists_doc[] =
    "empty_free_lists()\n--\n\n"
    "Give back what lies unused in CPython's own lists of objects.";

static PyObject *profile_empty_free_lists(PyObject *Py_UNUSED(module),
                                          PyObject *Py_UNUSED(ignored)) {
    free_lists_empty();
    Py_RETURN_NONE;
}

static const char reset_doc[] = "reset(code)\n--\n\n"
                                "Begin its figures anew: in the child of a fork.";

static PyObject *profile_reset(PyObject *Py_UNUSED(module), PyObject *code) {
    struct shoal_function *function = function_of(code);
    if (function == NULL) return NULL;
    shoal_profile_reset(function);
    Py_RETURN_NONE;
}

static const char enter_running_doc[] =
    "enter_running(code, line)\n--\n\n"
    "The calling frame, of this watched code, is at a line: for what was watched\n"
    "only after it began to run. False: it was entered when it began.";

static PyObject *profile_enter_running(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *code;
    int line;
    if (!PyArg_ParseTuple(args, "Oi", &code, &line)) return NULL;
    struct shoal_function *function = function_of(code);
    if (function == NULL) return NULL;
    if (shoal_profile_is_in(function)) Py_RETURN_FALSE;
    function->calls++;
    events_enter_running(function, code, line);
    Py_RETURN_TRUE;
}

static const char leave_running_doc[] = "leave_running(code)\n--\n\n"
                                        "End what enter_running() began.";

static PyObject *profile_leave_running(PyObject *Py_UNUSED(module), PyObject *code) {
    struct shoal_function *function = function_of(code);
    if (function == NULL) return NULL;
    events_leave_running(function, code);
    Py_RETURN_NONE;
}

static const char unaccounted_doc[] =
    "unaccounted(callable, *arguments)\n--\n\n"
    "Call it, and return what it returns. What it does to memory is no line's.";

static PyObject *profile_unaccounted(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                                     Py_ssize_t count) {
    if (count < 1) return PyErr_Format(PyExc_TypeError, "unaccounted() needs a callable");
    struct shoal_profile_pause pause;
    shoal_profile_pause(&pause);
    PyObject *result = PyObject_Vectorcall(arguments[0], arguments + 1, (size_t)count - 1, NULL);
    shoal_profile_resume(&pause);
    return result;
}

static const char leave_all_doc[] = "leave_all()\n--\n\n"
                                    "Forget what the calling thread is in: after a fork.";

static PyObject *profile_leave_all(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    shoal_profile_leave_all();
    Py_RETURN_NONE;
}

static const char own_bytes_doc[] =
    "own_bytes()\n--\n\n"
    "Return the bytes of the profiler's own memory, touched or not.";

static PyObject *profile_own_bytes(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromSize_t(shoal_profile_own_bytes());
}

static const char own_resident_doc[] = "own_resident()\n--\n\n"
                                       "Return the resident bytes of the profiler's own memory.";

static PyObject *profile_own_resident(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromSize_t(shoal_profile_own_resident());
}

static PyMethodDef profile_methods[] = {
    {"start", profile_start, METH_O, start_doc},
    {"mallocs_only", profile_mallocs_only, METH_O, mallocs_only_doc},
    {"is_started", profile_is_started, METH_NOARGS, is_started_doc},
    {"aside", profile_aside, METH_O, aside_doc},
    {"mark", profile_mark, METH_NOARGS, mark_doc},
    {"marked", profile_marked, METH_NOARGS, marked_doc},
    {"gauge", profile_gauge, METH_NOARGS, gauge_doc},
    {"watch", profile_watch, METH_VARARGS, watch_doc},
    {"unwatch", profile_unwatch, METH_O, unwatch_doc},
    {"is_watched", profile_is_watched, METH_O, is_watched_doc},
    {"statement", profile_statement, METH_VARARGS, statement_doc},
    {"watch_new", profile_watch_new, METH_O, watch_new_doc},
    {"figures", profile_figures, METH_O, figures_doc},
    {"courses", profile_courses, METH_O, courses_doc},
    {"rss_before", profile_rss_before, METH_O, rss_before_doc},
    {"sites", profile_sites, METH_O, sites_doc},
    {"pinned", profile_pinned, METH_NOARGS, pinned_doc},
    {"empty_free_lists", profile_empty_free_lists, METH_NOARGS, empty_free_lists_doc},
    {"reset", profile_reset, METH_O, reset_doc},
    {"enter_running", profile_enter_running, METH_VARARGS, enter_running_doc},
    {"leave_running", profile_leave_running, METH_O, leave_running_doc},
    {"unaccounted", (PyCFunction)(void (*)(void))profile_unaccounted, METH_FASTCALL,
     unaccounted_doc},
    {"leave_all", profile_leave_all, METH_NOARGS, leave_all_doc},
    {"own_bytes", profile_own_bytes, METH_NOARGS, own_bytes_doc},
    {"own_resident", profile_own_resident, METH_NOARGS, own_resident_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef profile_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shoal._profile",
    .m_doc = "The engine of Shoal's line profiler, as include/shoal/profile.h declares it.",
    .m_methods = profile_methods,
};

/* Figures are guarded by the interpreter lock, and objects come from heaps of CPython's
 * own where there is none. */
PyMODINIT_FUNC PyInit__profile(void) {
#ifdef Py_GIL_DISABLED
    PyErr_SetString(PyExc_ImportError,
                    "the line profiler needs the interpreter lock, and this Python is "
                    "free-threaded: use a standard build of Python");
    return NULL;
#else
    return PyModuleDef_Init(&profile_module);
#endif
}
