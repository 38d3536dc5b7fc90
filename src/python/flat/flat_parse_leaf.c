#include "flat_parser.h"

#include <string.h>

#include "flat_big_int.h"

enum { LONGEST_SHARED = 64 }; /* bytes: longer strings are seldom equal */

/* ---- The cache ----------------------------------------------------------- */

static size_t mix(uint64_t word) {
    word *= 0x9E3779B97F4A7C15u;
    return (size_t)(word ^ word >> 32);
}

static size_t hash_text(const unsigned char *text, size_t size) {
    uint64_t hash = size, word;

    for (; size >= 8; text += 8, size -= 8) {
        memcpy(&word, text, 8);
        hash = mix(hash ^ word);
    }
    word = 0;
    memcpy(&word, text, size);
    return mix(hash ^ word);
}

/* The slot for a hash; NULL without an exception: there is no memory for slots. */
static PyObject **slot_of(struct flat_parser *parser, size_t hash) {
    if (parser->cache == NULL) parser->cache = PyMem_Calloc(FLAT_CACHE_SLOTS, sizeof(PyObject *));
    return parser->cache == NULL ? NULL : &parser->cache[hash % FLAT_CACHE_SLOTS];
}

static PyObject *keep(PyObject **slot, PyObject *leaf) {
    if (slot != NULL && leaf != NULL) Py_XSETREF(*slot, Py_NewRef(leaf));
    return leaf;
}

/* ---- Strings ------------------------------------------------------------- */

static PyObject *make_ascii(const unsigned char *text, size_t size) {
    PyObject *string;

    /* The interpreter has the strings of no and of one character ready. */
    if (size < 2) return PyUnicode_DecodeUTF8((const char *)text, (Py_ssize_t)size, NULL);
    string = PyUnicode_New((Py_ssize_t)size, 0x7f);
    if (string != NULL) memcpy(PyUnicode_1BYTE_DATA(string), text, size);
    return string;
}

static bool is_text(PyObject *object, const unsigned char *text, size_t size) {
    return object != NULL && PyUnicode_CheckExact(object) && PyUnicode_IS_COMPACT_ASCII(object) &&
           (size_t)PyUnicode_GET_LENGTH(object) == size &&
           memcmp(PyUnicode_1BYTE_DATA(object), text, size) == 0;
}

static PyObject *shared_ascii(struct flat_parser *parser, const unsigned char *text, size_t size) {
    PyObject **slot = slot_of(parser, hash_text(text, size));

    if (slot != NULL && is_text(*slot, text, size)) return Py_NewRef(*slot);
    return keep(slot, make_ascii(text, size));
}

/* What has escapes or is not ASCII. */
static PyObject *make_text(struct flat_parser *parser, const struct flat_string *string) {
    struct flat_text text;
    PyObject *result;
    Py_UCS4 one;

    if (!flat_string_measure(&parser->cursor, string, &text)) return NULL;
    if (text.length == 1) {
        flat_string_write(string, &one, 4);
        return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, &one, 1);
    }
    result = PyUnicode_New((Py_ssize_t)text.length, text.widest);
    if (result != NULL && text.length > 0)
        flat_string_write(string, PyUnicode_DATA(result), PyUnicode_KIND(result));
    return result;
}

static PyObject *make_bytes(struct flat_parser *parser, const struct flat_string *string) {
    struct flat_text text;
    PyObject *result;
    char one;

    if (!flat_string_measure(&parser->cursor, string, &text)) return NULL;
    if (text.length == 1) { /* these are ready as well */
        flat_string_write(string, &one, 1);
        return PyBytes_FromStringAndSize(&one, 1);
    }
    result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)text.length);
    if (result != NULL) flat_string_write(string, PyBytes_AS_STRING(result), 1);
    return result;
}

static PyObject *parse_string(struct flat_parser *parser, bool is_key) {
    struct flat_string string;
    size_t size;

    if (!flat_scan_string(&parser->cursor, &string)) return NULL;
    if (string.is_bytes) return make_bytes(parser, &string);
    if (string.has_escapes || !string.is_ascii) return make_text(parser, &string);
    size = (size_t)(string.body_end - string.body);
    if ((is_key || parser->share) && size <= LONGEST_SHARED)
        return shared_ascii(parser, string.body, size);
    return make_ascii(string.body, size);
}

/* ---- Numbers ------------------------------------------------------------- */

static PyObject *share_float(struct flat_parser *parser, PyObject *leaf) {
    double value, other;
    uint64_t bits;
    PyObject **slot;

    if (leaf == NULL) return NULL;
    value = PyFloat_AS_DOUBLE(leaf);
    memcpy(&bits, &value, sizeof bits);
    slot = slot_of(parser, mix(bits));
    if (slot == NULL || *slot == NULL || !PyFloat_CheckExact(*slot)) return keep(slot, leaf);
    other = PyFloat_AS_DOUBLE(*slot);
    if (memcmp(&other, &value, sizeof value) != 0) return keep(slot, leaf);
    Py_DECREF(leaf);
    return Py_NewRef(*slot);
}

static PyObject *make_int(const struct flat_number *number) {
    int64_t value;
    PyObject *positive, *result;

    if (flat_number_int64(number, &value)) return PyLong_FromLongLong(value);
    positive = PyLong_FromUnsignedLongLong(number->magnitude);
    if (positive == NULL || !number->negative) return positive;
    result = PyNumber_Negative(positive);
    Py_DECREF(positive);
    return result;
}

static PyObject *share_int(struct flat_parser *parser, PyObject *leaf, uint64_t magnitude) {
    PyObject **slot;

    if (leaf == NULL) return NULL;
    slot = slot_of(parser, mix(~magnitude));
    if (slot == NULL || *slot == NULL || !PyLong_CheckExact(*slot) ||
        PyObject_RichCompareBool(leaf, *slot, Py_EQ) != 1)
        return keep(slot, leaf);
    Py_DECREF(leaf);
    return Py_NewRef(*slot);
}

static PyObject *make_big_int(struct flat_parser *parser, const struct flat_number *number) {
    size_t most = (size_t)parser->bounds.max_digits;

    if (number->base == 10 && number->digit_count > most)
        return flat_over(parser, number->digits, "at most %zd digits", parser->bounds.max_digits);
    return flat_big_int_read(number);
}

static PyObject *parse_number(struct flat_parser *parser) {
    struct flat_number number;

    if (!flat_scan_number(&parser->cursor, &number)) return NULL;
    switch (number.kind) {
    case FLAT_INT:
        return parser->share ? share_int(parser, make_int(&number), number.magnitude)
                             : make_int(&number);
    case FLAT_FLOAT:
        return parser->share ? share_float(parser, PyFloat_FromDouble(number.real))
                             : PyFloat_FromDouble(number.real);
    case FLAT_COMPLEX:
        return PyComplex_FromDoubles(number.real, number.imaginary);
    default:
        return make_big_int(parser, &number);
    }
}

PyObject *flat_parse_leaf(struct flat_parser *parser, enum flat_token token, bool is_key) {
    return token == FLAT_STRING ? parse_string(parser, is_key) : parse_number(parser);
}
