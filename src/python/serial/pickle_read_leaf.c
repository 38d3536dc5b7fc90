/* Leaves, and the small cache that load(share=True) takes equal ones from. A hash
 * has two slots, the newer leaf in the first: what comes once pushes out what came
 * once, and what comes again and again stays. */
#include "pickle_read_stack.h"
#include "shoal/pickle_text.h"

enum { LONGEST_SHARED = 64 }; /* bytes: longer strings are seldom equal */

static size_t mix(uint64_t word) {
    word *= 0x9E3779B97F4A7C15u;
    return (size_t)(word ^ word >> 32);
}

static size_t hash_bytes(const unsigned char *bytes, size_t size) {
    uint64_t hash = size, word;

    for (; size >= 8; bytes += 8, size -= 8) {
        memcpy(&word, bytes, 8);
        hash = mix(hash ^ word);
    }
    word = pickle_fetch(bytes, (unsigned)size);
    return mix(hash ^ word);
}

static bool are_equal(PyObject *one, PyObject *other) {
    if (PyUnicode_CheckExact(one)) return PyUnicode_Compare(one, other) == 0;
    if (PyFloat_CheckExact(one)) {
        double x = PyFloat_AS_DOUBLE(one), y = PyFloat_AS_DOUBLE(other);

        return memcmp(&x, &y, sizeof x) == 0; /* tells 0.0 from -0.0 */
    }
    return PyObject_RichCompareBool(one, other, Py_EQ) == 1;
}

static PyObject **slots_of(const struct pickle_reader *reader, size_t hash) {
    return &reader->cache[mix(hash) % (PICKLE_CACHE_SLOTS / 2) * 2];
}

/* The leaf in the second slot was wanted: it goes before the other. */
static PyObject *take_second(PyObject **slots) {
    PyObject *found = slots[1];

    slots[1] = slots[0];
    slots[0] = found;
    return Py_NewRef(found);
}

static bool holds(PyObject *slot, PyObject *leaf) {
    return slot != NULL && Py_TYPE(slot) == Py_TYPE(leaf) && are_equal(slot, leaf);
}

PyObject *pickle_look_up_leaf(struct pickle_reader *reader, PyObject *leaf, size_t hash) {
    PyObject **slots = slots_of(reader, hash), *shared;

    if (holds(slots[0], leaf))
        shared = Py_NewRef(slots[0]);
    else if (holds(slots[1], leaf))
        shared = take_second(slots);
    else {
        Py_XSETREF(slots[1], slots[0]);
        slots[0] = Py_NewRef(leaf);
        return leaf;
    }
    Py_DECREF(leaf);
    return shared;
}

static PyObject *make_ascii(const unsigned char *bytes, size_t size) {
    PyObject *text = PyUnicode_New((Py_ssize_t)size, 0x7f);

    if (text != NULL) memcpy(PyUnicode_1BYTE_DATA(text), bytes, size);
    return text;
}

static PyObject *decode(const unsigned char *bytes, size_t size) {
    /* The interpreter has the strings of no and of one character ready. */
    if (size > 1 && size <= 256 && shoal_is_ascii(bytes, size)) return make_ascii(bytes, size);
    return PyUnicode_DecodeUTF8((const char *)bytes, (Py_ssize_t)size, "surrogatepass");
}

static bool is_text(PyObject *object, const unsigned char *bytes, size_t size) {
    return object != NULL && PyUnicode_CheckExact(object) && PyUnicode_IS_COMPACT_ASCII(object) &&
           (size_t)PyUnicode_GET_LENGTH(object) == size &&
           memcmp(PyUnicode_1BYTE_DATA(object), bytes, size) == 0;
}

PyObject *pickle_make_str(struct pickle_reader *reader, const unsigned char *bytes, size_t size) {
    PyObject **slots;
    size_t hash;

    if (reader->cache == NULL || size > LONGEST_SHARED) return decode(bytes, size);
    hash = hash_bytes(bytes, size);
    slots = slots_of(reader, hash);
    if (is_text(slots[0], bytes, size)) return Py_NewRef(slots[0]);
    if (is_text(slots[1], bytes, size)) return take_second(slots);
    return pickle_share(reader, decode(bytes, size), hash);
}
