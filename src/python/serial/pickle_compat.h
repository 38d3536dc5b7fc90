/* What differs between the versions of CPython that shoal._serial is built for. */
#ifndef SHOAL_PYTHON_PICKLE_COMPAT_H
#define SHOAL_PYTHON_PICKLE_COMPAT_H

#include "python/common/compat.h"

enum {
    /* pickle.DEFAULT_PROTOCOL */
    PICKLE_DEFAULT_PROTOCOL = PY_VERSION_HEX < 0x030e0000 ? 4 : 5,
    /* Whether what is local to a function is a PicklingError; before, an AttributeError. */
    PICKLE_LOCAL_IS_PICKLING_ERROR = PY_VERSION_HEX >= 0x030e0000,
    /* Whether no items at all are put into nothing but what can take some. */
    PICKLE_CHECKS_EMPTY_BATCHES = PY_VERSION_HEX >= 0x030f0000,
    /* Whether a class's private names, __name, are found: as _Class__name. */
    PICKLE_MANGLES_NAMES = PY_VERSION_HEX >= 0x030f0000,
};

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

#endif
