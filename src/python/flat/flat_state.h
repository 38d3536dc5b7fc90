/* What the module shoal._flat holds for each interpreter, and what its functions share. */
#ifndef SHOAL_PYTHON_FLAT_STATE_H
#define SHOAL_PYTHON_FLAT_STATE_H

#include "flat_compat.h"
#include "python/common/plain_file.h"

struct flat_state {
    PyTypeObject *reader_type;
    PyObject *error; /* shoal.flat.flat_error.FlatError, once it was needed; or NULL */
    struct io_types io;
    PyObject *text_base; /* _io._TextIOBase */
    PyObject *collect;   /* gc.collect */
};

extern struct PyModuleDef flat_module_def;

/* Fills the state of a new module; -1 and an exception if something is missing. */
int flat_state_fill(struct flat_state *state);

/* Bounds, as the caller sets them. */
struct flat_bounds {
    Py_ssize_t max_depth, max_line, max_digits;
};

enum {
    FLAT_MAX_DEPTH = 200,
    FLAT_MAX_DIGITS = 4300,
    FLAT_LEAST_DIGITS = 20, /* that max_digits may be: 64 bits */
    FLAT_DEEPEST = 100000,  /* that max_depth may be */
    FLAT_DEEPEST_KEY = 200, /* that is hashed, which recurses */
    FLAT_AT_ONCE = 256 * 1024, /* bytes between two looks at signals and progress */
};

/* What becomes of a line that is wrong. */
enum flat_errors { FLAT_RAISE, FLAT_SKIP, FLAT_COLLECT };

/* From the name that the caller gives; -1 and a ValueError. */
int flat_errors_parse(const char *name, enum flat_errors *errors);

/* Checks bounds that were given; -1 and a ValueError. */
int flat_bounds_check(const struct flat_bounds *bounds);

/* -1 and a TypeError if this is a text file. */
int flat_refuse_text(const struct flat_state *state, PyObject *file);

/* flat_dump.c */
PyObject *flat_dump(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *flat_dumps(PyObject *module, PyObject *args, PyObject *keywords);
extern const char flat_dump_doc[], flat_dumps_doc[];

/* flat_reader_type.c */
PyObject *flat_make_reader_type(PyObject *module);

#endif
