/* What goes into the memo and what stays out of it: the rule of docs/pickle.md. */
#include "pickle_writer.h"

int pickle_write_from_memo(struct pickle_writer *writer, PyObject *object) {
    const struct pickle_memo_entry *entry;

    if (writer->fast) return 0;
    entry = pickle_memo_find(&writer->memo, object);
    if (entry == NULL) return 0;
    return pickle_put_memo_get(&writer->output, entry->index, writer->binary) ? 1 : -1;
}

int pickle_memorize(struct pickle_writer *writer, PyObject *object) {
    size_t index = writer->memo.count;

    if (writer->fast) return 0;
    if (!pickle_memo_add(&writer->memo, object, index)) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(object);
    return pickle_put_memo_put(&writer->output, index, writer->binary, writer->protocol >= 4) ? 0
                                                                                              : -1;
}

void pickle_write_memo_release(struct pickle_write_memo *memo) {
    struct pickle_write_memo former = *memo;

    memset(memo, 0, sizeof *memo);
    for (size_t i = 0; i < former.count; i++) Py_DECREF((PyObject *)former.entries[i].object);
    pickle_memo_free(&former);
}

bool pickle_begin(struct pickle_writer *writer, struct unfinished *mark, PyObject *object) {
    bool again = false;

    for (struct unfinished *open = writer->unfinished; open != NULL && !again; open = open->outer)
        again = open->object == object;
    *mark = (struct unfinished){object, writer->unfinished};
    writer->unfinished = mark;
    writer->suspended += again;
    return again;
}

void pickle_finish(struct pickle_writer *writer, struct unfinished *mark, bool again) {
    writer->unfinished = mark->outer;
    writer->suspended -= again;
}

/* ---- Looking the graph over ---------------------------------------------- */

enum { SCAN_DEPTH = 2000 };

struct scan {
    struct pickle_writer *writer;
    struct pickle_write_memo seen; /* containers with several references; borrowed */
    bool bytearrays;               /* are written without a call */
    unsigned depth;
};

static bool scan_object(struct scan *scan, PyObject *object);

static bool scan_set(struct scan *scan, PyObject *set) {
    PyObject *iterator = PyObject_GetIter(set), *item;
    bool plain = iterator != NULL;

    while (plain && (item = PyIter_Next(iterator)) != NULL) {
        plain = scan_object(scan, item);
        Py_DECREF(item);
    }
    Py_XDECREF(iterator);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return false;
    }
    return plain;
}

static bool scan_items(struct scan *scan, PyObject *object);

/* Its dict is met through it alone, if nothing else but we has a reference. */
static bool scan_instance(struct scan *scan, PyObject *object) {
    PyObject *dict = pickle_plain_dict(scan->writer, object);
    bool plain = false;

    if (dict != NULL)
        plain = Py_REFCNT(dict) == 2 ? scan_items(scan, dict) : scan_object(scan, dict);
    Py_XDECREF(dict);
    return plain;
}

static bool scan_items(struct scan *scan, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject *key, *value;
    Py_ssize_t at = 0;

    if (type == &PyDict_Type) {
        while (PyDict_Next(object, &at, &key, &value))
            if (!scan_object(scan, key) || !scan_object(scan, value)) return false;
        return true;
    }
    if (type == &PyList_Type) {
        for (; at < PyList_GET_SIZE(object); at++)
            if (!scan_object(scan, PyList_GET_ITEM(object, at))) return false;
        return true;
    }
    if (type == &PyTuple_Type) {
        for (; at < PyTuple_GET_SIZE(object); at++)
            if (!scan_object(scan, PyTuple_GET_ITEM(object, at))) return false;
        return true;
    }
    if (type == &PySet_Type || type == &PyFrozenSet_Type) return scan_set(scan, object);
    return scan_instance(scan, object);
}

/* Whether the object and all it leads to are exact builtins, and plain instances,
 * that are written without running other code. Containers with one reference are met once. */
static bool scan_object(struct scan *scan, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    bool plain;

    if (type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type ||
        object == Py_None || type == &PyBool_Type || type == &PyBytes_Type)
        return true;
    if (type == &PyByteArray_Type) return scan->bytearrays;
    if (Py_REFCNT(object) > 1) {
        if (pickle_memo_find(&scan->seen, object) != NULL) return true;
        if (!pickle_memo_add(&scan->seen, object, 0)) return false;
    }
    if (scan->depth == SCAN_DEPTH) return false;
    scan->depth++;
    plain = scan_items(scan, object);
    scan->depth--;
    return plain;
}

/* Whether no code but this writer's can run until the dump is over. The collector,
 * which runs finalizers, is stopped for that time. */
static bool is_alone(struct pickle_writer *writer) {
    struct scan scan = {.writer = writer, .bytearrays = writer->protocol >= 5};
    struct pickle_memo_entry few[PICKLE_FEW];
    bool plain;

    if (!CAN_PAUSE_GC || writer->protocol < 4 || writer->foreign_ran) return false;
    if (writer->persistent_id != NULL || writer->reducer_override != NULL ||
        writer->dispatch_table != NULL || writer->buffer_callback != NULL)
        return false;
    if (writer->write != NULL &&
        !(is_only_thread() && is_plain_file(&writer->state->io, writer->write)))
        return false;
    writer->gc_paused = PyGC_Disable() != 0;
    pickle_memo_lend(&scan.seen, few);
    plain = scan_object(&scan, writer->root);
    pickle_memo_free(&scan.seen);
    if (!plain && writer->gc_paused) PyGC_Enable();
    if (!plain) writer->gc_paused = false;
    return plain;
}

/* As long as the memo costs nothing it costs less than looking the graph over. Before
 * an instance it must be done: writing its class looks for that, which is other code. */
static bool can_wait(const struct pickle_writer *writer, PyObject *object) {
    return writer->memo.count < PICKLE_FEW &&
           !PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE);
}

bool pickle_spares_mutable(struct pickle_writer *writer, PyObject *object, bool sole) {
    if (!pickle_spares_immutable(writer, sole)) return false;
    if (object == writer->temporary) return true;
    if (writer->rule == MEMO_UNDECIDED) {
        if (can_wait(writer, object)) return false;
        writer->rule = is_alone(writer) ? MEMO_SHARED : MEMO_MUTABLE;
    }
    return writer->rule == MEMO_SHARED;
}
