/* persistent_id of a Pickler, persistent_load of an Unpickler: methods that may be set on
 * the instance too. What is set is called without the instance. */
#ifndef SHOAL_PYTHON_PICKLE_HOOK_H
#define SHOAL_PYTHON_PICKLE_HOOK_H

#include "pickle_compat.h"

/* The tp_getattro and tp_setattro of an object whose method `hook` may be set; `own` is
 * what was, or NULL. All other names are as those of any object. */
PyObject *pickle_hook_get(PyObject *object, PyObject *name, const char *hook, PyObject *own);
int pickle_hook_set(PyObject *object, PyObject *name, PyObject *value, const char *hook,
                    PyObject **own);

#endif
