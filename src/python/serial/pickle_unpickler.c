/* Unpickler: a reader with a memo that lives as long as the object does. */
#include "pickle_unpickler.h"

#include "pickle_hook.h"
#include "pickle_options.h"

/* ---- Parameters ---------------------------------------------------------- */

static char *copy_of(const char *text) {
    char *copy = PyMem_Malloc(strlen(text) + 1);

    if (copy == NULL) PyErr_NoMemory();
    return copy == NULL ? NULL : strcpy(copy, text);
}

int pickle_reader_set(struct pickle_reader *reader, const struct pickle_read_options *options) {
    reader->fix_imports = options->fix_imports;
    reader->encoding = copy_of(options->encoding);
    reader->errors = copy_of(options->errors);
    if (reader->encoding == NULL || reader->errors == NULL) return -1;
    if (options->buffers != NULL && options->buffers != Py_None) {
        reader->buffers = PyObject_GetIter(options->buffers);
        if (reader->buffers == NULL) return -1;
    }
    if (options->allow != NULL && options->allow != Py_None) {
        if (PyUnicode_Check(options->allow)) {
            PyErr_SetString(PyExc_TypeError, "allow must be a set of names, not one string");
            return -1;
        }
        reader->allow = PyFrozenSet_New(options->allow);
        if (reader->allow == NULL) return -1;
    }
    if (!options->share) return 0;
    reader->cache = PyMem_Calloc(PICKLE_CACHE_SLOTS, sizeof *reader->cache);
    if (reader->cache == NULL) PyErr_NoMemory();
    return reader->cache == NULL ? -1 : 0;
}

static PyObject *unpickler_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                               PyObject *Py_UNUSED(keywords)) {
    struct unpickler *self = (struct unpickler *)type->tp_alloc(type, 0);

    if (self == NULL) return NULL;
    self->reader.state = pickle_state_of(type);
    if (self->reader.state == NULL) Py_CLEAR(self);
    return (PyObject *)self;
}

static int unpickler_init(PyObject *object, PyObject *args, PyObject *keywords) {
    static char *names[] = {"file",    "fix_imports", "encoding", "errors",
                            "buffers", "allow",       "share",    NULL};
    struct pickle_reader *reader = &((struct unpickler *)object)->reader;
    struct pickle_read_options options = {NULL, NULL, "ASCII", "strict", 1, 0};
    PyObject *file;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$pssOOp:Unpickler", names, &file,
                                     &options.fix_imports, &options.encoding, &options.errors,
                                     &options.buffers, &options.allow, &options.share))
        return -1;
    if (reader->running) {
        PyErr_SetString(PyExc_RuntimeError, "Unpickler object is already used");
        return -1;
    }
    pickle_reader_close(reader);
    if (pickle_reader_set(reader, &options) < 0) return -1;
    return pickle_reader_open(reader, file);
}

/* ---- load ---------------------------------------------------------------- */

static PyObject *unpickler_persistent_load(PyObject *self, PyObject *Py_UNUSED(id)) {
    PyErr_SetString(((struct unpickler *)self)->reader.state->unpickling_error,
                    "A load persistent id instruction was encountered, but no persistent_load "
                    "function was specified.");
    return NULL;
}

static PyObject *unpickler_find_class(PyObject *self, PyObject *args) {
    PyObject *module_name, *name;

    if (!PyArg_ParseTuple(args, "UU:find_class", &module_name, &name)) return NULL;
    return pickle_find_class(&((struct unpickler *)self)->reader, module_name, name);
}

/* A method of the instance, unless it is the one of this file. */
static int fetch_hook(PyObject *self, PyObject *name, PyCFunction own, PyObject **hook) {
    PyObject *found;

    if (pickle_find_attribute(self, name, &found) < 0) return -1;
    if (found != NULL && PyCFunction_Check(found) && PyCFunction_GET_FUNCTION(found) == own)
        Py_CLEAR(found);
    Py_XSETREF(*hook, found);
    return 0;
}

static int fetch_hooks(struct unpickler *self) {
    struct pickle_reader *reader = &self->reader;

    if (fetch_hook((PyObject *)self, reader->state->names.find_class, unpickler_find_class,
                   &reader->find_class) < 0)
        return -1;
    return fetch_hook((PyObject *)self, reader->state->names.persistent_load,
                      unpickler_persistent_load, &reader->persistent_load);
}

static PyObject *unpickler_load(PyObject *object, PyObject *Py_UNUSED(ignored)) {
    struct unpickler *self = (struct unpickler *)object;
    struct pickle_reader *reader = &self->reader;
    PyObject *result;

    if (reader->source.read == NULL) {
        PyErr_Format(reader->state->unpickling_error,
                     "Unpickler.__init__() was not called by %s.__init__()",
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    if (reader->running) {
        PyErr_SetString(PyExc_RuntimeError, "Unpickler object is already used");
        return NULL;
    }
    if (fetch_hooks(self) < 0) return NULL;
    reader->running = true;
    result = pickle_read_stream(reader);
    reader->running = false;
    Py_CLEAR(reader->find_class);
    Py_CLEAR(reader->persistent_load);
    return result;
}

static PyObject *unpickler_sizeof(PyObject *object, PyObject *Py_UNUSED(ignored)) {
    const struct pickle_reader *reader = &((struct unpickler *)object)->reader;
    size_t size = (size_t)Py_TYPE(object)->tp_basicsize + reader->source.size + reader->line_size;

    size += reader->memo.capacity * sizeof *reader->memo.array;
    if (reader->memo.table != NULL) size += (reader->memo.mask + 1) * sizeof *reader->memo.table;
    size +=
        reader->capacity * sizeof *reader->stack + reader->mark_capacity * sizeof *reader->marks;
    return PyLong_FromSize_t(size);
}

/* ---- The type ------------------------------------------------------------ */

static PyObject *unpickler_getattro(PyObject *object, PyObject *name) {
    return pickle_hook_get(object, name, "persistent_load",
                           ((struct unpickler *)object)->persistent_load);
}

static int unpickler_setattro(PyObject *object, PyObject *name, PyObject *value) {
    return pickle_hook_set(object, name, value, "persistent_load",
                           &((struct unpickler *)object)->persistent_load);
}

static int visit_memo(const struct pickle_read_memo *memo, visitproc visit, void *arg) {
    size_t cursor = 0, index;
    void *object;

    while (pickle_read_memo_next(memo, &cursor, &index, &object)) Py_VISIT((PyObject *)object);
    return 0;
}

static int unpickler_traverse(PyObject *object, visitproc visit, void *arg) {
    struct unpickler *self = (struct unpickler *)object;
    struct pickle_reader *reader = &self->reader;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->persistent_load);
    Py_VISIT(reader->source.read);
    Py_VISIT(reader->source.readline);
    Py_VISIT(reader->source.readinto);
    Py_VISIT(reader->source.peek);
    Py_VISIT(reader->buffers);
    Py_VISIT(reader->persistent_load);
    Py_VISIT(reader->find_class);
    Py_VISIT(reader->allow);
    for (size_t i = 0; i < reader->depth; i++) Py_VISIT(reader->stack[i]);
    return visit_memo(&reader->memo, visit, arg);
}

static int unpickler_clear(PyObject *object) {
    struct unpickler *self = (struct unpickler *)object;

    Py_CLEAR(self->persistent_load);
    if (!self->reader.running) pickle_reader_close(&self->reader);
    return 0;
}

static void unpickler_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    if (((struct unpickler *)object)->weak_references != NULL) PyObject_ClearWeakRefs(object);
    unpickler_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef unpickler_methods[] = {
    {"load", unpickler_load, METH_NOARGS,
     "load($self, /)\n--\n\nRead a pickle from the file and return the object in it."},
    {"find_class", unpickler_find_class, METH_VARARGS,
     "find_class($self, module_name, global_name, /)\n--\n\n"
     "Import the module and return what it has under that name."},
    {"persistent_load", unpickler_persistent_load, METH_O,
     "persistent_load($self, pid, /)\n--\n\nThe object with that persistent id."},
    {"__sizeof__", unpickler_sizeof, METH_NOARGS,
     "__sizeof__($self, /)\n--\n\nBytes of memory, with the memo's."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef unpickler_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct unpickler, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef unpickler_getset[] = {
    {"memo", unpickler_get_memo, unpickler_set_memo, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const char unpickler_doc[] =
    "Unpickler(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=None,\n"
    "          allow=None, share=False)\n--\n\n"
    "Reads pickles from a file, as pickle.Unpickler does.\n\n"
    "allow: the only globals that may be found, as 'module.name'. share: immutable\n"
    "leaves that are equal become one object, as far as a small cache sees it.";

PyObject *pickle_make_unpickler_type(PyObject *module) {
    static PyType_Slot slots[] = {
        {Py_tp_new, unpickler_new},           {Py_tp_init, unpickler_init},
        {Py_tp_dealloc, unpickler_dealloc},   {Py_tp_traverse, unpickler_traverse},
        {Py_tp_clear, unpickler_clear},       {Py_tp_getattro, unpickler_getattro},
        {Py_tp_setattro, unpickler_setattro}, {Py_tp_methods, unpickler_methods},
        {Py_tp_members, unpickler_members},   {Py_tp_getset, unpickler_getset},
        {Py_tp_doc, (void *)unpickler_doc},   {0, NULL},
    };
    static PyType_Spec spec = {"shoal._serial.Unpickler", sizeof(struct unpickler), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC |
                                   Py_TPFLAGS_BASETYPE,
                               slots};

    return PyType_FromModuleAndSpec(module, &spec, NULL);
}
