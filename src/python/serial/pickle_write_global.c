/* Classes, functions and everything else that is written as a name: a module and
 * a path of attributes in it. */
#include "pickle_writer.h"

/* Where a global was found. All are owned. */
struct place {
    PyObject *module_name;
    PyObject *name; /* as it was given: may have dots */
    PyObject *module;
    PyObject *parent; /* what the last attribute was read from */
    PyObject *last;   /* name of that attribute */
};

static void place_clear(struct place *place) {
    Py_CLEAR(place->module_name);
    Py_CLEAR(place->name);
    Py_CLEAR(place->module);
    Py_CLEAR(place->parent);
    Py_CLEAR(place->last);
}

/* The parts of a dotted name; a part <locals> cannot be read back. */
static PyObject *split(PyObject *name) {
    PyObject *dot = PyUnicode_FromString("."), *parts;

    if (dot == NULL) return NULL;
    parts = PyUnicode_Split(name, dot, -1);
    Py_DECREF(dot);
    for (Py_ssize_t i = 0; parts != NULL && i < PyList_GET_SIZE(parts); i++) {
        if (PyUnicode_CompareWithASCIIString(PyList_GET_ITEM(parts, i), "<locals>") != 0) continue;
        PyErr_Format(PyExc_AttributeError, "Can't pickle local object %R", name);
        Py_CLEAR(parts);
    }
    return parts;
}

/* Follows the parts from `start`; `*parent` is what the last was read from. NULL
 * without an exception if there is no such attribute. */
static PyObject *follow(PyObject *start, PyObject *parts, PyObject **parent) {
    PyObject *value = Py_NewRef(start), *next;

    *parent = NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        int status = pickle_find_attribute(value, PyList_GET_ITEM(parts, i), &next);

        Py_XSETREF(*parent, value);
        if (status <= 0) {
            Py_CLEAR(*parent);
            return NULL;
        }
        value = next;
    }
    return value;
}

/* Whether a module that has no name for us has the object at that path. */
static int module_has(PyObject *name, PyObject *module, PyObject *object, PyObject *parts) {
    PyObject *parent, *value;
    int same;

    if (module == Py_None) return 0;
    if (PyUnicode_Check(name) && (PyUnicode_CompareWithASCIIString(name, "__main__") == 0 ||
                                  PyUnicode_CompareWithASCIIString(name, "__mp_main__") == 0))
        return 0;
    value = follow(module, parts, &parent);
    if (value == NULL) return PyErr_Occurred() ? -1 : 0;
    same = value == object;
    Py_DECREF(value);
    Py_XDECREF(parent);
    return same;
}

/* Goes through sys.modules, or a copy of it if other code may change it. */
static PyObject *search_modules(struct pickle_writer *writer, PyObject *object, PyObject *parts) {
    PyObject *modules = PySys_GetObject("modules"), *items, *found = NULL;

    if (modules == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "unable to get sys.modules");
        return NULL;
    }
    items = PyMapping_Items(modules);
    if (items == NULL) return NULL;
    for (Py_ssize_t i = 0; found == NULL && i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        int has = module_has(PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1), object, parts);

        if (has < 0) {
            Py_DECREF(items);
            return NULL;
        }
        if (has) found = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
    }
    Py_DECREF(items);
    return found != NULL ? found : Py_NewRef(writer->state->names.dunder_main);
}

static PyObject *module_name_of(struct pickle_writer *writer, PyObject *object, PyObject *parts) {
    PyObject *name;

    if (pickle_find_attribute(object, writer->state->names.dunder_module, &name) < 0) return NULL;
    if (name != NULL && name != Py_None) return name;
    Py_XDECREF(name);
    return search_modules(writer, object, parts);
}

/* The name of a class or function: its path in the module, if it knows that. */
static PyObject *own_name(struct pickle_writer *writer, PyObject *object) {
    PyObject *name;

    if (pickle_find_attribute(object, writer->state->names.dunder_qualname, &name) < 0) return NULL;
    if (name != NULL) return name;
    return PyObject_GetAttr(object, writer->state->names.dunder_name);
}

/* Reads the name back and compares what is there with the object. */
static int verify(struct pickle_writer *writer, PyObject *object, PyObject *parts,
                  struct place *place) {
    PyObject *error = writer->state->pickling_error, *value;

    place->module = PyImport_ImportModuleLevelObject(place->module_name, NULL, NULL, NULL, 0);
    if (place->module == NULL) {
        PyErr_Format(error, "Can't pickle %R: import of module %R failed", object,
                     place->module_name);
        return -1;
    }
    /* The import gives the first part of a dotted name; sys.modules has the rest. */
    Py_SETREF(place->module, PyImport_GetModule(place->module_name));
    if (place->module == NULL && PyErr_Occurred()) return -1;
    if (place->module == NULL) {
        PyErr_Format(error, "Can't pickle %R: import of module %R failed", object,
                     place->module_name);
        return -1;
    }
    value = follow(place->module, parts, &place->parent);
    if (value == NULL) {
        PyErr_Clear();
        PyErr_Format(error, "Can't pickle %R: attribute lookup %S on %S failed", object,
                     place->name, place->module_name);
        return -1;
    }
    Py_DECREF(value);
    if (value == object) return 0;
    PyErr_Format(error, "Can't pickle %R: it's not the same object as %S.%S", object,
                 place->module_name, place->name);
    return -1;
}

static int locate(struct pickle_writer *writer, PyObject *object, PyObject *name,
                  struct place *place) {
    PyObject *parts;
    int status = -1;

    place->name = name != NULL ? Py_NewRef(name) : own_name(writer, object);
    if (place->name == NULL) return -1;
    if (!PyUnicode_Check(place->name)) {
        PyErr_Format(PyExc_TypeError, "the name of %R must be a string", object);
        return -1;
    }
    parts = split(place->name);
    if (parts == NULL) return -1;
    place->module_name = module_name_of(writer, object, parts);
    if (place->module_name != NULL) status = verify(writer, object, parts, place);
    place->last = Py_NewRef(PyList_GET_ITEM(parts, PyList_GET_SIZE(parts) - 1));
    Py_DECREF(parts);
    return status;
}

/* ---- Writing ------------------------------------------------------------- */

/* 1: the global has a code in copyreg's registry, which is written; 0: none. */
static int write_extension(struct pickle_writer *writer, const struct place *place) {
    PyObject *key, *number;
    long code;
    unsigned size;

    if (writer->protocol < 2) return 0;
    key = PyTuple_Pack(2, place->module_name, place->name);
    if (key == NULL) return -1;
    number = PyDict_GetItemWithError(writer->state->extension_registry, key);
    Py_DECREF(key);
    if (number == NULL) return PyErr_Occurred() ? -1 : 0;
    code = PyLong_AsLong(number);
    if (code == -1 && PyErr_Occurred()) return -1;
    if (code <= 0 || code > 0x7fffffffL) {
        PyErr_Format(PyExc_RuntimeError, "extension code %ld is out of range", code);
        return -1;
    }
    size = code <= 0xff ? 1 : code <= 0xffff ? 2 : 4;
    return pickle_put_number(&writer->output,
                             size == 1   ? PICKLE_EXT1
                             : size == 2 ? PICKLE_EXT2
                                         : PICKLE_EXT4,
                             (uint64_t)code, size)
               ? 1
               : -1;
}

/* The names that Python 2 has for both, if it has others. */
static int to_python2(struct pickle_writer *writer, PyObject **module_name, PyObject **name) {
    PyObject *key = PyTuple_Pack(2, *module_name, *name), *found;

    if (key == NULL) return -1;
    found = PyDict_GetItemWithError(writer->state->names_3to2, key);
    Py_DECREF(key);
    if (found != NULL) {
        if (!PyTuple_Check(found) || PyTuple_GET_SIZE(found) != 2 ||
            !PyUnicode_Check(PyTuple_GET_ITEM(found, 0)) ||
            !PyUnicode_Check(PyTuple_GET_ITEM(found, 1))) {
            PyErr_SetString(PyExc_RuntimeError,
                            "_compat_pickle.REVERSE_NAME_MAPPING values should be pairs of str");
            return -1;
        }
        *module_name = PyTuple_GET_ITEM(found, 0);
        *name = PyTuple_GET_ITEM(found, 1);
        return 0;
    }
    if (PyErr_Occurred()) return -1;
    found = PyDict_GetItemWithError(writer->state->imports_3to2, *module_name);
    if (found == NULL) return PyErr_Occurred() ? -1 : 0;
    if (!PyUnicode_Check(found)) {
        PyErr_Format(PyExc_RuntimeError,
                     "_compat_pickle.REVERSE_IMPORT_MAPPING values should be strings, not %.200s",
                     Py_TYPE(found)->tp_name);
        return -1;
    }
    *module_name = found;
    return 0;
}

/* A name and the end of its line: UTF-8 in protocol 3, before that ASCII. */
static int put_name(struct pickle_writer *writer, PyObject *name, const char *what) {
    PyObject *bytes =
        writer->protocol == 3 ? PyUnicode_AsUTF8String(name) : PyUnicode_AsASCIIString(name);
    bool done;

    if (bytes == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            PyErr_Format(writer->state->pickling_error,
                         "can't pickle %s identifier '%S' using pickle protocol %i", what, name,
                         writer->protocol);
        return -1;
    }
    done = pickle_put(&writer->output, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)) &&
           pickle_put(&writer->output, "\n", 1);
    Py_DECREF(bytes);
    return done ? 0 : -1;
}

/* An attribute of the module, as two lines. */
static int put_global(struct pickle_writer *writer, PyObject *module_name, PyObject *name) {
    if (writer->protocol < 3 && writer->fix_imports && to_python2(writer, &module_name, &name) < 0)
        return -1;
    if (!pickle_put_opcode(&writer->output, PICKLE_GLOBAL)) return -1;
    if (put_name(writer, module_name, "module") < 0) return -1;
    return put_name(writer, name, "global");
}

static int put(struct pickle_writer *writer, enum pickle_opcode opcode) {
    return pickle_put_opcode(&writer->output, opcode) ? 0 : -1;
}

/* An attribute of an attribute, before protocol 4: a.b.c of a module is what
 * getattr(getattr(a, "b"), "c") returns. */
static int put_path(struct pickle_writer *writer, PyObject *module_name, PyObject *parts) {
    Py_ssize_t calls = PyList_GET_SIZE(parts) - 1;
    bool marked = writer->protocol < 2;

    for (Py_ssize_t i = 0; i < calls; i++) {
        if (pickle_write_object(writer, writer->state->getattr, false) < 0) return -1;
        if (marked && put(writer, PICKLE_MARK) < 0) return -1;
    }
    if (put_global(writer, module_name, PyList_GET_ITEM(parts, 0)) < 0) return -1;
    for (Py_ssize_t i = 0; i < calls; i++) {
        if (pickle_write_object(writer, PyList_GET_ITEM(parts, i + 1), false) < 0) return -1;
        if (put(writer, marked ? PICKLE_TUPLE : PICKLE_TUPLE2) < 0) return -1;
        if (put(writer, PICKLE_REDUCE) < 0) return -1;
    }
    return 0;
}

static int write_place(struct pickle_writer *writer, const struct place *place) {
    PyObject *name = place->parent == place->module ? place->last : place->name, *parts;
    int status;

    if (writer->protocol >= 4) {
        if (pickle_write_object(writer, place->module_name, false) < 0) return -1;
        if (pickle_write_object(writer, name, false) < 0) return -1;
        return put(writer, PICKLE_STACK_GLOBAL);
    }
    parts = split(name);
    if (parts == NULL) return -1;
    status = put_path(writer, place->module_name, parts);
    Py_DECREF(parts);
    return status;
}

int pickle_write_global(struct pickle_writer *writer, PyObject *object, PyObject *name) {
    struct place place = {0};
    int status = locate(writer, object, name, &place);

    if (status == 0) status = write_extension(writer, &place);
    if (status == 0) {
        status = write_place(writer, &place);
        if (status == 0) status = pickle_memorize(writer, object);
    }
    place_clear(&place);
    return status < 0 ? -1 : 0;
}

/* The types of the three singletons have no name in a module: type(None). */
static int write_type_of(struct pickle_writer *writer, PyObject *type, PyObject *singleton) {
    PyObject *reduced = Py_BuildValue("(O(O))", (PyObject *)&PyType_Type, singleton);
    int status = reduced == NULL ? -1 : pickle_write_reduced(writer, reduced, type);

    Py_XDECREF(reduced);
    return status;
}

int pickle_write_type(struct pickle_writer *writer, PyObject *type) {
    PyObject *const singletons[] = {Py_None, Py_Ellipsis, Py_NotImplemented};

    for (int i = 0; i < 3; i++)
        if (type == (PyObject *)Py_TYPE(singletons[i]))
            return write_type_of(writer, type, singletons[i]);
    return pickle_write_global(writer, type, NULL);
}
