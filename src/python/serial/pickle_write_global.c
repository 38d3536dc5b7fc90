/* Classes, functions and everything else that is written as a name: a module and
 * a path of attributes in it. */
#include "pickle_compat.h"
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

/* The parts of a dotted name. */
static PyObject *split(PyObject *name) {
    PyObject *dot = PyUnicode_FromString("."), *parts;

    if (dot == NULL) return NULL;
    parts = PyUnicode_Split(name, dot, -1);
    Py_DECREF(dot);
    return parts;
}

/* A part <locals> cannot be read back. */
static int check_not_local(struct pickle_writer *writer, PyObject *object, PyObject *parts) {
    PyObject *error =
        PICKLE_LOCAL_IS_PICKLING_ERROR ? writer->state->pickling_error : PyExc_AttributeError;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        if (PyUnicode_CompareWithASCIIString(PyList_GET_ITEM(parts, i), "<locals>") != 0) continue;
        PyErr_Format(error, "Can't pickle local object %R", object);
        return -1;
    }
    return 0;
}

static int get_attribute(PyObject *object, PyObject *name, PyObject **value) {
    *value = PyObject_GetAttr(object, name);
    return *value == NULL ? -1 : 1;
}

/* Follows the parts from `start`; `*parent` is what the last was read from. NULL
 * without an exception if `get` gives neither an attribute nor an exception. */
static PyObject *follow(PyObject *start, PyObject *parts, PyObject **parent,
                        int (*get)(PyObject *, PyObject *, PyObject **)) {
    PyObject *value = Py_NewRef(start), *next;

    *parent = NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        int status = get(value, PyList_GET_ITEM(parts, i), &next);

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
    value = follow(module, parts, &parent, pickle_find_attribute);
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

/* The module as sys.modules has it: an import gives the first part of a dotted name. */
static PyObject *import(PyObject *name) {
    PyObject *module = PyImport_ImportModuleLevelObject(name, NULL, NULL, NULL, 0);

    if (module == NULL) return NULL;
    Py_SETREF(module, PyImport_GetModule(name));
    if (module == NULL && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, name);
    return module;
}

/* What an import raises becomes the reason; what else code raises stays as it is. */
static int fail_to_import(struct pickle_writer *writer, PyObject *object) {
    PyObject *error, *text;

    if (!PyErr_ExceptionMatches(PyExc_ImportError) && !PyErr_ExceptionMatches(PyExc_ValueError) &&
        !PyErr_ExceptionMatches(PyExc_KeyError))
        return -1;
    error = PyErr_GetRaisedException();
    text = PyObject_Str(error);
    if (text == NULL) {
        Py_DECREF(error);
        return -1;
    }
    PyErr_SetRaisedException(error);
    pickle_refuse_because(writer, "Can't pickle %R: %U", object, text);
    Py_DECREF(text);
    return -1;
}

/* Reads the name back and compares what is there with the object. */
static int verify(struct pickle_writer *writer, PyObject *object, PyObject *parts,
                  struct place *place) {
    PyObject *value;

    place->module = import(place->module_name);
    if (place->module == NULL) return fail_to_import(writer, object);
    value = follow(place->module, parts, &place->parent, get_attribute);
    if (value == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        return pickle_refuse_because(writer, "Can't pickle %R: it's not found as %S.%S", object,
                                     place->module_name, place->name);
    }
    Py_DECREF(value);
    if (value == object) return 0;
    PyErr_Format(writer->state->pickling_error,
                 "Can't pickle %R: it's not the same object as %S.%S", object, place->module_name,
                 place->name);
    return -1;
}

/* __name in a class Outer is the attribute _Outer__name of it. */
static PyObject *mangled(PyObject *class, PyObject *name) {
    Py_ssize_t length = PyUnicode_GET_LENGTH(class), at = 0;
    PyObject *bare, *result = NULL;

    while (at < length && PyUnicode_READ_CHAR(class, at) == '_') at++;
    if (at == length) return Py_NewRef(name);
    bare = PyUnicode_Substring(class, at, length);
    if (bare != NULL) result = PyUnicode_FromFormat("_%U%U", bare, name);
    Py_XDECREF(bare);
    return result;
}

static bool is_private(PyObject *name) {
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);

    return length > 2 && PyUnicode_READ_CHAR(name, 0) == '_' &&
           PyUnicode_READ_CHAR(name, 1) == '_' &&
           (PyUnicode_READ_CHAR(name, length - 1) != '_' ||
            PyUnicode_READ_CHAR(name, length - 2) != '_');
}

/* Replaces the private names among the parts, and the whole name with them. */
static int mangle(PyObject *parts, PyObject **whole) {
    PyObject *dot, *class = NULL, *joined;
    bool changed = false;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        PyObject *part = Py_NewRef(PyList_GET_ITEM(parts, i));

        if (i > 0 && is_private(part)) {
            PyObject *name = mangled(class, part);

            if (name == NULL || PyList_SetItem(parts, i, name) < 0) {
                Py_DECREF(class);
                Py_DECREF(part);
                return -1;
            }
            changed = true;
        }
        Py_XSETREF(class, part);
    }
    Py_XDECREF(class);
    if (!changed) return 0;
    dot = PyUnicode_FromString(".");
    joined = dot == NULL ? NULL : PyUnicode_Join(dot, parts);
    Py_XDECREF(dot);
    if (joined == NULL) return -1;
    Py_SETREF(*whole, joined);
    return 0;
}

static int locate_parts(struct pickle_writer *writer, PyObject *object, PyObject *parts,
                        struct place *place) {
    if (check_not_local(writer, object, parts) < 0) return -1;
    if (PICKLE_MANGLES_NAMES && mangle(parts, &place->name) < 0) return -1;
    place->last = Py_NewRef(PyList_GET_ITEM(parts, PyList_GET_SIZE(parts) - 1));
    place->module_name = module_name_of(writer, object, parts);
    return place->module_name == NULL ? -1 : verify(writer, object, parts, place);
}

static int locate(struct pickle_writer *writer, PyObject *object, PyObject *name,
                  struct place *place) {
    PyObject *parts;
    int status;

    place->name = name != NULL ? Py_NewRef(name) : own_name(writer, object);
    if (place->name == NULL) return -1;
    if (!PyUnicode_Check(place->name)) {
        PyErr_Format(PyExc_TypeError, "the name of %R must be a string", object);
        return -1;
    }
    parts = split(place->name);
    if (parts == NULL) return -1;
    status = locate_parts(writer, object, parts, place);
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
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return -1;
        return pickle_refuse_because(writer,
                                     "can't pickle %s identifier %R using pickle protocol %i", what,
                                     name, writer->protocol);
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

OWN_FRAME int pickle_write_global(struct pickle_writer *writer, PyObject *object, PyObject *name) {
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

    return reduced == NULL ? -1 : pickle_write_reduced(writer, reduced, type, false);
}

OWN_FRAME int pickle_write_type(struct pickle_writer *writer, PyObject *type) {
    PyObject *const singletons[] = {Py_None, Py_Ellipsis, Py_NotImplemented};

    for (int i = 0; i < 3; i++)
        if (type == (PyObject *)Py_TYPE(singletons[i]))
            return write_type_of(writer, type, singletons[i]);
    return pickle_write_global(writer, type, NULL);
}
