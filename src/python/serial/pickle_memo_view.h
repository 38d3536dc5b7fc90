/* The objects that Pickler.memo and Unpickler.memo give out: views of a memo that can be
 * copied, cleared and given to another Pickler or Unpickler.
 *
 * A view keeps its owner alive, and shows the memo that the owner has when it is asked.
 * There are two types, since the one's views are of no use to the other; what they do
 * with a memo is all that differs. All of this holds the interpreter lock. */
#ifndef SHOAL_PYTHON_PICKLE_MEMO_VIEW_H
#define SHOAL_PYTHON_PICKLE_MEMO_VIEW_H

#include "pickle_compat.h"

/* What can be done with the memo of an owner. */
struct pickle_memo_access {
    PyObject *(*copy)(PyObject *owner); /* a new dict; NULL: failed */
    void (*clear)(PyObject *owner);
};

/* A type of views; its full name is kept, and not copied. A new reference; NULL: failed. */
PyTypeObject *pickle_make_memo_view_type(PyObject *module, const char *name);

/* A view, of a type as above, of the owner's memo. NULL: failed. */
PyObject *pickle_memo_view_new(PyTypeObject *type, PyObject *owner,
                               const struct pickle_memo_access *access);

/* Looks at what is assigned to an attribute `memo` whose views are of a type: 0, and
 * `*owner` is the borrowed owner of a view, or NULL if it is a dict. -1 and a TypeError
 * for what is neither, and for NULL, which deletes. `expected`: the type as a noun. */
int pickle_memo_assigned(PyObject *value, PyTypeObject *type, const char *expected,
                         PyObject **owner);

#endif
