/* Greenlets: each has a stack of its own, and a thread goes from one to the other in the
 * midst of lines. Where the module is imported it is asked to tell of each such step. */
#ifndef SHOAL_PYTHON_GREENLETS_H
#define SHOAL_PYTHON_GREENLETS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* The calling thread's greenlets are watched, or how many modules there were when it
 * was last looked whether there is one that makes them. */
struct greenlets_seen {
    int are_watched;
    Py_ssize_t modules;
};
extern __thread struct greenlets_seen greenlets_seen __attribute__((tls_model(SHOAL_TLS_MODEL)));

void greenlets_look_again(Py_ssize_t modules);

/* To be called before a function is entered; leaves an exception that is set. A few
 * loads, unless a module was imported since the last time. */
static inline void greenlets_look(void) {
    if (greenlets_seen.are_watched) return;
    Py_ssize_t modules = PyDict_GET_SIZE(PyImport_GetModuleDict());
    if (__builtin_expect(modules != greenlets_seen.modules, 0)) greenlets_look_again(modules);
}

#endif
