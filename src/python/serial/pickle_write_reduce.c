/* Objects of all other types: what their reduce method, or the function that is
 * registered for their type, says how they are made again. */
#include "pickle_writer.h"

/* The two to six items that a reduce method returned; borrowed, NULL: not there. */
struct reduction {
    PyObject *callable, *arguments, *state, *items, *pairs, *set_state;
    bool exact; /* they are in the slots of an exact tuple */
    bool own;   /* nobody else has that tuple */
};

/* Writes what is in a slot of the tuple that the reduce method returned. */
static int write_part(struct pickle_writer *writer, const struct reduction *r, PyObject *object) {
    return pickle_write_object(writer, object, r->exact && pickle_is_sole(object, 1));
}

static int put(struct pickle_writer *writer, enum pickle_opcode opcode) {
    return pickle_put_opcode(&writer->output, opcode) ? 0 : -1;
}

static PyObject *part(PyObject *reduced, Py_ssize_t index) {
    PyObject *item = index < PyTuple_GET_SIZE(reduced) ? PyTuple_GET_ITEM(reduced, index) : NULL;

    return item == Py_None ? NULL : item;
}

static int fail_with_item(struct pickle_writer *writer, const char *which, const char *wanted,
                          PyObject *item) {
    char format[128];

    snprintf(format, sizeof format,
             "%s item of the tuple returned by __reduce__ must be %s, not %%U", which, wanted);
    return pickle_refuse_type(writer, format, item);
}

static OWN_FRAME int check(struct pickle_writer *writer, PyObject *reduced, struct reduction *r) {
    Py_ssize_t size = PyTuple_GET_SIZE(reduced);

    if (size < 2 || size > 6)
        return pickle_refuse(writer,
                             "tuple returned by __reduce__ must contain 2 through 6 elements");
    *r = (struct reduction){PyTuple_GET_ITEM(reduced, 0),
                            PyTuple_GET_ITEM(reduced, 1),
                            part(reduced, 2),
                            part(reduced, 3),
                            part(reduced, 4),
                            part(reduced, 5),
                            PyTuple_CheckExact(reduced),
                            PyTuple_CheckExact(reduced) && pickle_is_sole(reduced, 1)};
    if (!PyCallable_Check(r->callable))
        return fail_with_item(writer, "first", "callable", r->callable);
    if (!PyTuple_Check(r->arguments))
        return fail_with_item(writer, "second", "a tuple", r->arguments);
    if (r->items != NULL && !PyIter_Check(r->items))
        return fail_with_item(writer, "fourth", "an iterator", r->items);
    if (r->pairs != NULL && !PyIter_Check(r->pairs))
        return fail_with_item(writer, "fifth", "an iterator", r->pairs);
    if (r->set_state != NULL && !PyCallable_Check(r->set_state))
        return fail_with_item(writer, "sixth", "callable", r->set_state);
    return 0;
}

/* ---- Making the object --------------------------------------------------- */

static int write_call(struct pickle_writer *writer, const struct reduction *r, PyObject *object) {
    if (pickle_write_object(writer, r->callable, false) < 0)
        return pickle_note(object, "reconstructor");
    if (write_part(writer, r, r->arguments) < 0)
        return pickle_note(object, "reconstructor arguments");
    return put(writer, PICKLE_REDUCE);
}

/* Before protocol 4 keywords need a partial of cls.__new__. */
static OWN_FRAME int write_newobj_ex_as_call(struct pickle_writer *writer, PyObject *class,
                                             PyObject *arguments, PyObject *keywords,
                                             PyObject *object) {
    PyObject *new = PyObject_GetAttr(class, writer->state->names.dunder_new);
    PyObject *head = new == NULL ? NULL : PyTuple_Pack(2, new, class);
    PyObject *all = head == NULL ? NULL : PySequence_Concat(head, arguments);
    PyObject *callable = all == NULL ? NULL : PyObject_Call(writer->state->partial, all, keywords);
    int status = -1;

    if (callable != NULL) {
        struct reduction call = {.callable = callable, .arguments = writer->state->empty_tuple};

        status = write_call(writer, &call, object);
    }
    Py_XDECREF(new);
    Py_XDECREF(head);
    Py_XDECREF(all);
    Py_XDECREF(callable);
    return status;
}

static OWN_FRAME int write_newobj_ex(struct pickle_writer *writer, PyObject *given,
                                     PyObject *object) {
    PyObject *class, *arguments, *keywords;

    if (PyTuple_GET_SIZE(given) != 3) {
        PyErr_Format(writer->state->pickling_error, "__newobj_ex__ expected 3 arguments, got %zd",
                     PyTuple_GET_SIZE(given));
        return -1;
    }
    class = PyTuple_GET_ITEM(given, 0);
    arguments = PyTuple_GET_ITEM(given, 1);
    keywords = PyTuple_GET_ITEM(given, 2);
    if (!PyType_Check(class))
        return pickle_refuse_type(
            writer, "first argument to __newobj_ex__() must be a class, not %U", class);
    if (!PyTuple_Check(arguments))
        return pickle_refuse_type(
            writer, "second argument to __newobj_ex__() must be a tuple, not %U", arguments);
    if (!PyDict_Check(keywords))
        return pickle_refuse_type(
            writer, "third argument to __newobj_ex__() must be a dict, not %U", keywords);
    if (writer->protocol < 4)
        return write_newobj_ex_as_call(writer, class, arguments, keywords, object);
    if (pickle_write_object(writer, class, false) < 0) return pickle_note(object, "class");
    for (int i = 1; i < 3; i++)
        if (pickle_write_object(writer, PyTuple_GET_ITEM(given, i), false) < 0)
            return pickle_note(object, "__new__ arguments");
    return put(writer, PICKLE_NEWOBJ_EX);
}

/* Whether the object says that it is of that class. */
static int check_class(struct pickle_writer *writer, PyObject *object, PyObject *class) {
    PyObject *own;

    own = PyObject_GetAttr(object, writer->state->names.dunder_class);
    if (own == NULL) return -1;
    if (own != class)
        PyErr_Format(writer->state->pickling_error,
                     "first argument to __newobj__() must be %R, not %R", own, class);
    Py_DECREF(own);
    return own == class ? 0 : -1;
}

static OWN_FRAME int write_newobj(struct pickle_writer *writer, PyObject *given, PyObject *object) {
    PyObject *class, *arguments;
    int status;

    if (PyTuple_GET_SIZE(given) < 1)
        return pickle_refuse(writer, "__newobj__ expected at least 1 argument, got 0");
    class = PyTuple_GET_ITEM(given, 0);
    if (!PyType_Check(class))
        return pickle_refuse_type(writer, "first argument to __newobj__() must be a class, not %U",
                                  class);
    if (check_class(writer, object, class) < 0) return -1;
    if (pickle_write_object(writer, class, false) < 0) return pickle_note(object, "class");
    arguments = PyTuple_GetSlice(given, 1, PyTuple_GET_SIZE(given));
    if (arguments == NULL) return -1;
    /* Nobody else has seen this tuple. */
    status = pickle_write_object(writer, arguments, pickle_is_sole(arguments, 1));
    Py_DECREF(arguments);
    if (status < 0) return pickle_note(object, "__new__ arguments");
    return put(writer, PICKLE_NEWOBJ);
}

enum maker { FAILED = -1, CALL, NEWOBJ, NEWOBJ_EX };

/* copyreg's two functions are known by name: they have opcodes. */
static OWN_FRAME enum maker maker_of(struct pickle_writer *writer, PyObject *callable) {
    PyObject *name;
    enum maker maker = CALL;

    if (writer->protocol < 2) return CALL;
    if (pickle_find_attribute(callable, writer->state->names.dunder_name, &name) < 0) return FAILED;
    if (name != NULL && PyUnicode_Check(name)) {
        if (PyUnicode_Compare(name, writer->state->names.dunder_newobj) == 0)
            maker = NEWOBJ;
        else if (PyUnicode_Compare(name, writer->state->names.dunder_newobj_ex) == 0)
            maker = NEWOBJ_EX;
    }
    Py_XDECREF(name);
    return maker;
}

static int write_making(struct pickle_writer *writer, const struct reduction *r, PyObject *object) {
    switch (maker_of(writer, r->callable)) {
    case CALL:
        return write_call(writer, r, object);
    case NEWOBJ:
        return write_newobj(writer, r->arguments, object);
    case NEWOBJ_EX:
        return write_newobj_ex(writer, r->arguments, object);
    default:
        return -1;
    }
}

/* ---- Filling it ---------------------------------------------------------- */

/* The dict in a state that was made for us: the state itself, or what it has for
 * slots. Nothing but the slots of tuples that are ours alone leads to it, so that
 * nobody can hand it out once more, whatever code runs. A hook would have seen it. */
static OWN_FRAME PyObject *temporary_of(struct pickle_writer *writer, const struct reduction *r) {
    PyObject *state = r->state;

    if (!r->own || writer->persistent_id != NULL || writer->reducer_override != NULL) return NULL;
    if (!pickle_is_sole(state, 1)) return NULL;
    if (PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2) {
        state = PyTuple_GET_ITEM(state, 1);
        if (!pickle_is_sole(state, 1)) return NULL;
    }
    return PyDict_CheckExact(state) ? state : NULL;
}

static OWN_FRAME int write_state(struct pickle_writer *writer, const struct reduction *r,
                                 PyObject *object) {
    if (r->set_state == NULL) {
        if (write_part(writer, r, r->state) < 0) return pickle_note(object, "state");
        return put(writer, PICKLE_BUILD);
    }
    /* set_state(object, state), whose result is dropped. */
    if (pickle_write_object(writer, r->set_state, false) < 0)
        return pickle_note(object, "state setter");
    if (pickle_write_object(writer, object, false) < 0) return -1;
    if (write_part(writer, r, r->state) < 0) return pickle_note(object, "state");
    if (put(writer, PICKLE_TUPLE2) < 0 || put(writer, PICKLE_REDUCE) < 0) return -1;
    return put(writer, PICKLE_POP);
}

/* Memorizes the object. 1: it is in the memo already, because what it was made
 * from leads to it: that one counts, and what is on the stack is dropped. */
static OWN_FRAME int memorize_made(struct pickle_writer *writer, PyObject *object) {
    if (writer->fast || pickle_memo_find(&writer->memo, object) == NULL)
        return pickle_memorize(writer, object);
    if (put(writer, PICKLE_POP) < 0) return -1;
    return pickle_write_from_memo(writer, object);
}

static int write_parts(struct pickle_writer *writer, const struct reduction *r, PyObject *object) {
    PyObject *outer = writer->temporary;
    int status;

    if (write_making(writer, r, object) < 0) return -1;
    status = memorize_made(writer, object);
    if (status != 0) return status < 0 ? -1 : 0;
    if (r->items != NULL && pickle_write_appends(writer, r->items, object) < 0) return -1;
    if (r->pairs != NULL && pickle_write_setitems(writer, r->pairs, object) < 0) return -1;
    if (r->state == NULL) return 0;
    writer->temporary = temporary_of(writer, r);
    status = write_state(writer, r, object);
    writer->temporary = outer;
    return status;
}

OWN_FRAME int pickle_write_reduced(struct pickle_writer *writer, PyObject *reduced,
                                   PyObject *object, bool noted) {
    struct reduction r;
    int status = check(writer, reduced, &r);

    if (status == 0) status = write_parts(writer, &r, object);
    Py_DECREF(reduced);
    return status < 0 && noted ? pickle_note(object, "object") : status;
}

/* ---- Asking for it ------------------------------------------------------- */

/* The function that is registered for the type, or NULL; borrowed or owned. */
static PyObject *registered(struct pickle_writer *writer, PyObject *type) {
    PyObject *function;

    if (writer->dispatch_table == NULL) {
        function = PyDict_GetItemWithError(writer->state->dispatch_table, type);
        return Py_XNewRef(function);
    }
    function = PyObject_GetItem(writer->dispatch_table, type);
    if (function == NULL && PyErr_ExceptionMatches(PyExc_KeyError)) PyErr_Clear();
    return function;
}

static PyObject *call_reduce_method(struct pickle_writer *writer, PyObject *object) {
    PyObject *method, *protocol, *reduced;

    if (pickle_find_attribute(object, writer->state->names.dunder_reduce_ex, &method) < 0)
        return NULL;
    if (method != NULL) {
        protocol = PyLong_FromLong(writer->protocol);
        reduced = protocol == NULL ? NULL : PyObject_CallOneArg(method, protocol);
        Py_XDECREF(protocol);
        Py_DECREF(method);
        return reduced;
    }
    if (pickle_find_attribute(object, writer->state->names.dunder_reduce, &method) < 0) return NULL;
    if (method == NULL) {
        pickle_refuse_type(writer, "Can't pickle %U object", object);
        return NULL;
    }
    reduced = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return reduced;
}

/* How the object is made again; NULL without an exception: it is a global. */
static OWN_FRAME PyObject *reduce(struct pickle_writer *writer, PyObject *object) {
    PyObject *function = registered(writer, (PyObject *)Py_TYPE(object)), *reduced;

    if (function == NULL && PyErr_Occurred()) return NULL;
    if (function != NULL) {
        reduced = PyObject_CallOneArg(function, object);
        Py_DECREF(function);
        return reduced;
    }
    if (PyType_IsSubtype(Py_TYPE(object), &PyType_Type)) return NULL;
    return call_reduce_method(writer, object);
}

static void fail_with_reduced(struct pickle_writer *writer, PyObject *object, PyObject *reduced) {
    pickle_refuse_type(writer, "__reduce__ must return a string or tuple, not %U", reduced);
    pickle_note(object, "object");
}

/* Takes the reference to what the reduce method returned. */
static int write_reduction(struct pickle_writer *writer, PyObject *object, PyObject *reduced) {
    int status = -1;

    if (PyTuple_Check(reduced)) return pickle_write_reduced(writer, reduced, object, true);
    if (PyUnicode_Check(reduced))
        status = pickle_write_global(writer, object, reduced);
    else
        fail_with_reduced(writer, object, reduced);
    Py_DECREF(reduced);
    return status;
}

/* What the Pickler's own hook says; NULL without an exception: nothing. */
static PyObject *override_reduction(struct pickle_writer *writer, PyObject *object) {
    PyObject *reduced = PyObject_CallOneArg(writer->reducer_override, object);

    if (reduced == Py_NotImplemented) Py_CLEAR(reduced);
    return reduced;
}

/* What is called last takes this function's place on the stack. */
OWN_FRAME int pickle_write_by_reduction(struct pickle_writer *writer, PyObject *object) {
    PyObject *reduced = NULL;

    writer->foreign_ran = true;
    if (writer->reducer_override != NULL) {
        reduced = override_reduction(writer, object);
        if (reduced == NULL && PyErr_Occurred()) return -1;
    }
    if (reduced == NULL) {
        if (Py_TYPE(object) == &PyType_Type) return pickle_write_type(writer, object);
        if (Py_TYPE(object) == &PyFunction_Type) return pickle_write_global(writer, object, NULL);
        reduced = reduce(writer, object);
        if (reduced == NULL)
            return PyErr_Occurred() ? -1 : pickle_write_global(writer, object, NULL);
    }
    return write_reduction(writer, object, reduced);
}
