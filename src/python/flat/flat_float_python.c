/* Floats by the interpreter, where the build has no libraries for them. */
#include "flat_compat.h"
#include "shoal/flat_float.h"
#include "shoal/flat_scan.h"

char *flat_float_write(double value, bool point, char *room) {
    char *text = PyOS_double_to_string(value, 'r', 0, point ? Py_DTSF_ADD_DOT_0 : 0, NULL);
    size_t size;

    if (text == NULL) return NULL;
    size = strlen(text);
    memcpy(room, text, size);
    PyMem_Free(text);
    return room + size;
}

bool flat_float_read(const unsigned char *text, size_t size, double *value) {
    char copy[FLAT_LONGEST_FLOAT + 1];

    memcpy(copy, text, size);
    copy[size] = '\0';
    *value = PyOS_string_to_double(copy, NULL, NULL); /* no exception for overflow: inf */
    return *value != -1.0 || !PyErr_Occurred();
}
