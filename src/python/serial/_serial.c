/* shoal._serial: pickles, written and read. docs/pickle.md says what is particular
 * about them; pickle_writer.h and pickle_reader.h where what is. */
#include "pickle_memo_view.h"
#include "pickle_options.h"
#include "pickle_state.h"
#include "python/common/module_state.h"

ASSERT_ONLY_OBJECTS(struct pickle_state);

static PyMethodDef serial_methods[] = {
    {"dump", (PyCFunction)(void (*)(void))pickle_dump, METH_FASTCALL | METH_KEYWORDS,
     pickle_dump_doc},
    {"dumps", (PyCFunction)(void (*)(void))pickle_dumps, METH_FASTCALL | METH_KEYWORDS,
     pickle_dumps_doc},
    {"load", (PyCFunction)(void (*)(void))pickle_load, METH_FASTCALL | METH_KEYWORDS,
     pickle_load_doc},
    {"loads", (PyCFunction)(void (*)(void))pickle_loads, METH_FASTCALL | METH_KEYWORDS,
     pickle_loads_doc},
    {NULL, NULL, 0, NULL},
};

/* Gives the module a type that was just made. */
static int add_type(PyObject *module, const char *name, PyObject *type) {
    int status = type == NULL ? -1 : PyModule_AddObjectRef(module, name, type);

    Py_XDECREF(type);
    return status;
}

static int serial_exec(PyObject *module) {
    struct pickle_state *state = PyModule_GetState(module);

    if (pickle_state_fill(state) < 0 ||
        add_type(module, "Pickler", pickle_make_pickler_type(module)) < 0 ||
        add_type(module, "Unpickler", pickle_make_unpickler_type(module)) < 0)
        return -1;
    state->pickler_memo_type = pickle_make_memo_view_type(module, "shoal._serial.PicklerMemoProxy");
    if (state->pickler_memo_type == NULL) return -1;
    state->unpickler_memo_type =
        pickle_make_memo_view_type(module, "shoal._serial.UnpicklerMemoProxy");
    return state->unpickler_memo_type == NULL ? -1 : 0;
}

static int serial_traverse(PyObject *module, visitproc visit, void *arg) {
    return module_state_visit(PyModule_GetState(module), sizeof(struct pickle_state), visit, arg);
}

static int serial_clear(PyObject *module) {
    module_state_clear(PyModule_GetState(module), sizeof(struct pickle_state));
    return 0;
}

static void serial_free(void *module) { serial_clear(module); }

static PyModuleDef_Slot serial_slots[] = {
    {Py_mod_exec, serial_exec},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

struct PyModuleDef pickle_module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shoal._serial",
    .m_doc = "Pickles, written without a memory of their own and read with none.",
    .m_size = sizeof(struct pickle_state),
    .m_methods = serial_methods,
    .m_slots = serial_slots,
    .m_traverse = serial_traverse,
    .m_clear = serial_clear,
    .m_free = serial_free,
};

PyMODINIT_FUNC PyInit__serial(void) { return PyModuleDef_Init(&pickle_module_def); }
