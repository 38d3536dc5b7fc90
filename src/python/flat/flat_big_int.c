/* Halves: the digits of a number are those of its quotient by a power of ten and of
 * the remainder. Pieces are short enough for the interpreter's conversions under
 * every limit it may have (sys.int_info.str_digits_check_threshold is 640). */
#include "flat_big_int.h"

enum { PIECE = 512 }; /* decimal digits */

static PyObject *power_of_ten(size_t exponent) {
    PyObject *number = PyLong_FromLong(10), *digits = PyLong_FromSize_t(exponent);
    PyObject *power = number && digits ? PyNumber_Power(number, digits, Py_None) : NULL;

    Py_XDECREF(number);
    Py_XDECREF(digits);
    return power;
}

/* ---- Reading ------------------------------------------------------------- */

static PyObject *read_piece(const char *digits, size_t size) {
    char copy[PIECE + 1];

    memcpy(copy, digits, size);
    copy[size] = '\0';
    return PyLong_FromString(copy, NULL, 10);
}

/* high * power + low; takes over the references. */
static PyObject *join(PyObject *high, PyObject *power, PyObject *low) {
    PyObject *product = high && power && low ? PyNumber_Multiply(high, power) : NULL;
    PyObject *sum = product == NULL ? NULL : PyNumber_Add(product, low);

    Py_XDECREF(high);
    Py_XDECREF(power);
    Py_XDECREF(low);
    Py_XDECREF(product);
    return sum;
}

/* The depth of the recursion is the logarithm of the number of digits. */
static PyObject *read_digits(const char *digits, size_t size) {
    size_t half = PIECE;
    PyObject *high, *low;

    if (size <= PIECE) return read_piece(digits, size);
    while (2 * half < size) half *= 2;
    high = read_digits(digits, size - half);
    low = high == NULL ? NULL : read_digits(digits + size - half, half);
    return join(high, low == NULL ? NULL : power_of_ten(half), low);
}

PyObject *flat_big_int_read(const struct flat_number *number) {
    char *digits = PyMem_Malloc(number->digit_count + 1);
    size_t size = 0;
    PyObject *result, *positive;

    if (digits == NULL) return PyErr_NoMemory();
    for (const unsigned char *at = number->digits; at < number->digits_end; at++)
        if (*at != '_') digits[size++] = (char)*at;
    digits[size] = '\0';
    /* The other bases have no limit, and take a time that grows as the digits do. */
    result = number->base == 10 ? read_digits(digits, size)
                                : PyLong_FromString(digits, NULL, (int)number->base);
    PyMem_Free(digits);
    if (result == NULL || !number->negative) return result;
    positive = result;
    result = PyNumber_Negative(positive);
    Py_DECREF(positive);
    return result;
}

/* ---- Writing ------------------------------------------------------------- */

/* Bits of which so many decimal digits have fewer: log2(10) is 3.3219... */
static size_t bits_of(size_t digits) { return digits / 1000 * 3322 + digits % 1000 * 3322 / 1000; }

static size_t bit_count(PyObject *number) {
    struct flat_int_digits digits = flat_int_digits(number);

    return digits.count * PyLong_SHIFT;
}

bool flat_big_int_is_over(PyObject *number, size_t max_digits) {
    return bit_count(number) > bits_of(max_digits) + 64;
}

/* `width` digits, zeros in front; 0: as many as there are. */
static int write_piece(struct flat_output *output, PyObject *number, size_t width) {
    PyObject *text = PyObject_Str(number);
    size_t size;
    int status = 0;

    if (text == NULL) return -1;
    size = (size_t)PyUnicode_GET_LENGTH(text);
    for (; width > size && status == 0; width--)
        if (!flat_put_byte(output, '0')) status = -1;
    if (status == 0 && !flat_put(output, PyUnicode_1BYTE_DATA(text), size)) status = -1;
    Py_DECREF(text);
    return status;
}

static int write_digits(struct flat_output *output, PyObject *number, size_t width);

/* Digits that a number has at least; at most a dozen more. */
static size_t least_digits(PyObject *number) {
    size_t bits = (flat_int_digits(number).count - 1) * PyLong_SHIFT;

    return bits / 1000 * 301 + bits % 1000 * 301 / 1000;
}

/* The number's two parts, of which the second has `half` digits. */
static int write_halves(struct flat_output *output, PyObject *number, size_t width, size_t half) {
    PyObject *power = power_of_ten(half), *parts = NULL;
    int status;

    if (power != NULL) parts = PyNumber_Divmod(number, power);
    Py_XDECREF(power);
    if (parts == NULL) return -1;
    status = write_digits(output, PyTuple_GET_ITEM(parts, 0), width > 0 ? width - half : 0);
    if (status == 0) status = write_digits(output, PyTuple_GET_ITEM(parts, 1), half);
    Py_DECREF(parts);
    return status;
}

static int write_digits(struct flat_output *output, PyObject *number, size_t width) {
    size_t half = PIECE / 2, most = width > 0 ? width : least_digits(number);

    if (most <= PIECE) return write_piece(output, number, width);
    while (2 * half < most) half *= 2;
    return write_halves(output, number, width, half);
}

int flat_big_int_write(struct flat_output *output, PyObject *number) {
    PyObject *magnitude = PyNumber_Absolute(number);
    int status;

    if (magnitude == NULL) return -1;
    if (flat_int_digits(number).negative && !flat_put_byte(output, '-')) {
        Py_DECREF(magnitude);
        return -1;
    }
    status = write_digits(output, magnitude, 0);
    Py_DECREF(magnitude);
    return status;
}
