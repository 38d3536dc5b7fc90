/* shoal._flat: one record a line, written and read. docs/flat.md has the format;
 * flat_writer.h and flat_parser.h say where what is. */
#include "flat_columns_type.h"
#include "flat_source.h"
#include "flat_state.h"
#include "python/common/module_state.h"

ASSERT_ONLY_OBJECTS(struct flat_state);

static PyMethodDef flat_methods[] = {
    {"dump", (PyCFunction)(void (*)(void))flat_dump, METH_VARARGS | METH_KEYWORDS, flat_dump_doc},
    {"dumps", (PyCFunction)(void (*)(void))flat_dumps, METH_VARARGS | METH_KEYWORDS,
     flat_dumps_doc},
    {NULL, NULL, 0, NULL},
};

static int flat_exec(PyObject *module) {
    struct flat_state *state = PyModule_GetState(module);
#ifdef SHOAL_FLOAT_LIBRARY
    const char *floats = "library";
#else
    const char *floats = "python";
#endif

    if (flat_state_fill(state) < 0 || flat_columns_add(module) < 0) return -1;
    if (PyModule_AddIntConstant(module, "MAX_DEPTH", FLAT_MAX_DEPTH) < 0 ||
        PyModule_AddIntConstant(module, "MAX_LINE", FLAT_MAX_LINE) < 0 ||
        PyModule_AddIntConstant(module, "MAX_DIGITS", FLAT_MAX_DIGITS) < 0 ||
        PyModule_AddStringConstant(module, "FLOATS", floats) < 0)
        return -1;
    state->reader_type = (PyTypeObject *)flat_make_reader_type(module);
    if (state->reader_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "Reader", (PyObject *)state->reader_type);
}

static int flat_traverse(PyObject *module, visitproc visit, void *arg) {
    return module_state_visit(PyModule_GetState(module), sizeof(struct flat_state), visit, arg);
}

static int flat_clear(PyObject *module) {
    module_state_clear(PyModule_GetState(module), sizeof(struct flat_state));
    return 0;
}

static void flat_free(void *module) { flat_clear(module); }

static PyModuleDef_Slot flat_slots[] = {
    {Py_mod_exec, flat_exec},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

struct PyModuleDef flat_module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shoal._flat",
    .m_doc = "Lines of Python literals, written and read without memory of their own.",
    .m_size = sizeof(struct flat_state),
    .m_methods = flat_methods,
    .m_slots = flat_slots,
    .m_traverse = flat_traverse,
    .m_clear = flat_clear,
    .m_free = flat_free,
};

PyMODINIT_FUNC PyInit__flat(void) { return PyModuleDef_Init(&flat_module_def); }
