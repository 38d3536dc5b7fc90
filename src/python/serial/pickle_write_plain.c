/* Instances of plain classes: those that say nothing of how they are pickled, and
 * keep all they have in their dict. What object.__reduce_ex__ would answer is
 * known without asking, and no code but ours runs while they are written. */
#include "pickle_writer.h"

/* Names by which a class, or an instance, takes part in its own pickling. */
static PyObject *hook_at(const struct pickle_state *state, int i) {
    PyObject *const hooks[] = {
        state->names.dunder_reduce_ex,     state->names.dunder_reduce,
        state->names.dunder_getstate,      state->names.dunder_getnewargs,
        state->names.dunder_getnewargs_ex, state->names.dunder_class,
    };

    return i < (int)(sizeof hooks / sizeof hooks[0]) ? hooks[i] : NULL;
}

/* 1: the class's own dict has the name; 0: it has not; -1: failed. */
static int has_own(PyObject *class, PyObject *name) {
    return PyDict_Contains(((PyTypeObject *)class)->tp_dict, name);
}

/* Slots that copyreg would find: anything but an empty tuple may name some. */
static bool has_slots(const struct pickle_state *state, PyObject *class) {
    PyObject *dict = ((PyTypeObject *)class)->tp_dict;
    PyObject *slots = PyDict_GetItemWithError(dict, state->names.dunder_slots);
    PyObject *names = PyDict_GetItemWithError(dict, state->names.dunder_slotnames);

    if (slots != NULL && slots != state->empty_tuple) return true;
    return names != NULL && !(PyList_CheckExact(names) && PyList_GET_SIZE(names) == 0);
}

static bool base_is_plain(const struct pickle_state *state, PyObject *class) {
    PyObject *dict, *hook;

    if (class == (PyObject *)&PyBaseObject_Type) return true;
    if (!PyType_Check(class) || !PyType_HasFeature((PyTypeObject *)class, Py_TPFLAGS_HEAPTYPE))
        return false;
    for (int i = 0; (hook = hook_at(state, i)) != NULL; i++)
        if (has_own(class, hook) != 0) return false;
    if (has_slots(state, class)) return false;
    dict = PyDict_GetItemWithError(((PyTypeObject *)class)->tp_dict, state->names.dunder_dict);
    return dict == NULL || Py_IS_TYPE(dict, &PyGetSetDescr_Type);
}

/* Whether instances have a dict and nothing else: no fields of C. */
static bool has_plain_layout(PyTypeObject *type) {
    Py_ssize_t most = PyBaseObject_Type.tp_basicsize + 2 * (Py_ssize_t)sizeof(PyObject *);

    return type->tp_dictoffset != 0 && type->tp_itemsize == 0 && type->tp_basicsize <= most;
}

/* A module that is being imported is waited for, in Python code. */
static bool is_being_imported(PyObject *module) {
    PyObject *spec = PyDict_GetItemString(PyModule_GetDict(module), "__spec__"), *flag;
    bool busy;

    if (spec == NULL || spec == Py_None) return false;
    flag = PyObject_GetAttrString(spec, "_initializing");
    busy = flag != NULL && flag != Py_False;
    Py_XDECREF(flag);
    PyErr_Clear();
    return busy;
}

/* Whether the class is where its name says, found without running any code. */
static bool is_findable(const struct pickle_state *state, PyTypeObject *type) {
    PyObject *name = PyDict_GetItemWithError(type->tp_dict, state->names.dunder_module);
    PyObject *own = ((PyHeapTypeObject *)type)->ht_qualname;
    PyObject *modules = PySys_GetObject("modules"), *module;

    if (modules == NULL || !PyDict_CheckExact(modules) || name == NULL) return false;
    if (!PyUnicode_CheckExact(name)) return false;
    module = PyDict_GetItemWithError(modules, name);
    if (module == NULL || !PyModule_CheckExact(module) || is_being_imported(module)) return false;
    return PyDict_GetItemWithError(PyModule_GetDict(module), own) == (PyObject *)type;
}

static bool look_at_type(const struct pickle_state *state, PyTypeObject *type) {
    PyObject *mro = type->tp_mro;

    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) ||
        !Py_IS_TYPE((PyObject *)type, &PyType_Type))
        return false;
    if (type->tp_getattro != PyObject_GenericGetAttr || type->tp_new == NULL) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++)
        if (!base_is_plain(state, PyTuple_GET_ITEM(mro, i))) return false;
    return has_plain_layout(type) && is_findable(state, type);
}

/* The answer is kept as long as the class stays as it is. */
static bool type_is_plain(struct pickle_writer *writer, PyTypeObject *type) {
    size_t slot = ((uintptr_t)type >> 6) % PICKLE_KNOWN_TYPES;
    struct known_type *known = &writer->known_types[slot];

    if (known->type == type && known->version != 0 && known->version == type->tp_version_tag)
        return known->plain;
    known->plain = look_at_type(writer->state, type);
    _PyType_Lookup(type, writer->state->names.dunder_reduce); /* gives it a version */
    known->version = type->tp_version_tag;
    Py_INCREF(type);
    Py_XSETREF(known->type, type);
    return known->plain;
}

/* A key with two underscores might be one of the names above. */
static bool has_special_key(PyObject *dict) {
    PyObject *key;
    Py_ssize_t at = 0;

    while (PyDict_Next(dict, &at, &key, NULL)) {
        if (!PyUnicode_CheckExact(key)) return true;
        if (PyUnicode_GET_LENGTH(key) > 1 && PyUnicode_READ_CHAR(key, 0) == '_' &&
            PyUnicode_READ_CHAR(key, 1) == '_')
            return true;
    }
    return false;
}

/* Whether copyreg, or the Pickler, has a function for the type. */
static bool is_registered(struct pickle_writer *writer, PyTypeObject *type) {
    bool registered;

    if (writer->dispatch_table != NULL) return true;
    registered = PyDict_Contains(writer->state->dispatch_table, (PyObject *)type) != 0;
    PyErr_Clear();
    return registered;
}

OWN_FRAME PyObject *pickle_plain_dict(struct pickle_writer *writer, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject *dict;

    if (writer->protocol < 2 || writer->reducer_override != NULL) return NULL;
    if (!type_is_plain(writer, type) || is_registered(writer, type)) return NULL;
    dict = PyObject_GenericGetDict(object, NULL);
    if (dict == NULL || !PyDict_CheckExact(dict) || has_special_key(dict)) {
        PyErr_Clear();
        Py_CLEAR(dict);
    }
    return dict;
}

/* As the writer of what reduce methods return would say. */
static int note(PyObject *object, const char *what) {
    pickle_note(object, what);
    return pickle_note(object, "object");
}

static int write_state(struct pickle_writer *writer, PyObject *object, PyObject *dict, bool own) {
    if (PyDict_GET_SIZE(dict) == 0) return 0;
    if (pickle_write_object(writer, dict, own && writer->rule == MEMO_SHARED) < 0)
        return note(object, "state");
    return pickle_put_opcode(&writer->output, PICKLE_BUILD) ? 0 : -1;
}

/* The dict has two references when nothing but the instance and we have it. If
 * others have it too, it goes into the memo, and the instance must as well: written
 * a second time as part of a cycle, it would be built from a dict that is not yet
 * filled. */
OWN_FRAME int pickle_write_plain(struct pickle_writer *writer, PyObject *object, PyObject *dict,
                                 bool sole) {
    bool own = pickle_is_sole(dict, 2);
    bool spared = pickle_spares_mutable(writer, object, sole && own);

    if (pickle_write_object(writer, (PyObject *)Py_TYPE(object), false) < 0)
        return note(object, "class");
    if (!pickle_put_opcode(&writer->output, PICKLE_EMPTY_TUPLE) ||
        !pickle_put_opcode(&writer->output, PICKLE_NEWOBJ))
        return -1;
    if (!spared && pickle_memorize(writer, object) < 0) return -1;
    return write_state(writer, object, dict, own);
}
