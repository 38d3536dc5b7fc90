/* All records at once. All that is made is alive: the collector would go through it again
 * and again and find nothing, and nearly all memory that is asked for is kept. So both
 * are done without while nobody else can see that. */
#include "flat_reader.h"
#include "python/common/whole_arenas.h"

enum { MANY = 10000 }; /* records: a list of fewer is gone through quickly */

void flat_reader_keep_quiet(struct flat_reader *reader) {
    if (!reader->is_alone) return;
    reader->gc_paused = PyGC_Disable() != 0;
    if (reader->source.position >= WHOLE_ARENAS_FROM) reader->whole_arenas = whole_arenas_begin();
}

void flat_reader_let_others_run(struct flat_reader *reader) {
    if (reader->whole_arenas) whole_arenas_end();
    if (reader->gc_paused) PyGC_Enable();
    reader->whole_arenas = reader->gc_paused = false;
}

/* Asks for nothing that costs more than a small file is worth. */
static bool is_alone(const struct flat_reader *reader) {
    if (!reader->source.plain || reader->progress != NULL) return false;
    return reader->source.read == NULL || is_only_thread();
}

static PyObject *take_all(struct flat_reader *reader) {
    PyObject *records = PyList_New(0), *record;

    while (records != NULL && (record = flat_reader_next(reader)) != NULL) {
        if (PyList_Append(records, record) < 0) Py_CLEAR(records);
        Py_DECREF(record);
    }
    if (records != NULL && PyErr_Occurred()) Py_CLEAR(records);
    return records;
}

/* The collector has counted all that was made and would go through the list at once,
 * to find nothing. A collection of the youngest without the list settles that; it comes
 * to the list when others give it a reason to. */
static void settle_count(struct flat_reader *reader, PyObject *records) {
    PyObject *youngest, *found = NULL;

    if (PyList_GET_SIZE(records) < MANY) return;
    youngest = PyLong_FromLong(0);
    PyObject_GC_UnTrack(records);
    flat_reader_let_others_run(reader); /* those that the collector calls */
    if (youngest != NULL) found = PyObject_CallOneArg(flat_reader_state(reader)->collect, youngest);
    PyObject_GC_Track(records);
    if (found == NULL) PyErr_Clear();
    Py_XDECREF(found);
    Py_XDECREF(youngest);
}

PyObject *flat_reader_load(struct flat_reader *reader) {
    PyObject *records;

    reader->is_alone = is_alone(reader);
    flat_reader_keep_quiet(reader);
    records = take_all(reader);
    reader->is_alone = false;
    if (reader->gc_paused && records != NULL) settle_count(reader, records);
    flat_reader_let_others_run(reader);
    return records;
}
