/* Looking the graph over: whether no other code runs while it is written.
 *
 * How deep it is is not known, and the C stack may be nearly used up by what is
 * being written: so the way back is kept in memory. */
#include "pickle_writer.h"

/* A container that is being looked at. Nothing in the graph goes away meanwhile, as
 * no other code runs: what is met is borrowed. */
struct place {
    PyObject *object;
    PyObject *owned; /* the iterator of a set, or the object itself, or NULL */
    PyObject *value; /* of a dict's pair, while its key is looked at; else NULL */
    Py_ssize_t at;
};

struct scan {
    struct pickle_writer *writer;
    struct pickle_write_memo seen; /* containers with several references; borrowed */
    struct place *places;          /* the outermost first */
    size_t count, room;
    bool bytearrays; /* are written without a call */
};

/* Takes the reference `owned`. */
static bool enter(struct scan *scan, PyObject *object, PyObject *owned) {
    if (scan->count == scan->room) {
        size_t room = scan->room ? 2 * scan->room : 8;
        struct place *grown = PyMem_Realloc(scan->places, room * sizeof *grown);

        if (grown == NULL) {
            Py_XDECREF(owned);
            return false;
        }
        scan->places = grown;
        scan->room = room;
    }
    scan->places[scan->count++] = (struct place){.object = object, .owned = owned};
    return true;
}

static void leave(struct scan *scan) { Py_XDECREF(scan->places[--scan->count].owned); }

/* The next item, NULL when there is none. Sets keep what their iterators give. */
static PyObject *next_item(struct place *place) {
    PyObject *object = place->object, *item = place->value;

    place->value = NULL;
    if (item != NULL) return item;
    if (PyDict_CheckExact(object)) {
        PyDict_Next(object, &place->at, &item, &place->value);
    } else if (PyList_CheckExact(object)) {
        if (place->at < PyList_GET_SIZE(object)) item = PyList_GET_ITEM(object, place->at++);
    } else if (PyTuple_CheckExact(object)) {
        if (place->at < PyTuple_GET_SIZE(object)) item = PyTuple_GET_ITEM(object, place->at++);
    } else {
        item = PyIter_Next(place->owned);
        Py_XDECREF(item);
    }
    return item;
}

/* Containers with one reference are met once. 1: it is new; 0: it is not; -1: no memory. */
static int is_new(struct scan *scan, PyObject *object, Py_ssize_t own_references) {
    if (Py_REFCNT(object) <= own_references) return 1;
    if (pickle_memo_find(&scan->seen, object) != NULL) return 0;
    return pickle_memo_add(&scan->seen, object, 0) ? 1 : -1;
}

/* Its dict is met through it alone, if nothing else but we has a reference. */
static bool look_at_instance(struct scan *scan, PyObject *object) {
    PyObject *dict = pickle_plain_dict(scan->writer, object);
    int status;

    if (dict == NULL) return false;
    status = is_new(scan, dict, 2);
    if (status > 0) return enter(scan, dict, dict);
    Py_DECREF(dict);
    return status == 0;
}

/* False: other code would run, or may, when it is written. */
static bool look_at(struct scan *scan, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject *iterator;
    int status;

    if (type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type ||
        object == Py_None || type == &PyBool_Type || type == &PyBytes_Type)
        return true;
    if (type == &PyByteArray_Type) return scan->bytearrays;
    status = is_new(scan, object, 1);
    if (status <= 0) return status == 0;
    if (type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type)
        return enter(scan, object, NULL);
    if (type != &PySet_Type && type != &PyFrozenSet_Type) return look_at_instance(scan, object);
    iterator = PyObject_GetIter(object);
    return iterator != NULL && enter(scan, object, iterator);
}

/* Whether the object and all it leads to are exact builtins, and plain instances,
 * that are written without running other code. */
static bool look_over(struct scan *scan, PyObject *root) {
    bool plain = look_at(scan, root);

    while (plain && scan->count > 0) {
        PyObject *item = next_item(&scan->places[scan->count - 1]);

        if (item != NULL)
            plain = look_at(scan, item);
        else
            leave(scan);
    }
    while (scan->count > 0) leave(scan);
    PyMem_Free(scan->places);
    if (!PyErr_Occurred()) return plain;
    PyErr_Clear();
    return false;
}

OWN_FRAME bool pickle_is_alone(struct pickle_writer *writer) {
    struct scan scan = {.writer = writer, .bytearrays = writer->protocol >= 5};
    bool plain;

    if (writer->protocol < 4 || writer->foreign_ran) return false;
    if (writer->persistent_id != NULL || writer->reducer_override != NULL ||
        writer->dispatch_table != NULL || writer->buffer_callback != NULL)
        return false;
    if (writer->write != NULL &&
        !(is_only_thread() && is_plain_file(&writer->state->io, writer->write)))
        return false;
    writer->gc_paused = PyGC_Disable() != 0;
    plain = look_over(&scan, writer->root);
    pickle_memo_free(&scan.seen);
    if (!plain && writer->gc_paused) PyGC_Enable();
    if (!plain) writer->gc_paused = false;
    return plain;
}
