/* What differs between the versions of CPython that shoal._serial is built for. */
#ifndef SHOAL_PYTHON_PICKLE_COMPAT_H
#define SHOAL_PYTHON_PICKLE_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

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
#endif

/* Types of an extension that nobody may change. */
#ifdef Py_TPFLAGS_IMMUTABLETYPE
#define PICKLE_TYPE_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE)
#else
#define PICKLE_TYPE_FLAGS Py_TPFLAGS_DEFAULT
#endif

/* Looks an attribute up; 0 and no exception if there is none, -1 on an error. */
static inline int pickle_find_attribute(PyObject *object, PyObject *name, PyObject **value) {
#if PY_VERSION_HEX >= 0x030d0000
    return PyObject_GetOptionalAttr(object, name, value);
#else
    return _PyObject_LookupAttr(object, name, value);
#endif
}

/* The integer whose two's complement these bytes are, least significant first. */
static inline PyObject *pickle_int_from_bytes(const unsigned char *bytes, size_t size) {
#if PY_VERSION_HEX >= 0x030d0000
    return PyLong_FromNativeBytes(bytes, size, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
#else
    return _PyLong_FromByteArray(bytes, size, 1, 1);
#endif
}

/* Writes an integer into `size` bytes, as above, which are enough for it. */
static inline int pickle_int_to_bytes(PyObject *number, unsigned char *bytes, size_t size) {
#if PY_VERSION_HEX >= 0x030d0000
    return _PyLong_AsByteArray((PyLongObject *)number, bytes, size, 1, 1, 1);
#else
    return _PyLong_AsByteArray((PyLongObject *)number, bytes, size, 1, 1);
#endif
}

/* The collector, off for a time. Before 3.10 C cannot ask for it. */
#if PY_VERSION_HEX >= 0x030a0000
enum { PICKLE_CAN_PAUSE_GC = 1 };
#else
enum { PICKLE_CAN_PAUSE_GC = 0 };
static inline int PyGC_Disable(void) { return 0; }
static inline int PyGC_Enable(void) { return 0; }
#endif

#endif
