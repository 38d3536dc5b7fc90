/* Records into lines. flat_write.c goes through a record with a stack of containers,
 * which is also the path that flat_write_path.c tells when there is something that is
 * no literal; flat_dump.c sends whole lines to where they go. Only exact builtins are
 * taken, so none of their methods runs. */
#ifndef SHOAL_PYTHON_FLAT_WRITER_H
#define SHOAL_PYTHON_FLAT_WRITER_H

#include "flat_state.h"
#include "shoal/flat_output.h"

/* A container that is being written. */
struct flat_inside {
    PyObject *container; /* owned */
    PyObject *iterator;  /* owned; of a set, frozenset */
    PyObject *key;       /* owned; of a dict: of the item at hand */
    Py_ssize_t next;     /* index of the next item; of a dict: for PyDict_Next */
    Py_ssize_t count;    /* items written, the one at hand too */
    PyTypeObject *type;  /* of the container */
    bool in_key;         /* of a dict: the item at hand is a key */
};

struct flat_writer {
    struct flat_output output;
    struct flat_bounds bounds;
    struct flat_inside *inside;
    size_t depth, room;
    size_t levels; /* brackets that are open: a frozenset has two */

    size_t line;     /* offset in the buffer of the line at hand */
    uint64_t record; /* its number, from 0 */
    PyObject *bytes; /* the buffer, if all is to be one bytes object */
    unsigned char *buffer; /* else; owned */
    bool too_long;   /* make_room refused because of max_line */
};

/* Writes a record, without a line feed. -1 and an exception: nothing of it is left in
 * the buffer. */
int flat_write_record(struct flat_writer *writer, PyObject *record);

/* Where the writer is: "record 17, [2]['key']". A new reference or NULL. */
PyObject *flat_writer_place(const struct flat_writer *writer);

/* Raise TypeError and ValueError that begin with the place; return -1. */
int flat_no_literal(const struct flat_writer *writer, PyObject *object);
int flat_writer_fail(const struct flat_writer *writer, const char *format, Py_ssize_t bound);

#endif
