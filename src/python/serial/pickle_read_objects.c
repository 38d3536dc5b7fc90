/* Opcodes that find classes, call them, and give objects their state. */
#include "pickle_read_stack.h"

/* ---- Names --------------------------------------------------------------- */

static PyObject *take_name(struct pickle_reader *reader) {
    size_t length;
    char *line = pickle_read_line(reader, &length);

    if (line == NULL) return NULL;
    if (length > 0) return PyUnicode_DecodeUTF8(line, (Py_ssize_t)length, "strict");
    pickle_truncated(reader);
    return NULL;
}

/* Reads two lines, a module and a name in it. */
static PyObject *take_class(struct pickle_reader *reader) {
    PyObject *module_name = take_name(reader), *name, *found = NULL;

    if (module_name == NULL) return NULL;
    name = take_name(reader);
    if (name != NULL) found = pickle_ask_class(reader, module_name, name);
    Py_XDECREF(name);
    Py_DECREF(module_name);
    return found;
}

int pickle_load_global(struct pickle_reader *reader) {
    return pickle_push(reader, take_class(reader));
}

int pickle_load_stack_global(struct pickle_reader *reader) {
    PyObject *module_name, *name, *found = NULL;

    if (pickle_need(reader, 2) < 0) return -1;
    name = pickle_pop(reader);
    module_name = pickle_pop(reader);
    if (PyUnicode_CheckExact(name) && PyUnicode_CheckExact(module_name))
        found = pickle_ask_class(reader, module_name, name);
    else
        pickle_fail(reader, "STACK_GLOBAL requires str");
    Py_DECREF(name);
    Py_DECREF(module_name);
    return pickle_push(reader, found);
}

static int load_extension(struct pickle_reader *reader, unsigned width) {
    const unsigned char *bytes = pickle_take(&reader->input, width);
    long code;

    if (bytes == NULL) return -1;
    code = width == 4 ? (long)pickle_fetch_signed(bytes, 4) : (long)pickle_fetch(bytes, width);
    if (code <= 0) return pickle_fail(reader, "EXT specifies code <= 0");
    return pickle_push(reader, pickle_find_extension(reader, code));
}

int pickle_load_ext1(struct pickle_reader *reader) { return load_extension(reader, 1); }
int pickle_load_ext2(struct pickle_reader *reader) { return load_extension(reader, 2); }
int pickle_load_ext4(struct pickle_reader *reader) { return load_extension(reader, 4); }

/* ---- Calls --------------------------------------------------------------- */

/* A class without arguments and without __getinitargs__ is not called, as was
 * the way of Python 2. */
static PyObject *instantiate(struct pickle_reader *reader, PyObject *class, PyObject *arguments) {
    PyObject *getinitargs;

    if (PyTuple_GET_SIZE(arguments) == 0 && PyType_Check(class)) {
        if (pickle_find_attribute(class, reader->state->names.dunder_getinitargs, &getinitargs) < 0)
            return NULL;
        if (getinitargs == NULL)
            return PyObject_CallMethodOneArg(class, reader->state->names.dunder_new, class);
        Py_DECREF(getinitargs);
    }
    return PyObject_CallObject(class, arguments);
}

static int push_instance(struct pickle_reader *reader, PyObject *class, PyObject *arguments) {
    PyObject *object =
        class == NULL || arguments == NULL ? NULL : instantiate(reader, class, arguments);

    Py_XDECREF(class);
    Py_XDECREF(arguments);
    return pickle_push(reader, object);
}

int pickle_load_inst(struct pickle_reader *reader) {
    PyObject *arguments, *class;
    size_t depth;

    if (pickle_pop_mark(reader, &depth) < 0) return -1;
    class = take_class(reader);
    if (class == NULL) return -1;
    arguments = pickle_pop_tuple(reader, depth);
    return push_instance(reader, class, arguments);
}

int pickle_load_obj(struct pickle_reader *reader) {
    PyObject *arguments;
    size_t depth;

    if (pickle_pop_mark(reader, &depth) < 0) return -1;
    if (reader->depth - depth < 1) return pickle_underflow(reader);
    arguments = pickle_pop_tuple(reader, depth + 1);
    return push_instance(reader, reader->stack[--reader->depth], arguments);
}

/* Calls cls.__new__(cls, *arguments, **keywords); keywords may be NULL. */
static PyObject *call_new(struct pickle_reader *reader, PyObject *class, PyObject *arguments,
                          PyObject *keywords, const char *opcode) {
    PyObject *error = reader->state->unpickling_error;
    newfunc new;

    if (!PyType_Check(class)) {
        PyErr_Format(error, "%s class argument must be a type, not %.200s", opcode,
                     Py_TYPE(class)->tp_name);
        return NULL;
    }
    new = ((PyTypeObject *)class)->tp_new;
    if (new == NULL)
        PyErr_Format(error, "%s class argument '%.200s' doesn't have __new__", opcode,
                     ((PyTypeObject *)class)->tp_name);
    else if (!PyTuple_Check(arguments))
        PyErr_Format(error, "%s args argument must be a tuple, not %.200s", opcode,
                     Py_TYPE(arguments)->tp_name);
    else if (keywords != NULL && !PyDict_Check(keywords))
        PyErr_Format(error, "%s kwargs argument must be a dict, not %.200s", opcode,
                     Py_TYPE(keywords)->tp_name);
    else
        return new((PyTypeObject *)class, arguments, keywords);
    return NULL;
}

int pickle_load_newobj(struct pickle_reader *reader) {
    PyObject *class, *arguments, *object;

    if (pickle_need(reader, 2) < 0) return -1;
    arguments = pickle_pop(reader);
    class = pickle_pop(reader);
    object = call_new(reader, class, arguments, NULL, "NEWOBJ");
    Py_DECREF(class);
    Py_DECREF(arguments);
    return pickle_push(reader, object);
}

int pickle_load_newobj_ex(struct pickle_reader *reader) {
    PyObject *class, *arguments, *keywords, *object;

    if (pickle_need(reader, 3) < 0) return -1;
    keywords = pickle_pop(reader);
    arguments = pickle_pop(reader);
    class = pickle_pop(reader);
    object = call_new(reader, class, arguments, keywords, "NEWOBJ_EX");
    Py_DECREF(class);
    Py_DECREF(arguments);
    Py_DECREF(keywords);
    return pickle_push(reader, object);
}

int pickle_load_reduce(struct pickle_reader *reader) {
    PyObject *callable, *arguments, *object = NULL;

    if (pickle_need(reader, 2) < 0) return -1;
    arguments = pickle_pop(reader);
    callable = pickle_pop(reader);
    if (PyTuple_Check(arguments))
        object = PyObject_CallObject(callable, arguments);
    else
        PyErr_SetString(PyExc_TypeError, "argument list must be a tuple");
    Py_DECREF(callable);
    Py_DECREF(arguments);
    return pickle_push(reader, object);
}

/* ---- State --------------------------------------------------------------- */

/* Attribute names are interned, as they are in the dict of an object that was
 * made by its class. */
static int update_dict(struct pickle_reader *reader, PyObject *object, PyObject *state) {
    PyObject *dict = PyObject_GetAttr(object, reader->state->names.dunder_dict), *key, *value;
    Py_ssize_t at = 0;
    int status = dict == NULL ? -1 : 0;

    while (status == 0 && PyDict_Next(state, &at, &key, &value)) {
        Py_INCREF(key);
        Py_INCREF(value);
        if (PyUnicode_CheckExact(key)) PyUnicode_InternInPlace(&key);
        status = PyDict_CheckExact(dict) ? PyDict_SetItem(dict, key, value)
                                         : PyObject_SetItem(dict, key, value);
        Py_DECREF(key);
        Py_DECREF(value);
    }
    Py_XDECREF(dict);
    return status;
}

static int set_slots(PyObject *object, PyObject *slots) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    int status = 0;

    while (status == 0 && PyDict_Next(slots, &at, &key, &value)) {
        Py_INCREF(key);
        Py_INCREF(value);
        status = PyObject_SetAttr(object, key, value);
        Py_DECREF(key);
        Py_DECREF(value);
    }
    return status;
}

/* A dict of attributes; or a pair of one, or None, and one of slots. */
static int set_default_state(struct pickle_reader *reader, PyObject *object, PyObject *state) {
    PyObject *slots = NULL;

    if (PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 2) {
        slots = PyTuple_GET_ITEM(state, 1);
        state = PyTuple_GET_ITEM(state, 0);
    }
    if (state != Py_None) {
        if (!PyDict_Check(state)) return pickle_fail(reader, "state is not a dictionary");
        if (update_dict(reader, object, state) < 0) return -1;
    }
    if (slots == NULL) return 0;
    if (!PyDict_Check(slots)) return pickle_fail(reader, "slot state is not a dictionary");
    return set_slots(object, slots);
}

static int set_state(struct pickle_reader *reader, PyObject *object, PyObject *state) {
    PyObject *method, *answer;

    if (pickle_find_attribute(object, reader->state->names.dunder_setstate, &method) < 0) return -1;
    if (method == NULL) return set_default_state(reader, object, state);
    answer = PyObject_CallOneArg(method, state);
    Py_DECREF(method);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* What is found by name belongs to the program. That a stream may use it does not
 * mean that it may change it: the attributes of a class, say, for all its users. */
static int check_own(struct pickle_reader *reader, PyObject *object) {
    if (reader->allow == NULL || !(PyType_Check(object) || PyFunction_Check(object) ||
                                   PyCFunction_Check(object) || PyModule_Check(object)))
        return 0;
    PyErr_Format(reader->state->unpickling_error, "%R is allowed, but not to be changed", object);
    return -1;
}

int pickle_load_build(struct pickle_reader *reader) {
    PyObject *state;
    int status;

    if (pickle_need(reader, 2) < 0) return -1;
    state = pickle_pop(reader);
    status = check_own(reader, pickle_top(reader));
    if (status == 0) status = set_state(reader, pickle_top(reader), state);
    Py_DECREF(state);
    return status;
}

/* ---- Persistent ids ------------------------------------------------------ */

static int push_persistent(struct pickle_reader *reader, PyObject *id) {
    PyObject *object = NULL;

    pickle_resume_gc(reader);
    if (id != NULL) object = PyObject_CallOneArg(reader->persistent_load, id);
    Py_XDECREF(id);
    return pickle_push(reader, object);
}

static int check_persistent(struct pickle_reader *reader) {
    if (reader->persistent_load != NULL) return 0;
    return pickle_fail(reader, "A load persistent id instruction was encountered, but no "
                               "persistent_load function was specified.");
}

int pickle_load_persid(struct pickle_reader *reader) {
    size_t length;
    char *line;
    PyObject *id;

    if (check_persistent(reader) < 0) return -1;
    line = pickle_read_line(reader, &length);
    if (line == NULL) return -1;
    id = PyUnicode_DecodeASCII(line, (Py_ssize_t)length, "strict");
    if (id == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return pickle_fail(reader, "persistent IDs in protocol 0 must be ASCII strings");
    return push_persistent(reader, id);
}

int pickle_load_binpersid(struct pickle_reader *reader) {
    if (check_persistent(reader) < 0) return -1;
    return push_persistent(reader, pickle_pop(reader));
}
