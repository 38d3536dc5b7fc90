/* Pickler: a writer with a memo that lives as long as the object does. */
#include "pickle_pickler.h"

#include "pickle_compat.h"
#include "pickle_hook.h"
#include "pickle_options.h"

int pickle_writer_set(struct pickle_writer *writer, PyObject *protocol, int fix_imports,
                      PyObject *buffer_callback) {
    long number = PICKLE_DEFAULT_PROTOCOL;

    if (protocol != NULL && protocol != Py_None) {
        number = PyLong_AsLong(protocol);
        if (number == -1 && PyErr_Occurred()) return -1;
        if (number < 0) number = PICKLE_HIGHEST_PROTOCOL;
        if (number > PICKLE_HIGHEST_PROTOCOL) {
            PyErr_Format(PyExc_ValueError, "pickle protocol must be <= %d",
                         PICKLE_HIGHEST_PROTOCOL);
            return -1;
        }
    }
    if (buffer_callback == Py_None) buffer_callback = NULL;
    if (buffer_callback != NULL && number < 5) {
        PyErr_SetString(PyExc_ValueError, "buffer_callback needs protocol >= 5");
        return -1;
    }
    writer->protocol = (int)number;
    writer->binary = number > 0;
    writer->fix_imports = fix_imports && number < 3;
    Py_XSETREF(writer->buffer_callback, Py_XNewRef(buffer_callback));
    return 0;
}

static PyObject *pickler_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                             PyObject *Py_UNUSED(keywords)) {
    struct pickler *self = (struct pickler *)type->tp_alloc(type, 0);

    if (self == NULL) return NULL;
    self->writer.state = pickle_state_of(type);
    if (self->writer.state == NULL) Py_CLEAR(self);
    return (PyObject *)self;
}

static int pickler_init(PyObject *object, PyObject *args, PyObject *keywords) {
    static char *names[] = {"file", "protocol", "fix_imports", "buffer_callback", NULL};
    struct pickler *self = (struct pickler *)object;
    struct pickle_writer *writer = &self->writer;
    PyObject *file, *protocol = NULL, *buffer_callback = NULL, *dispatch_table;
    int fix_imports = 1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|OpO:Pickler", names, &file, &protocol,
                                     &fix_imports, &buffer_callback))
        return -1;
    if (writer->running) {
        PyErr_SetString(PyExc_RuntimeError, "Pickler object is already used");
        return -1;
    }
    pickle_writer_close(writer);
    if (pickle_writer_set(writer, protocol, fix_imports, buffer_callback) < 0) return -1;
    if (pickle_writer_open(writer, file) < 0) return -1;
    writer->rule = MEMO_ALL;
    writer->fast = 0;
    /* A subclass may have one, or may have set it before it called us. */
    if (pickle_find_attribute(object, writer->state->names.dispatch_table, &dispatch_table) < 0)
        return -1;
    Py_XSETREF(self->dispatch_table, dispatch_table);
    return 0;
}

/* ---- dump ---------------------------------------------------------------- */

static PyObject *pickler_persistent_id(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(object)) {
    Py_RETURN_NONE;
}

/* The hooks that the instance or its class has now. Ours, which does nothing,
 * is as good as none. */
static int fetch_hooks(struct pickler *self) {
    struct pickle_writer *writer = &self->writer;
    PyObject *hook = Py_XNewRef(self->persistent_id);

    if (hook == NULL &&
        pickle_find_attribute((PyObject *)self, writer->state->names.persistent_id, &hook) < 0)
        return -1;
    if (hook != NULL && PyCFunction_Check(hook) &&
        PyCFunction_GET_FUNCTION(hook) == pickler_persistent_id)
        Py_CLEAR(hook);
    Py_XSETREF(writer->persistent_id, hook);
    hook = NULL;
    if (pickle_find_attribute((PyObject *)self, writer->state->names.reducer_override, &hook) < 0)
        return -1;
    Py_XSETREF(writer->reducer_override, hook);
    Py_XSETREF(writer->dispatch_table, Py_XNewRef(self->dispatch_table));
    return 0;
}

static PyObject *pickler_dump(PyObject *object, PyObject *root) {
    struct pickler *self = (struct pickler *)object;
    struct pickle_writer *writer = &self->writer;
    unsigned char small[1024];
    int status;

    if (writer->write == NULL) {
        PyErr_Format(writer->state->pickling_error,
                     "Pickler.__init__() was not called by %s.__init__()",
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    if (writer->running) {
        PyErr_SetString(PyExc_RuntimeError, "Pickler object is already used");
        return NULL;
    }
    if (fetch_hooks(self) < 0) return NULL;
    writer->running = true;
    pickle_writer_use(writer, small, sizeof small);
    status = pickle_write_stream(writer, root);
    writer->running = false;
    PyMem_Free(writer->buffer);
    writer->buffer = NULL;
    /* Bound methods: they would keep the Pickler alive. */
    Py_CLEAR(writer->persistent_id);
    Py_CLEAR(writer->reducer_override);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *pickler_clear_memo(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    pickle_write_memo_release(&((struct pickler *)self)->writer.memo);
    Py_RETURN_NONE;
}

static PyObject *pickler_sizeof(PyObject *object, PyObject *Py_UNUSED(ignored)) {
    const struct pickle_write_memo *memo = &((struct pickler *)object)->writer.memo;
    size_t size = (size_t)Py_TYPE(object)->tp_basicsize;

    size += memo->capacity * sizeof *memo->entries;
    if (memo->table != NULL) size += (memo->mask + 1) * sizeof *memo->table;
    return PyLong_FromSize_t(size);
}

/* ---- The type ------------------------------------------------------------ */

static PyObject *pickler_getattro(PyObject *object, PyObject *name) {
    return pickle_hook_get(object, name, "persistent_id",
                           ((struct pickler *)object)->persistent_id);
}

static int pickler_setattro(PyObject *object, PyObject *name, PyObject *value) {
    return pickle_hook_set(object, name, value, "persistent_id",
                           &((struct pickler *)object)->persistent_id);
}

static int pickler_traverse(PyObject *object, visitproc visit, void *arg) {
    struct pickler *self = (struct pickler *)object;
    struct pickle_writer *writer = &self->writer;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->persistent_id);
    Py_VISIT(self->dispatch_table);
    Py_VISIT(writer->write);
    Py_VISIT(writer->persistent_id);
    Py_VISIT(writer->reducer_override);
    Py_VISIT(writer->dispatch_table);
    Py_VISIT(writer->buffer_callback);
    Py_VISIT(writer->fast_open);
    for (size_t i = 0; i < writer->memo.count; i++)
        Py_VISIT((PyObject *)writer->memo.entries[i].object);
    return 0;
}

static int pickler_clear(PyObject *object) {
    struct pickler *self = (struct pickler *)object;

    Py_CLEAR(self->persistent_id);
    Py_CLEAR(self->dispatch_table);
    if (!self->writer.running) pickle_writer_close(&self->writer);
    return 0;
}

static void pickler_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    if (((struct pickler *)object)->weak_references != NULL) PyObject_ClearWeakRefs(object);
    pickler_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef pickler_methods[] = {
    {"dump", pickler_dump, METH_O,
     "dump($self, obj, /)\n--\n\nWrite a pickle of obj to the open file."},
    {"clear_memo", pickler_clear_memo, METH_NOARGS,
     "clear_memo($self, /)\n--\n\nForget which objects have been written: later ones are\n"
     "written in full again, not as references to them."},
    {"persistent_id", pickler_persistent_id, METH_O,
     "persistent_id($self, obj, /)\n--\n\nThe persistent id of obj; None: write it in full."},
    {"__sizeof__", pickler_sizeof, METH_NOARGS,
     "__sizeof__($self, /)\n--\n\nBytes of memory, with the memo's."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef pickler_members[] = {
    {"bin", T_INT, offsetof(struct pickler, writer.binary), 0, NULL},
    {"fast", T_INT, offsetof(struct pickler, writer.fast), 0, NULL},
    {"dispatch_table", T_OBJECT_EX, offsetof(struct pickler, dispatch_table), 0, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct pickler, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef pickler_getset[] = {
    {"memo", pickler_get_memo, pickler_set_memo, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const char pickler_doc[] =
    "Pickler(file, protocol=None, fix_imports=True, buffer_callback=None)\n--\n\n"
    "Writes pickles to a file, as pickle.Pickler does.\n\n"
    "What has been written stays in the memo until clear_memo(): an object that\n"
    "was in one dump() is a reference to it in the next.";

PyObject *pickle_make_pickler_type(PyObject *module) {
    static PyType_Slot slots[] = {
        {Py_tp_new, pickler_new},           {Py_tp_init, pickler_init},
        {Py_tp_dealloc, pickler_dealloc},   {Py_tp_traverse, pickler_traverse},
        {Py_tp_clear, pickler_clear},       {Py_tp_getattro, pickler_getattro},
        {Py_tp_setattro, pickler_setattro}, {Py_tp_methods, pickler_methods},
        {Py_tp_members, pickler_members},   {Py_tp_getset, pickler_getset},
        {Py_tp_doc, (void *)pickler_doc},   {0, NULL},
    };
    static PyType_Spec spec = {"shoal._serial.Pickler", sizeof(struct pickler), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC |
                                   Py_TPFLAGS_BASETYPE,
                               slots};

    return PyType_FromModuleAndSpec(module, &spec, NULL);
}
