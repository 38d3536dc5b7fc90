/* Which of the writers an object goes to. */
#include "pickle_writer.h"

/* persistent_id() was asked for: 1: it gave an id, written; 0: None; -1: failed. */
static OWN_FRAME int write_persistent(struct pickle_writer *writer, PyObject *object) {
    PyObject *id = PyObject_CallOneArg(writer->persistent_id, object);
    PyObject *text = NULL;
    int status = -1;

    if (id == NULL) return -1;
    if (id == Py_None) {
        Py_DECREF(id);
        return 0;
    }
    if (writer->binary) {
        if (pickle_write_id(writer, id) == 0 &&
            pickle_put_opcode(&writer->output, PICKLE_BINPERSID))
            status = 1;
    } else if ((text = PyObject_Str(id)) != NULL) {
        if (!PyUnicode_IS_ASCII(text))
            PyErr_SetString(writer->state->pickling_error,
                            "persistent IDs in protocol 0 must be ASCII strings");
        else if (pickle_put_opcode(&writer->output, PICKLE_PERSID) &&
                 pickle_put(&writer->output, PyUnicode_DATA(text),
                            (size_t)PyUnicode_GET_LENGTH(text)) &&
                 pickle_put(&writer->output, "\n", 1))
            status = 1;
    }
    Py_XDECREF(text);
    Py_DECREF(id);
    return status;
}

static inline int write_str(struct pickle_writer *writer, PyObject *text, bool sole) {
    int status;

    if (pickle_spares_immutable(writer, sole)) return pickle_write_str_text(writer, text);
    if (!sole) {
        status = pickle_write_from_memo(writer, text);
        if (status != 0) return status < 0 ? -1 : 0;
    }
    if (pickle_write_str_text(writer, text) < 0) return -1;
    return pickle_memorize(writer, text);
}

static OWN_FRAME int write_other(struct pickle_writer *writer, PyObject *object, bool sole) {
    PyObject *dict = pickle_plain_dict(writer, object);
    int status;

    if (dict == NULL) return pickle_write_by_reduction(writer, object);
    status = pickle_write_plain(writer, object, dict, sole);
    Py_DECREF(dict);
    return status;
}

static inline int write_container(struct pickle_writer *writer, PyObject *object, bool sole) {
    PyTypeObject *type = Py_TYPE(object);

    if (type == &PyDict_Type) return pickle_write_dict(writer, object, sole);
    if (type == &PyTuple_Type)
        return pickle_write_tuple(writer, object, pickle_spares_immutable(writer, sole));
    if (type == &PyList_Type) return pickle_write_list(writer, object, sole);
    if (type == &PySet_Type) return pickle_write_set(writer, object, sole);
    if (type == &PyFrozenSet_Type)
        return pickle_write_frozenset(writer, object, pickle_spares_immutable(writer, sole));
    if (type == &PyByteArray_Type) return pickle_write_bytearray(writer, object);
    if (type == &PyPickleBuffer_Type) return pickle_write_buffer(writer, object);
    return write_other(writer, object, sole);
}

/* Everything that has parts. What has one reference, that of the slot it was found
 * in, is not in the memo: the memo would have another. */
static inline int write_compound(struct pickle_writer *writer, PyObject *object, bool sole) {
    int status;

    if (!sole) {
        status = pickle_write_from_memo(writer, object);
        if (status != 0) return status < 0 ? -1 : 0;
    }
    if (Py_EnterRecursiveCall(PICKLE_TOO_DEEP)) return -1;
    status = write_container(writer, object, sole);
    Py_LeaveRecursiveCall();
    return status;
}

static inline int write_any(struct pickle_writer *writer, PyObject *object, bool sole) {
    PyTypeObject *type = Py_TYPE(object);

    if (type == &PyUnicode_Type) return write_str(writer, object, sole);
    if (type == &PyLong_Type) return pickle_write_int(writer, object);
    if (type == &PyFloat_Type) return pickle_write_float(writer, object);
    if (object == Py_None) return pickle_put_opcode(&writer->output, PICKLE_NONE) ? 0 : -1;
    if (type == &PyBool_Type) return pickle_write_bool(writer, object);
    if (type == &PyBytes_Type) return pickle_write_bytes(writer, object, sole);
    return write_compound(writer, object, sole);
}

OWN_FRAME int pickle_write_id(struct pickle_writer *writer, PyObject *object) {
    if (write_any(writer, object, false) < 0) return -1;
    return pickle_output_is_full(&writer->output) ? pickle_writer_boundary(writer) : 0;
}

OWN_FRAME int pickle_write_object(struct pickle_writer *writer, PyObject *object, bool sole) {
    int status = writer->persistent_id == NULL ? 0 : write_persistent(writer, object);

    if (status < 0 || (status == 0 && write_any(writer, object, sole) < 0)) return -1;
    return pickle_output_is_full(&writer->output) ? pickle_writer_boundary(writer) : 0;
}

static int write_stream(struct pickle_writer *writer, PyObject *object) {
    struct pickle_output *output = &writer->output;

    if (writer->protocol >= 2 &&
        !pickle_put_number(output, PICKLE_PROTO, (uint64_t)writer->protocol, 1))
        return -1;
    output->framing = writer->protocol >= 4;
    output->framed = false;
    output->boundary = writer->write == NULL ? SIZE_MAX : PICKLE_FRAME_TARGET;
    if (!pickle_frame_open(output)) return -1;
    if (pickle_write_object(writer, object, false) < 0) return -1;
    if (!pickle_put_opcode(output, PICKLE_STOP)) return -1;
    pickle_frame_close(output);
    return pickle_writer_flush(writer);
}

int pickle_write_stream(struct pickle_writer *writer, PyObject *object) {
    int status = write_stream(writer, object);

    writer->output.framed = false;
    writer->suspended = 0;
    writer->unfinished_count = 0;
    writer->temporary = NULL;
    writer->fast_depth = 0;
    Py_CLEAR(writer->fast_open);
    for (int i = 0; i < PICKLE_KNOWN_TYPES; i++) Py_CLEAR(writer->known_types[i].type);
    if (writer->gc_paused) PyGC_Enable();
    writer->gc_paused = false;
    return status;
}
