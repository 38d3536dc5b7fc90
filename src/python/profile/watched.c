#include "watched.h"

/* Our place in code objects, where the interpreter keeps a pointer for us. */
static Py_ssize_t place = -1;

#if PY_VERSION_HEX >= 0x030C0000
#define request_place PyUnstable_Eval_RequestCodeExtraIndex
#define get_at_place PyUnstable_Code_GetExtra
#define set_at_place PyUnstable_Code_SetExtra
#else
#define request_place _PyEval_RequestCodeExtraIndex
#define get_at_place _PyCode_GetExtra
#define set_at_place _PyCode_SetExtra
#endif

/* At the place of code that was asked about and is not wanted. */
static struct shoal_function unwanted;

static void *at_place(PyObject *code) {
    void *found = NULL;
    return place < 0 || get_at_place(code, place, &found) < 0 ? NULL : found;
}

struct shoal_function *watched_function(PyObject *code) {
    struct shoal_function *found = at_place(code);
    return found == &unwanted ? NULL : found;
}

static struct shoal_function *first_watched(PyObject *code, Py_ssize_t line_count) {
    int first_line = ((PyCodeObject *)code)->co_firstlineno;
    struct shoal_function *function = shoal_profile_function(first_line, (size_t)line_count);
    if (function == NULL) return (struct shoal_function *)PyErr_NoMemory();
    return set_at_place(code, place, function) < 0 ? NULL : function;
}

static int have_place(void) {
    if (place >= 0 || (place = request_place(NULL)) >= 0) return 0;
    PyErr_SetString(PyExc_RuntimeError, "the interpreter keeps no more data with code objects");
    return -1;
}

/* What it is watched as, made if need be. */
static struct shoal_function *function_made(PyObject *code, Py_ssize_t line_count) {
    if (have_place() < 0) return NULL;
    struct shoal_function *function = watched_function(code);
    return function ? function : first_watched(code, line_count);
}

int watched_begin(PyObject *code, Py_ssize_t line_count) {
    int was_refused = watched_is_refused(code);
    struct shoal_function *function = function_made(code, line_count);
    if (function == NULL) return -1;
    if (function->is_watched && !EVENTS_ARE_OF_FUNCTIONS) return 0;
    if (events_begin(code, was_refused) < 0) return -1;
    function->is_watched = 1;
    return 0;
}

int watched_begin_function(PyObject *object, Py_ssize_t line_count) {
    PyObject *code = PyFunction_GET_CODE(object);
    int is_told = events_of_function(object);
    if (is_told <= 0) return is_told < 0 ? -1 : watched_begin(code, line_count);
    struct shoal_function *function = function_made(code, line_count);
    if (function == NULL) return -1;
    function->is_watched = 1;
    return 0;
}

int watched_end(PyObject *code) {
    struct shoal_function *function = watched_function(code);
    if (function == NULL || !function->is_watched) return 0;
    function->is_watched = 0;
    return events_end(code);
}

/* ---- Code that is new --------------------------------------------------------- */

static PyObject *predicate;

/* The calling thread is asking: what it runs meanwhile is asked about later. */
static __thread int is_asking __attribute__((tls_model(SHOAL_TLS_MODEL)));

int watched_ask(PyObject *callable) {
    if (have_place() < 0 || events_of_new(callable != NULL) < 0) return -1;
    Py_XINCREF(callable);
    Py_XSETREF(predicate, callable);
    return 0;
}

struct shoal_function *watched_or_new(PyObject *code, int *is_new) {
    struct shoal_function *found = at_place(code);
    *is_new = predicate && found == NULL && !is_asking;
    return found == &unwanted ? NULL : found;
}

int watched_is_refused(PyObject *code) { return at_place(code) == &unwanted; }

/* The lines to watch, 0 for none, -1 and an exception. */
static Py_ssize_t lines_wanted(PyObject *code) {
    PyObject *asked = Py_NewRef(predicate); /* it may be exchanged meanwhile */
    PyObject *answer = PyObject_CallOneArg(asked, code);
    Py_ssize_t line_count = answer ? PyLong_AsSsize_t(answer) : -1;
    Py_XDECREF(answer);
    Py_DECREF(asked);
    return line_count;
}

static int take_or_refuse(PyObject *code) {
    Py_ssize_t line_count = lines_wanted(code);
    if (line_count > 0) return watched_begin(code, line_count);
    if (line_count < 0 && PyErr_Occurred()) return -1;
    return watched_function(code) ? 0 : set_at_place(code, place, &unwanted);
}

/* What is asked is no doing of the line that calls the code, nor its failing. */
struct shoal_function *watched_newcomer(PyObject *code) {
    struct shoal_profile_pause pause;
    is_asking = 1;
    shoal_profile_pause(&pause);
    if (take_or_refuse(code) < 0) {
        PyErr_WriteUnraisable(predicate);
        if (!watched_function(code)) set_at_place(code, place, &unwanted);
    }
    shoal_profile_resume(&pause);
    is_asking = 0;
    return watched_function(code);
}
