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

struct shoal_function *watched_function(PyObject *code) {
    void *found = NULL;
    if (place < 0 || get_at_place(code, place, &found) < 0) return NULL;
    return found;
}

static struct shoal_function *first_watched(PyObject *code, Py_ssize_t line_count) {
    int first_line = ((PyCodeObject *)code)->co_firstlineno;
    struct shoal_function *function = shoal_profile_function(first_line, (size_t)line_count);
    if (function == NULL) return (struct shoal_function *)PyErr_NoMemory();
    return set_at_place(code, place, function) < 0 ? NULL : function;
}

int watched_begin(PyObject *code, Py_ssize_t line_count) {
    if (place < 0 && (place = request_place(NULL)) < 0) {
        PyErr_SetString(PyExc_RuntimeError, "the interpreter keeps no more data with code objects");
        return -1;
    }
    struct shoal_function *function = watched_function(code);
    if (function == NULL && (function = first_watched(code, line_count)) == NULL) return -1;
    if (function->is_watched) return 0;
    if (events_begin(code) < 0) return -1;
    function->is_watched = 1;
    return 0;
}

int watched_end(PyObject *code) {
    struct shoal_function *function = watched_function(code);
    if (function == NULL || !function->is_watched) return 0;
    function->is_watched = 0;
    return events_end(code);
}
