/* What the module shoal._serial holds for each interpreter. */
#ifndef SHOAL_PYTHON_PICKLE_STATE_H
#define SHOAL_PYTHON_PICKLE_STATE_H

#include "pickle_compat.h"
#include "python/common/plain_file.h"

/* Names of attributes and the like, as interned strings: X(member, text). */
#define PICKLE_NAMES(X) \
    X(dunder_class, "__class__") \
    X(dunder_dict, "__dict__") \
    X(dunder_fspath, "__fspath__") \
    X(dunder_getnewargs, "__getnewargs__") \
    X(dunder_getnewargs_ex, "__getnewargs_ex__") \
    X(dunder_getstate, "__getstate__") \
    X(dunder_main, "__main__") \
    X(dunder_module, "__module__") \
    X(dunder_mp_main, "__mp_main__") \
    X(dunder_name, "__name__") \
    X(dunder_new, "__new__") \
    X(dunder_newobj, "__newobj__") \
    X(dunder_newobj_ex, "__newobj_ex__") \
    X(dunder_qualname, "__qualname__") \
    X(dunder_reduce, "__reduce__") \
    X(dunder_reduce_ex, "__reduce_ex__") \
    X(dunder_setstate, "__setstate__") \
    X(dunder_slotnames, "__slotnames__") \
    X(dunder_slots, "__slots__") \
    X(dunder_getinitargs, "__getinitargs__") \
    X(append, "append") \
    X(extend, "extend") \
    X(add, "add") \
    X(update, "update") \
    X(items, "items") \
    X(latin1, "latin1") \
    X(modules, "modules") \
    X(buffer_callback, "buffer_callback") \
    X(dispatch_table, "dispatch_table") \
    X(find_class, "find_class") \
    X(peek, "peek") \
    X(persistent_id, "persistent_id") \
    X(persistent_load, "persistent_load") \
    X(read, "read") \
    X(readinto, "readinto") \
    X(readline, "readline") \
    X(reducer_override, "reducer_override") \
    X(write, "write")

struct pickle_state {
    PyTypeObject *pickler_memo_type, *unpickler_memo_type;

    /* The standard module's, so that code that catches those catches ours. */
    PyObject *pickling_error, *unpickling_error;

    /* copyreg: reducers by type, and the codes of extensions. Dicts. */
    PyObject *dispatch_table, *extension_registry, *inverted_registry, *extension_cache;

    /* _compat_pickle: names of Python 2 and 3. Dicts. */
    PyObject *names_2to3, *imports_2to3, *names_3to2, *imports_3to2;

    PyObject *codecs_encode; /* _codecs.encode */
    PyObject *getattr;       /* the builtin */
    PyObject *partial;       /* functools.partial */
    struct io_types io;
    PyObject *empty_tuple;

#define MEMBER(name, text) PyObject *name;
    struct {
        PICKLE_NAMES(MEMBER)
    } names;
#undef MEMBER
};

extern struct PyModuleDef pickle_module_def;

/* Fills the state of a new module; -1 and an exception if something is missing. */
int pickle_state_fill(struct pickle_state *state);

/* The state behind one of the module's types or a subclass of one. */
struct pickle_state *pickle_state_of(PyTypeObject *type);

#endif
