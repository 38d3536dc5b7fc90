/* An extension module that opens a library by its bare name. */
#include <Python.h>

int use_memory(void);

static struct PyModuleDef opener = {PyModuleDef_HEAD_INIT, .m_name = "opener", .m_size = 0};

PyMODINIT_FUNC PyInit_opener(void) {
    PyObject *module = PyModule_Create(&opener);
    if (module && PyModule_AddIntConstant(module, "status", use_memory()) < 0) Py_CLEAR(module);
    return module;
}
