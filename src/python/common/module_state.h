/* The state of a module, of which each interpreter has its own: a struct of objects
 * from beginning to end, all zero before it is filled. Any of them may be NULL. */
#ifndef SHOAL_PYTHON_MODULE_STATE_H
#define SHOAL_PYTHON_MODULE_STATE_H

#include "python/common/compat.h"

/* Beside each struct that the functions below are given. */
#define ASSERT_ONLY_OBJECTS(type) \
    _Static_assert(sizeof(type) % sizeof(PyObject *) == 0, "only objects")

/* What m_traverse and m_clear of the module do with a state of `size` bytes. */
int module_state_visit(void *state, size_t size, visitproc visit, void *arg);
void module_state_clear(void *state, size_t size);

/* Imports a module and takes an attribute of it: a new reference, or NULL and an exception. */
PyObject *import_attribute(const char *module_name, const char *name);

#endif
