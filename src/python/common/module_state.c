#include "python/common/module_state.h"

int module_state_visit(void *state, size_t size, visitproc visit, void *arg) {
    PyObject **objects = state;

    for (size_t i = 0; i < size / sizeof *objects; i++) Py_VISIT(objects[i]);
    return 0;
}

void module_state_clear(void *state, size_t size) {
    PyObject **objects = state;

    for (size_t i = 0; i < size / sizeof *objects; i++) Py_CLEAR(objects[i]);
}

PyObject *import_attribute(const char *module_name, const char *name) {
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *value;

    if (module == NULL) return NULL;
    value = PyObject_GetAttrString(module, name);
    Py_DECREF(module);
    return value;
}
