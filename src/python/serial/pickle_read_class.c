/* From names to classes and functions. */
#include "pickle_read_stack.h"

/* ---- Names of Python 2 --------------------------------------------------- */

/* 1: `*found` is what the table has for the key, borrowed; 0: nothing. */
static int look_up(PyObject *table, PyObject *key, PyObject **found) {
    *found = key == NULL ? NULL : PyDict_GetItemWithError(table, key);
    if (*found != NULL) return 1;
    return PyErr_Occurred() ? -1 : 0;
}

/* Replaces both names, borrowed, by those of Python 3, if they have changed. */
static int to_python3(struct pickle_reader *reader, PyObject **module_name, PyObject **name) {
    PyObject *key = PyTuple_Pack(2, *module_name, *name), *found;
    int status = look_up(reader->state->names_2to3, key, &found);

    Py_XDECREF(key);
    if (status < 0) return -1;
    if (status > 0) {
        if (!PyTuple_Check(found) || PyTuple_GET_SIZE(found) != 2 ||
            !PyUnicode_Check(PyTuple_GET_ITEM(found, 0)) ||
            !PyUnicode_Check(PyTuple_GET_ITEM(found, 1))) {
            PyErr_SetString(PyExc_RuntimeError,
                            "_compat_pickle.NAME_MAPPING values should be pairs of str");
            return -1;
        }
        *module_name = PyTuple_GET_ITEM(found, 0);
        *name = PyTuple_GET_ITEM(found, 1);
        return 0;
    }
    status = look_up(reader->state->imports_2to3, *module_name, &found);
    if (status <= 0) return status;
    if (!PyUnicode_Check(found)) {
        PyErr_Format(PyExc_RuntimeError,
                     "_compat_pickle.IMPORT_MAPPING values should be strings, not %.200s",
                     Py_TYPE(found)->tp_name);
        return -1;
    }
    *module_name = found;
    return 0;
}

/* ---- Finding ------------------------------------------------------------- */

static int check_allowed(struct pickle_reader *reader, PyObject *module_name, PyObject *name) {
    PyObject *full;
    int allowed;

    if (reader->allow == NULL) return 0;
    full = PyUnicode_FromFormat("%U.%U", module_name, name);
    allowed = full == NULL ? -1 : PySet_Contains(reader->allow, full);
    if (allowed == 0)
        PyErr_Format(reader->state->unpickling_error, "%R is not among the names that are allowed",
                     full);
    Py_XDECREF(full);
    return allowed == 1 ? 0 : -1;
}

/* What failed in the midst of a path is the context of what is said of all of it. */
static void fail_to_follow(PyObject *module_name, PyObject *name) {
    PyObject *reason = PyErr_GetRaisedException(), *error;

    PyErr_Format(PyExc_AttributeError, "Can't resolve path %R on module %R", name, module_name);
    error = PyErr_GetRaisedException();
    PyException_SetContext(error, reason); /* takes its reference */
    PyErr_SetRaisedException(error);
}

/* From protocol 4 on a name may have dots. */
static PyObject *follow(PyObject *module, PyObject *module_name, PyObject *name) {
    PyObject *dot = PyUnicode_FromString(".");
    PyObject *parts = dot == NULL ? NULL : PyUnicode_Split(name, dot, -1);
    PyObject *value = parts == NULL ? NULL : Py_NewRef(module);

    Py_XDECREF(dot);
    for (Py_ssize_t i = 0; value != NULL && i < PyList_GET_SIZE(parts); i++)
        Py_SETREF(value, PyObject_GetAttr(value, PyList_GET_ITEM(parts, i)));
    Py_XDECREF(parts);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
        fail_to_follow(module_name, name);
    return value;
}

static bool has_dot(PyObject *name) {
    return PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1) >= 0;
}

PyObject *pickle_find_class(struct pickle_reader *reader, PyObject *module_name, PyObject *name) {
    PyObject *module, *found;

    if (PySys_Audit("pickle.find_class", "OO", module_name, name) < 0) return NULL;
    if (reader->protocol < 3 && reader->fix_imports && to_python3(reader, &module_name, &name) < 0)
        return NULL;
    if (check_allowed(reader, module_name, name) < 0) return NULL;
    Py_INCREF(name);
    module = PyImport_Import(module_name);
    if (module == NULL)
        found = NULL;
    else if (reader->protocol >= 4 && has_dot(name))
        found = follow(module, module_name, name);
    else
        found = PyObject_GetAttr(module, name);
    Py_DECREF(name);
    Py_XDECREF(module);
    return found;
}

PyObject *pickle_ask_class(struct pickle_reader *reader, PyObject *module_name, PyObject *name) {
    pickle_resume_gc(reader);
    if (reader->find_class == NULL) return pickle_find_class(reader, module_name, name);
    return PyObject_CallFunctionObjArgs(reader->find_class, module_name, name, NULL);
}

/* ---- Extensions ---------------------------------------------------------- */

/* The pair that is registered for a code, borrowed. */
static PyObject *registered(struct pickle_reader *reader, PyObject *code) {
    PyObject *pair;

    if (look_up(reader->state->inverted_registry, code, &pair) < 0) return NULL;
    if (pair == NULL) {
        PyErr_Format(PyExc_ValueError, "unregistered extension code %S", code);
        return NULL;
    }
    if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 &&
        PyUnicode_Check(PyTuple_GET_ITEM(pair, 0)) && PyUnicode_Check(PyTuple_GET_ITEM(pair, 1)))
        return pair;
    PyErr_Format(PyExc_ValueError, "_inverted_registry[%S] isn't a 2-tuple of strings", code);
    return NULL;
}

/* The cache is copyreg's: what is in it was found for someone who might have
 * been allowed more. */
static PyObject *find_extension(struct pickle_reader *reader, PyObject *code) {
    PyObject *cache = reader->state->extension_cache, *found, *pair;

    if (look_up(cache, code, &found) < 0) return NULL;
    if (found != NULL && reader->allow == NULL) return Py_NewRef(found);
    pair = registered(reader, code);
    if (pair == NULL) return NULL;
    Py_INCREF(pair);
    found = pickle_ask_class(reader, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
    Py_DECREF(pair);
    if (found != NULL && PyDict_SetItem(cache, code, found) < 0) Py_CLEAR(found);
    return found;
}

PyObject *pickle_find_extension(struct pickle_reader *reader, long code) {
    PyObject *number = PyLong_FromLong(code), *found;

    if (number == NULL) return NULL;
    found = find_extension(reader, number);
    Py_DECREF(number);
    return found;
}
