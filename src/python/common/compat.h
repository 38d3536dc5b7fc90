/* What is newer than the oldest CPython that the extension modules are built for, under
 * its own name: code is written for the newest one, and reads as if there were no other.
 *
 * A header for all modules, in the place of Python.h. What only one of them needs is in
 * its own. */
#ifndef SHOAL_PYTHON_COMPAT_H
#define SHOAL_PYTHON_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

/* ---- Before 3.10 ----------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030a0000
static inline PyObject *Py_NewRef(PyObject *object) {
    Py_INCREF(object);
    return object;
}
static inline PyObject *Py_XNewRef(PyObject *object) {
    Py_XINCREF(object);
    return object;
}

#define PySet_CheckExact(object) Py_IS_TYPE((PyObject *)(object), &PySet_Type)

/* Takes no reference away, whether it succeeds or not. */
static inline int PyModule_AddObjectRef(PyObject *module, const char *name, PyObject *value) {
    if (value == NULL) return -1; /* and what made none has set an exception */
    Py_INCREF(value);
    if (PyModule_AddObject(module, name, value) == 0) return 0;
    Py_DECREF(value);
    return -1;
}

/* The collector goes on; ask CAN_PAUSE_GC where more than speed depends on it. */
static inline int PyGC_Disable(void) { return 0; }
static inline int PyGC_Enable(void) { return 0; }
#endif

/* Whether C can ask the collector to wait. */
enum { CAN_PAUSE_GC = PY_VERSION_HEX >= 0x030a0000 };

/* A type that nobody may change; there, anybody may. */
#ifndef Py_TPFLAGS_IMMUTABLETYPE
#define Py_TPFLAGS_IMMUTABLETYPE 0
#endif

#endif
