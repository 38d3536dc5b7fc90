/* From opcode to opcode until STOP. */
#include "pickle_read_stack.h"

static int load_proto(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 1);

    if (bytes == NULL) return -1;
    reader->protocol = *bytes;
    if (reader->protocol <= PICKLE_HIGHEST_PROTOCOL) return 0;
    PyErr_Format(PyExc_ValueError, "unsupported pickle protocol: %d", reader->protocol);
    return -1;
}

static int load_frame(struct pickle_reader *reader) {
    const unsigned char *bytes = pickle_take(&reader->input, 8);
    uint64_t size;

    if (bytes == NULL) return -1;
    size = pickle_fetch(bytes, 8);
    if (size <= PY_SSIZE_T_MAX) return pickle_read_frame(reader, size);
    PyErr_Format(PyExc_OverflowError, "FRAME length exceeds system's maximum of %zd bytes",
                 PY_SSIZE_T_MAX);
    return -1;
}

static int load_unknown(struct pickle_reader *reader) {
    unsigned char opcode = reader->input.at[-1];
    const char *format = opcode >= 0x20 && opcode <= 0x7e && opcode != '\'' && opcode != '\\'
                             ? "invalid load key, '%c'."
                             : "invalid load key, '\\x%02x'.";

    PyErr_Format(reader->state->unpickling_error, format, opcode);
    return -1;
}

enum { STOPPED = 1 };

static int load_stop(struct pickle_reader *Py_UNUSED(reader)) { return STOPPED; }

/* By opcode; NULL: there is no such one. */
static pickle_handler *const handlers[256] = {
    [PICKLE_STOP] = load_stop,
    [PICKLE_MARK] = pickle_load_mark,
    [PICKLE_POP] = pickle_load_pop,
    [PICKLE_POP_MARK] = pickle_load_pop_mark,
    [PICKLE_DUP] = pickle_load_dup,
    [PICKLE_FLOAT] = pickle_load_float,
    [PICKLE_INT] = pickle_load_int,
    [PICKLE_BININT] = pickle_load_binint,
    [PICKLE_BININT1] = pickle_load_binint1,
    [PICKLE_LONG] = pickle_load_long,
    [PICKLE_BININT2] = pickle_load_binint2,
    [PICKLE_NONE] = pickle_load_none,
    [PICKLE_PERSID] = pickle_load_persid,
    [PICKLE_BINPERSID] = pickle_load_binpersid,
    [PICKLE_REDUCE] = pickle_load_reduce,
    [PICKLE_STRING] = pickle_load_string,
    [PICKLE_BINSTRING] = pickle_load_binstring,
    [PICKLE_SHORT_BINSTRING] = pickle_load_short_binstring,
    [PICKLE_UNICODE] = pickle_load_unicode,
    [PICKLE_BINUNICODE] = pickle_load_binunicode,
    [PICKLE_APPEND] = pickle_load_append,
    [PICKLE_BUILD] = pickle_load_build,
    [PICKLE_GLOBAL] = pickle_load_global,
    [PICKLE_DICT] = pickle_load_dict,
    [PICKLE_EMPTY_DICT] = pickle_load_empty_dict,
    [PICKLE_APPENDS] = pickle_load_appends,
    [PICKLE_GET] = pickle_load_get,
    [PICKLE_BINGET] = pickle_load_binget,
    [PICKLE_INST] = pickle_load_inst,
    [PICKLE_LONG_BINGET] = pickle_load_long_binget,
    [PICKLE_LIST] = pickle_load_list,
    [PICKLE_EMPTY_LIST] = pickle_load_empty_list,
    [PICKLE_OBJ] = pickle_load_obj,
    [PICKLE_PUT] = pickle_load_put,
    [PICKLE_BINPUT] = pickle_load_binput,
    [PICKLE_LONG_BINPUT] = pickle_load_long_binput,
    [PICKLE_SETITEM] = pickle_load_setitem,
    [PICKLE_TUPLE] = pickle_load_tuple,
    [PICKLE_EMPTY_TUPLE] = pickle_load_empty_tuple,
    [PICKLE_SETITEMS] = pickle_load_setitems,
    [PICKLE_BINFLOAT] = pickle_load_binfloat,
    [PICKLE_PROTO] = load_proto,
    [PICKLE_NEWOBJ] = pickle_load_newobj,
    [PICKLE_EXT1] = pickle_load_ext1,
    [PICKLE_EXT2] = pickle_load_ext2,
    [PICKLE_EXT4] = pickle_load_ext4,
    [PICKLE_TUPLE1] = pickle_load_tuple1,
    [PICKLE_TUPLE2] = pickle_load_tuple2,
    [PICKLE_TUPLE3] = pickle_load_tuple3,
    [PICKLE_NEWTRUE] = pickle_load_true,
    [PICKLE_NEWFALSE] = pickle_load_false,
    [PICKLE_LONG1] = pickle_load_long1,
    [PICKLE_LONG4] = pickle_load_long4,
    [PICKLE_BINBYTES] = pickle_load_binbytes,
    [PICKLE_SHORT_BINBYTES] = pickle_load_short_binbytes,
    [PICKLE_SHORT_BINUNICODE] = pickle_load_short_binunicode,
    [PICKLE_BINUNICODE8] = pickle_load_binunicode8,
    [PICKLE_BINBYTES8] = pickle_load_binbytes8,
    [PICKLE_EMPTY_SET] = pickle_load_empty_set,
    [PICKLE_ADDITEMS] = pickle_load_additems,
    [PICKLE_FROZENSET] = pickle_load_frozenset,
    [PICKLE_NEWOBJ_EX] = pickle_load_newobj_ex,
    [PICKLE_STACK_GLOBAL] = pickle_load_stack_global,
    [PICKLE_MEMOIZE] = pickle_load_memoize,
    [PICKLE_FRAME] = load_frame,
    [PICKLE_BYTEARRAY8] = pickle_load_bytearray8,
    [PICKLE_NEXT_BUFFER] = pickle_load_next_buffer,
    [PICKLE_READONLY_BUFFER] = pickle_load_readonly_buffer,
};

/* Where an opcode should be there is nothing. Inside a frame, which has promised
 * more, that is not the end of the input but the lack of it. */
static void report_end(struct pickle_reader *reader) {
    if (reader->source.ahead > 0) return;
    if (!PyErr_ExceptionMatches(reader->state->unpickling_error)) return;
    PyErr_SetString(PyExc_EOFError, "Ran out of input");
}

/* 0 at STOP; -1: failed. */
static int run(struct pickle_reader *reader) {
    struct pickle_input *input = &reader->input;
    int status = 0;

    while (status == 0) {
        pickle_handler *handle;

        if (input->at == input->end && !input->fill(input, 1)) {
            report_end(reader);
            return -1;
        }
        handle = handlers[*input->at++];
        status = handle == NULL ? load_unknown(reader) : handle(reader);
    }
    return status == STOPPED ? 0 : -1;
}

/* After an error the file is left behind what was read, if it still can be. */
static void settle_after_error(struct pickle_reader *reader) {
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    if (pickle_reader_settle(reader, false) < 0) PyErr_Clear();
    PyErr_Restore(type, value, traceback);
}

PyObject *pickle_read_stream(struct pickle_reader *reader) {
    PyObject *result = NULL;

    reader->mark_count = 0;
    reader->fence = 0;
    reader->protocol = 0;
    /* What is in the memo of an Unpickler may be of any kind. */
    reader->may_pause = reader->memo.count == 0;
    if (reader->source.read == NULL) {
        pickle_pause_gc(reader);
        if (pickle_input_left(&reader->input) >= WHOLE_ARENAS_FROM) pickle_expect_much(reader);
    }
    if (run(reader) == 0) result = pickle_pop(reader);
    if (result == NULL)
        settle_after_error(reader);
    else if (pickle_reader_settle(reader, true) < 0)
        Py_CLEAR(result);
    pickle_resume_gc(reader);
    reader->source.looked_at = false;
    pickle_drop(reader, 0);
    reader->source.ahead = reader->source.behind = 0;
    reader->source.framed = false;
    return result;
}

/* What is in the memo lies all over memory: each object is fetched while the ones
 * before it are released. */
void pickle_read_memo_release(struct pickle_read_memo *memo) {
    enum { AHEAD = 16 };
    struct pickle_read_memo former = *memo;
    size_t cursor = former.length, index;
    void *object;

    memset(memo, 0, sizeof *memo);
    for (size_t i = 0; i < former.length; i++) {
        if (i + AHEAD < former.length) __builtin_prefetch(former.array[i + AHEAD], 1);
        Py_XDECREF((PyObject *)former.array[i]);
    }
    while (pickle_read_memo_next(&former, &cursor, &index, &object)) Py_DECREF((PyObject *)object);
    pickle_read_memo_free(&former);
}

static void close_cache(struct pickle_reader *reader) {
    PyObject **cache = reader->cache;

    reader->cache = NULL;
    for (int i = 0; cache != NULL && i < PICKLE_CACHE_SLOTS; i++) Py_XDECREF(cache[i]);
    PyMem_Free(cache);
}

void pickle_reader_close(struct pickle_reader *reader) {
    struct pickle_source *source = &reader->source;

    pickle_drop(reader, 0);
    pickle_read_memo_release(&reader->memo);
    close_cache(reader);
    PyMem_Free(reader->stack);
    PyMem_Free(reader->marks);
    PyMem_Free(reader->line);
    PyMem_Free(reader->encoding);
    PyMem_Free(reader->errors);
    PyMem_Free(source->buffer);
    reader->stack = NULL;
    reader->capacity = reader->mark_capacity = reader->line_size = source->size = 0;
    reader->marks = NULL;
    reader->line = reader->encoding = reader->errors = NULL;
    source->buffer = NULL;
    reader->input = (struct pickle_input){0};
    Py_CLEAR(source->window);
    Py_CLEAR(source->read);
    Py_CLEAR(source->readline);
    Py_CLEAR(source->readinto);
    Py_CLEAR(source->peek);
    Py_CLEAR(reader->buffers);
    Py_CLEAR(reader->persistent_load);
    Py_CLEAR(reader->find_class);
    Py_CLEAR(reader->allow);
}
