/* Whether a file, and the interpreter, run code of others while we use them.
 *
 * What is sure not to be kept, changed or looked at meanwhile need not be copied, and
 * the collector can wait. The answers hold for the calling thread, which has the
 * interpreter lock, and until it runs other code. */
#ifndef SHOAL_PYTHON_PLAIN_FILE_H
#define SHOAL_PYTHON_PLAIN_FILE_H

#include "python/common/compat.h"

#include <stdbool.h>
#include <stdint.h>

/* CPython's own types of binary files. They are part of the state of a module, since
 * each interpreter has its own; like all of a state, visited and cleared by the owner. */
struct io_types {
    PyObject *buffered_reader, *buffered_writer, *buffered_random, *bytes_io, *file_io;
};

/* Looks the types up in _io. -1 and an exception if one is missing; those found stay. */
int io_types_fill(struct io_types *types);

/* Whether a bound method is one of C's, of a file that runs no Python code: memory, or
 * a file of the io module over a real one whose methods are those it came with. `method`
 * may be any object. No exception. Cost: for a buffered file three attributes. */
bool is_plain_file(const struct io_types *types, PyObject *method);

/* Bytes from where a plain file stands to its end, as far as the kernel knows; 0: that
 * is not known, or `method` is of memory. A file with a buffer may have taken some of
 * them before. No exception. */
uint64_t plain_file_left(PyObject *method);

/* Whether this interpreter has no other thread. Reading and writing give the lock away
 * for a time: then to nobody. */
bool is_only_thread(void);

#endif
