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

bool flat_float_of_digits(uint64_t Py_UNUSED(digits), int Py_UNUSED(exponent),
                          double *Py_UNUSED(value)) {
    return false;
}

static size_t pass_digits(const unsigned char *text, size_t at, size_t size) {
    while (at < size && text[at] >= '0' && text[at] <= '9') at++;
    return at;
}

/* Where the number ends. An "e" without digits behind it does not belong to it. */
static size_t length_of(const unsigned char *text, size_t size) {
    size_t end = pass_digits(text, 0, size), exponent, digits;

    if (end < size && text[end] == '.') end = pass_digits(text, end + 1, size);
    if (end == size || (text[end] | 0x20) != 'e') return end;
    exponent = end + 1;
    if (exponent < size && (text[exponent] == '+' || text[exponent] == '-')) exponent++;
    digits = pass_digits(text, exponent, size);
    return digits > exponent ? digits : end;
}

size_t flat_float_read(const unsigned char *text, size_t size, double *value) {
    char copy[FLAT_LONGEST_FLOAT + 2];
    size_t length;

    if (size > FLAT_LONGEST_FLOAT + 1) size = FLAT_LONGEST_FLOAT + 1;
    length = length_of(text, size);
    memcpy(copy, text, length);
    copy[length] = '\0';
    *value = PyOS_string_to_double(copy, NULL, NULL); /* no exception for overflow: inf */
    return *value == -1.0 && PyErr_Occurred() ? 0 : length;
}
