#include "flat_big_int.h"
#include "flat_writer.h"

/* ---- Leaves -------------------------------------------------------------- */

/* The writer owns what it works on: long divisions look at signals. */
static int write_big_int(struct flat_writer *writer, PyObject *number) {
    struct flat_output *output = &writer->output;
    size_t before = (size_t)(output->at - output->start), digits;
    Py_ssize_t most = writer->bounds.max_digits;
    int status = -1;

    if (flat_big_int_is_over(number, (size_t)most))
        return flat_writer_fail(writer, "%U: an int of more than %zd digits (max_digits)", most);
    Py_INCREF(number);
    status = flat_big_int_write(output, number);
    if (status == 0) {
        digits = (size_t)(output->at - output->start) - before;
        if (digits - flat_int_digits(number).negative > (size_t)most)
            status =
                flat_writer_fail(writer, "%U: an int of more than %zd digits (max_digits)", most);
    }
    Py_DECREF(number);
    return status;
}

static inline int write_int(struct flat_writer *writer, PyObject *number) {
    struct flat_int_digits digits = flat_int_digits(number);
    uint64_t magnitude;

    if (!flat_int_magnitude(digits, &magnitude)) return write_big_int(writer, number);
    return flat_put_int(&writer->output, digits.negative, magnitude) ? 0 : -1;
}

static inline int write_text(struct flat_writer *writer, PyObject *text) {
    struct shoal_text points;

#if PY_VERSION_HEX < 0x030c0000
    if (PyUnicode_READY(text) < 0) return -1;
#endif
    points = (struct shoal_text){PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text),
                                 (unsigned)PyUnicode_KIND(text)};
    return flat_put_text(&writer->output, points) ? 0 : -1;
}

static int write_bytes(struct flat_writer *writer, PyObject *bytes) {
    const unsigned char *start = (const unsigned char *)PyBytes_AS_STRING(bytes);

    return flat_put_bytes(&writer->output, start, (size_t)PyBytes_GET_SIZE(bytes)) ? 0 : -1;
}

static int too_deep(struct flat_writer *writer, PyObject *container) {
    for (size_t i = 0; i < writer->depth; i++)
        if (writer->inside[i].container == container)
            return flat_writer_fail(writer, "%U: a container that contains itself", 0);
    return flat_writer_fail(writer, "%U: more than %zd brackets in one another (max_depth)",
                            writer->bounds.max_depth);
}

/* Its parentheses count as a reader counts them. */
static int write_complex(struct flat_writer *writer, PyObject *number) {
    Py_complex value = PyComplex_AsCComplex(number);

    if (writer->levels == (size_t)writer->bounds.max_depth) return too_deep(writer, NULL);
    return flat_put_complex(&writer->output, value.real, value.imag) ? 0 : -1;
}

static int write_word(struct flat_writer *writer, const char *word) {
    return flat_put(&writer->output, word, strlen(word)) ? 0 : -1;
}

static int write_container(struct flat_writer *writer, PyObject *object);

/* 1: a container was opened; 0: written; -1: failed. */
static inline int write_value(struct flat_writer *writer, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);

    if (type == &PyUnicode_Type) return write_text(writer, object);
    if (type == &PyLong_Type) return write_int(writer, object);
    if (type == &PyFloat_Type)
        return flat_put_float(&writer->output, PyFloat_AS_DOUBLE(object)) ? 0 : -1;
    if (object == Py_None) return write_word(writer, "None");
    if (object == Py_True) return write_word(writer, "True");
    if (object == Py_False) return write_word(writer, "False");
    if (type == &PyBytes_Type) return write_bytes(writer, object);
    if (type == &PyComplex_Type) return write_complex(writer, object);
    if (object == Py_Ellipsis) return write_word(writer, "Ellipsis");
    return write_container(writer, object);
}

/* ---- Containers ---------------------------------------------------------- */

static bool is_set(PyTypeObject *type) { return type == &PySet_Type || type == &PyFrozenSet_Type; }

static const char *opening_of(PyTypeObject *type) {
    if (type == &PyTuple_Type) return "(";
    if (type == &PyList_Type) return "[";
    return type == &PyFrozenSet_Type ? "frozenset({" : "{";
}

static const char *closing_of(const struct flat_inside *inside) {
    if (inside->type == &PyTuple_Type) return inside->count == 1 ? ",)" : ")";
    if (inside->type == &PyList_Type) return "]";
    return inside->type == &PyFrozenSet_Type ? "})" : "}";
}

static int make_room_inside(struct flat_writer *writer) {
    size_t room = writer->room == 0 ? 32 : 2 * writer->room;
    struct flat_inside *inside = PyMem_Realloc(writer->inside, room * sizeof *inside);

    if (inside == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    writer->inside = inside;
    writer->room = room;
    return 0;
}

static size_t levels_of(PyTypeObject *type) { return type == &PyFrozenSet_Type ? 2 : 1; }

static int enter(struct flat_writer *writer, PyObject *container) {
    PyTypeObject *type = Py_TYPE(container);
    struct flat_inside *inside;
    PyObject *iterator = NULL;

    if (writer->levels + levels_of(type) > (size_t)writer->bounds.max_depth)
        return too_deep(writer, container);
    if (writer->depth == writer->room && make_room_inside(writer) < 0) return -1;
    Py_INCREF(container);
    if (is_set(type)) iterator = PyObject_GetIter(container);
    if (is_set(type) && iterator == NULL) {
        Py_DECREF(container);
        return -1;
    }
    inside = &writer->inside[writer->depth++];
    *inside = (struct flat_inside){.container = container, .iterator = iterator, .type = type};
    writer->levels += levels_of(type);
    return write_word(writer, opening_of(type)) < 0 ? -1 : 1;
}

static void leave(struct flat_writer *writer) {
    struct flat_inside *inside = &writer->inside[--writer->depth];

    writer->levels -= levels_of(inside->type);
    Py_CLEAR(inside->iterator);
    Py_CLEAR(inside->key);
    Py_CLEAR(inside->container);
}

static int write_container(struct flat_writer *writer, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);

    if (type == &PyTuple_Type || type == &PyList_Type || type == &PyDict_Type)
        return enter(writer, object);
    if (!is_set(type)) return flat_no_literal(writer, object);
    if (PySet_GET_SIZE(object) > 0) return enter(writer, object);
    return write_word(writer, type == &PySet_Type ? "set()" : "frozenset()");
}

/* Writes the key of the next item of a dict, or what is behind it. 1: a container was
 * opened; 0: written; -1: failed; 2: there are no more. */
static int write_entry(struct flat_writer *writer, struct flat_inside *inside) {
    PyObject *key, *value;
    int status;

    if (inside->in_key) {
        value = PyDict_GetItemWithError(inside->container, inside->key);
        inside->in_key = false;
        if (value == NULL) {
            if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, inside->key);
            return -1;
        }
    } else {
        if (!PyDict_Next(inside->container, &inside->next, &key, &value)) return 2;
        if (inside->count++ > 0 && write_word(writer, ", ") < 0) return -1;
        Py_XSETREF(inside->key, Py_NewRef(key));
        inside->in_key = true;
        Py_INCREF(value);
        status = write_value(writer, key);
        Py_DECREF(value);
        if (status != 0) return status; /* comes back for the value */
        inside->in_key = false;
    }
    return write_word(writer, ": ") < 0 ? -1 : write_value(writer, value);
}

/* The next item of a tuple, list or set: borrowed of the first two, else `*owned`.
 * NULL: there are no more, or an exception. */
static PyObject *next_item(struct flat_inside *inside, PyObject **owned) {
    PyObject *container = inside->container;

    *owned = NULL;
    if (inside->type == &PyTuple_Type)
        return inside->next < PyTuple_GET_SIZE(container)
                   ? PyTuple_GET_ITEM(container, inside->next++)
                   : NULL;
    if (inside->type == &PyList_Type)
        return inside->next < PyList_GET_SIZE(container)
                   ? PyList_GET_ITEM(container, inside->next++)
                   : NULL;
    return *owned = PyIter_Next(inside->iterator);
}

/* As write_entry(). */
static int write_item(struct flat_writer *writer, struct flat_inside *inside) {
    PyObject *owned, *item = next_item(inside, &owned);
    int status = 0;

    if (item == NULL) return PyErr_Occurred() ? -1 : 2;
    if (inside->count++ > 0) status = flat_put(&writer->output, ", ", 2) ? 0 : -1;
    if (status == 0) status = write_value(writer, item);
    Py_XDECREF(owned);
    return status;
}

/* What is in the innermost container, until another one is opened or it is done. */
static int write_inside(struct flat_writer *writer) {
    struct flat_inside *inside = &writer->inside[writer->depth - 1];
    int status = 0;

    if (inside->type == &PyDict_Type)
        while (status == 0) status = write_entry(writer, inside);
    else
        while (status == 0) status = write_item(writer, inside);
    if (status < 2) return status;
    if (write_word(writer, closing_of(inside)) < 0) return -1;
    leave(writer);
    return 0;
}

int flat_write_record(struct flat_writer *writer, PyObject *record) {
    int status = write_value(writer, record);

    while (status >= 0 && writer->depth > 0) status = write_inside(writer);
    if (status >= 0) return 0;
    if (writer->too_long)
        flat_writer_fail(writer, "%U: a line of more than %zd bytes (max_line)",
                         writer->bounds.max_line);
    while (writer->depth > 0) leave(writer);
    writer->output.at = writer->output.start + writer->line;
    return -1;
}
