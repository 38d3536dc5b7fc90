#include "pickle_state.h"

#include "python/common/module_state.h"

/* An attribute of a module that must be a dict. */
static PyObject *dict_of(const char *module_name, const char *name) {
    PyObject *value = import_attribute(module_name, name);

    if (value != NULL && !PyDict_CheckExact(value)) {
        PyErr_Format(PyExc_RuntimeError, "%s.%s should be a dict, not %.200s", module_name, name,
                     Py_TYPE(value)->tp_name);
        Py_CLEAR(value);
    }
    return value;
}

static int fill_names(struct pickle_state *state) {
#define INTERN(name, text) \
    state->names.name = PyUnicode_InternFromString(text); \
    if (state->names.name == NULL) return -1;
    PICKLE_NAMES(INTERN)
#undef INTERN
    state->empty_tuple = PyTuple_New(0);
    return state->empty_tuple == NULL ? -1 : 0;
}

int pickle_state_fill(struct pickle_state *state) {
    const struct {
        PyObject **place;
        PyObject *(*get)(const char *, const char *);
        const char *module, *name;
    } needs[] = {
        {&state->pickling_error, import_attribute, "pickle", "PicklingError"},
        {&state->unpickling_error, import_attribute, "pickle", "UnpicklingError"},
        {&state->dispatch_table, dict_of, "copyreg", "dispatch_table"},
        {&state->extension_registry, dict_of, "copyreg", "_extension_registry"},
        {&state->inverted_registry, dict_of, "copyreg", "_inverted_registry"},
        {&state->extension_cache, dict_of, "copyreg", "_extension_cache"},
        {&state->names_2to3, dict_of, "_compat_pickle", "NAME_MAPPING"},
        {&state->imports_2to3, dict_of, "_compat_pickle", "IMPORT_MAPPING"},
        {&state->names_3to2, dict_of, "_compat_pickle", "REVERSE_NAME_MAPPING"},
        {&state->imports_3to2, dict_of, "_compat_pickle", "REVERSE_IMPORT_MAPPING"},
        {&state->codecs_encode, import_attribute, "_codecs", "encode"},
        {&state->getattr, import_attribute, "builtins", "getattr"},
        {&state->partial, import_attribute, "functools", "partial"},
    };

    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        *needs[i].place = needs[i].get(needs[i].module, needs[i].name);
        if (*needs[i].place == NULL) return -1;
    }
    return io_types_fill(&state->io) < 0 ? -1 : fill_names(state);
}

struct pickle_state *pickle_state_of(PyTypeObject *type) {
    for (; type != NULL; type = type->tp_base) {
        PyObject *module;

        if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) continue;
        module = ((PyHeapTypeObject *)type)->ht_module;
        if (module != NULL && PyModule_GetDef(module) == &pickle_module_def)
            return PyModule_GetState(module);
    }
    PyErr_SetString(PyExc_SystemError, "not a type of shoal._serial");
    return NULL;
}
