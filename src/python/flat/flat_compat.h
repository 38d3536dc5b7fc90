/* What differs between the versions of CPython that shoal._flat is built for. */
#ifndef SHOAL_PYTHON_FLAT_COMPAT_H
#define SHOAL_PYTHON_FLAT_COMPAT_H

#include <stdbool.h>

#include "python/common/compat.h"

/* Looks an attribute up; 0 and no exception if there is none, -1 on an error. */
static inline int flat_find_attribute(PyObject *object, const char *name, PyObject **value) {
    *value = PyObject_GetAttrString(object, name);
    if (*value != NULL) return 1;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();
    return 0;
}

/* ---- What an int is made of ---------------------------------------------- */

/* Digits of PyLong_SHIFT bits, least significant first. */
struct flat_int_digits {
    const digit *digits;
    size_t count;
    bool negative;
};

static inline struct flat_int_digits flat_int_digits(PyObject *number) {
    const PyLongObject *object = (const PyLongObject *)number;
#if PY_VERSION_HEX >= 0x030c0000
    uintptr_t tag = object->long_value.lv_tag;

    return (struct flat_int_digits){object->long_value.ob_digit, tag >> 3, (tag & 3) == 2};
#else
    Py_ssize_t size = Py_SIZE(object);

    return (struct flat_int_digits){object->ob_digit, (size_t)(size < 0 ? -size : size), size < 0};
#endif
}

/* The number without its sign, if it has no more than 64 bits. */
static inline bool flat_int_magnitude(struct flat_int_digits number, uint64_t *magnitude) {
    uint64_t sum = 0;

    for (size_t i = number.count; i-- > 0;) {
        if (sum >> (64 - PyLong_SHIFT) != 0) return false;
        sum = sum << PyLong_SHIFT | number.digits[i];
    }
    *magnitude = sum;
    return true;
}

#endif
