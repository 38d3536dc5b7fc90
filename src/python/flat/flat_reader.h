/* The reader of records: the struct of the type Reader, over a source of lines and a
 * parser. flat_reader.c has the records one by one, flat_reader_load.c all that are
 * left at once, flat_reader_type.c what Python sees. */
#ifndef SHOAL_PYTHON_FLAT_READER_H
#define SHOAL_PYTHON_FLAT_READER_H

#include "flat_parser.h"

struct flat_reader {
    PyObject_HEAD struct flat_source source;
    struct flat_parser parser;
    PyObject *name;     /* str or None */
    PyObject *list;     /* of errors */
    PyObject *progress; /* NULL: none */
    PyObject *owned;    /* the file, if it is to be closed at the end; NULL: not */
    enum flat_errors errors;
    uint64_t skipped;
    uint64_t look_at; /* position from which on signals and progress are due */
    bool running;     /* in a method: code that it calls must not use the reader */

    /* Of a load that nobody else can see: no other thread, and no Python code but that
     * for signals and bad lines. */
    bool is_alone;
    bool gc_paused;    /* by us, while it is so */
    bool whole_arenas; /* are asked for, while it is so */
};

static inline struct flat_state *flat_reader_state(struct flat_reader *reader) {
    return PyModule_GetState(((PyHeapTypeObject *)Py_TYPE(reader))->ht_module);
}

/* Enters a method: -1 and an exception, if another is running. It ends with running = false. */
int flat_reader_enter(struct flat_reader *reader);

/* The next record; NULL without an exception: there is none. */
PyObject *flat_reader_next(struct flat_reader *reader);

/* Signals, and what the caller wants to be told; due from `look_at` on. -1: an exception. */
int flat_reader_look_around(struct flat_reader *reader);

/* Lets the source go, and closes the file if it is ours; keeps an exception. -1: there
 * is one. */
int flat_reader_close_source(struct flat_reader *reader);

/* flat_reader_load.c: the records that are left, in a list. */
PyObject *flat_reader_load(struct flat_reader *reader);

/* While a load is alone: from here on, and until other code may run. */
void flat_reader_keep_quiet(struct flat_reader *reader);
void flat_reader_let_others_run(struct flat_reader *reader);

#endif
