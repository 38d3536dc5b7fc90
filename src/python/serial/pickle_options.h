/* The parameters that dump(), dumps() and Pickler() share. */
#ifndef SHOAL_PYTHON_PICKLE_OPTIONS_H
#define SHOAL_PYTHON_PICKLE_OPTIONS_H

#include "pickle_writer.h"

/* Sets protocol, fix_imports and buffer_callback of a fresh writer (NULL stands
 * for a parameter that was not given). -1 and an exception if they are wrong. */
int pickle_writer_set(struct pickle_writer *writer, PyObject *protocol, int fix_imports,
                      PyObject *buffer_callback);

/* The parameters of a fast call as a tuple and a dict, for the rare call that names
 * some; both are the caller's. `names` may be NULL. */
int pickle_collect(PyObject *const *args, Py_ssize_t nargs, PyObject *names, PyObject **tuple,
                   PyObject **keywords);

/* Whether what is no file is the path of one. */
bool pickle_is_path(const struct pickle_state *state, PyObject *object);

/* Types of the module. Each function makes one, a new reference; NULL: failed. */
PyObject *pickle_make_pickler_type(PyObject *module);
PyObject *pickle_make_unpickler_type(PyObject *module);

/* Functions of the module. */
PyObject *pickle_dump(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *pickle_dumps(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *pickle_load(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *pickle_loads(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

extern const char pickle_dump_doc[], pickle_dumps_doc[], pickle_load_doc[], pickle_loads_doc[];

#endif
