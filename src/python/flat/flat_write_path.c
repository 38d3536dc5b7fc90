/* Where in a record the writer is, for people. */
#include "flat_writer.h"

enum { LONGEST_KEY = 60 }; /* characters of a key that are shown */

/* A key as repr has it. A tuple may lead to what is no literal, whose repr is code. */
static PyObject *show_key(PyObject *key) {
    PyObject *text, *part;

    if (PyTuple_CheckExact(key)) return PyUnicode_FromString("(...)");
    if (PyFrozenSet_CheckExact(key)) return PyUnicode_FromString("frozenset(...)");
    if (PyLong_CheckExact(key) && flat_int_digits(key).count > 8)
        return PyUnicode_FromString("...");
    text = PyObject_Repr(key);
    if (text == NULL || PyUnicode_GET_LENGTH(text) <= LONGEST_KEY) return text;
    part = PyUnicode_Substring(text, 0, LONGEST_KEY);
    Py_DECREF(text);
    if (part == NULL) return NULL;
    text = PyUnicode_FromFormat("%U...", part);
    Py_DECREF(part);
    return text;
}

/* One step: [2], ['key'], of which a key is in the dict's {}, as are items of sets. */
static PyObject *show_step(const struct flat_inside *inside) {
    PyObject *key, *step;

    if (inside->type == &PyList_Type || inside->type == &PyTuple_Type)
        return PyUnicode_FromFormat("[%zd]", inside->next - 1);
    if (inside->type != &PyDict_Type) return PyUnicode_FromString("{item}");
    if (inside->in_key) return PyUnicode_FromString("{key}");
    key = show_key(inside->key);
    step = key == NULL ? NULL : PyUnicode_FromFormat("[%U]", key);
    Py_XDECREF(key);
    return step;
}

PyObject *flat_writer_place(const struct flat_writer *writer) {
    PyObject *place = PyUnicode_FromFormat("record %llu", (unsigned long long)writer->record);
    const size_t most = 20; /* steps that are shown */

    for (size_t i = 0; i < writer->depth && i < most && place != NULL; i++) {
        PyObject *step = show_step(&writer->inside[i]);

        if (step == NULL)
            Py_CLEAR(place);
        else
            Py_SETREF(place, PyUnicode_FromFormat(i == 0 ? "%U, %U" : "%U%U", place, step));
        Py_XDECREF(step);
    }
    if (place != NULL && writer->depth > most)
        Py_SETREF(place, PyUnicode_FromFormat("%U...", place));
    return place;
}

/* The literal that an object's type is derived from; NULL: none. */
static const char *base_of(PyObject *object) {
    PyTypeObject *const bases[] = {&PyBool_Type,    &PyLong_Type,     &PyFloat_Type,
                                   &PyComplex_Type, &PyUnicode_Type,  &PyBytes_Type,
                                   &PyTuple_Type,   &PyList_Type,     &PyDict_Type,
                                   &PySet_Type,     &PyFrozenSet_Type};

    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++)
        if (PyType_IsSubtype(Py_TYPE(object), bases[i])) return bases[i]->tp_name;
    return NULL;
}

int flat_no_literal(const struct flat_writer *writer, PyObject *object) {
    PyObject *place = flat_writer_place(writer);
    const char *base = base_of(object), *name = Py_TYPE(object)->tp_name;

    if (place != NULL && base != NULL)
        PyErr_Format(PyExc_TypeError, "%U: %.200s is no literal: make it the %s that it is", place,
                     name, base);
    else if (place != NULL)
        PyErr_Format(PyExc_TypeError, "%U: %.200s is no literal", place, name);
    Py_XDECREF(place);
    return -1;
}

int flat_writer_fail(const struct flat_writer *writer, const char *format, Py_ssize_t bound) {
    PyObject *place, *text;

    if (PyErr_Occurred()) return -1;
    place = flat_writer_place(writer);
    text = place == NULL ? NULL : PyUnicode_FromFormat(format, place, bound);
    if (text != NULL) PyErr_SetObject(PyExc_ValueError, text);
    Py_XDECREF(text);
    Py_XDECREF(place);
    return -1;
}
