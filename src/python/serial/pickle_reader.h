/* The reader of pickles: one struct for an Unpickler object and for a single load.
 *
 * pickle_read.c goes from opcode to opcode; what each does is in
 * pickle_read_atoms.c, _containers.c and _objects.c, on the stack and memo of
 * pickle_read_stack.h. pickle_read_file.c brings the bytes in.
 *
 * Streams are hostile: a length is believed when the bytes are there, an index when
 * something is stored at it. */
#ifndef SHOAL_PYTHON_PICKLE_READER_H
#define SHOAL_PYTHON_PICKLE_READER_H

#include <stdbool.h>

#include "pickle_state.h"
#include "python/common/whole_arenas.h"
#include "shoal/pickle_input.h"
#include "shoal/pickle_memo.h"
#include "shoal/pickle_opcodes.h"

enum { PICKLE_CACHE_SLOTS = 4096 };

/* Where the bytes come from when it is not memory. */
struct pickle_source {
    PyObject *read, *readline; /* methods of the file; NULL: memory */
    PyObject *readinto, *peek; /* may be NULL */
    PyObject *window;          /* bytes that peek() gave and the input is in, or NULL */
    const unsigned char *window_start;
    unsigned char *buffer; /* otherwise the input is in here */
    size_t size;           /* of the buffer */
    bool looked_at;        /* whether it is plain is known: if not, readinto is NULL */
    uint64_t taken;        /* bytes, since it was looked at */
    uint64_t ahead; /* bytes of the frame that are still in the file: may be read at once */
    bool framed; /* a frame is open; the input ends where it does */
    size_t behind; /* bytes that are there behind that end */
};

struct pickle_reader {
    struct pickle_input input;
    struct pickle_state *state;

    PyObject **stack;
    size_t depth; /* objects on it */
    size_t capacity; /* room */
    size_t fence; /* depth at the last mark: nothing below may be taken */

    size_t *marks; /* depths */
    size_t mark_count, mark_capacity;

    struct pickle_read_memo memo; /* owns a reference to each object */
    struct pickle_source source;
    char *line; /* a line, NUL after it, for what wants C strings */
    size_t line_size;

    int protocol; /* as the stream says; 0 until then */
    bool fix_imports;
    bool running;
    bool may_pause; /* the collector: nothing else but builtins has been met */
    bool gc_paused; /* by us, to be resumed before other code runs */
    bool whole_arenas; /* are asked for, until then */
    char *encoding, *errors; /* of strings of Python 2; owned */
    PyObject *buffers; /* iterator; these four may be NULL */
    PyObject *persistent_load;
    PyObject *find_class; /* NULL: ours */
    PyObject *allow; /* a set of "module.name" */
    PyObject **cache; /* equal leaves, PICKLE_CACHE_SLOTS; NULL: not shared */
};

/* An opcode's function: 0, or -1 with an exception. */
typedef int pickle_handler(struct pickle_reader *reader);

/* Called before anything that may run other code: the collector is what it was.
 * From here on it stays so; where there are instances it is needed. */
static inline void pickle_resume_gc(struct pickle_reader *reader) {
    if (reader->whole_arenas) whole_arenas_end();
    reader->whole_arenas = false;
    if (reader->gc_paused) PyGC_Enable();
    reader->gc_paused = reader->may_pause = false;
}

/* While only builtins are made, all that is made is alive: the collector would go
 * through it again and again and find nothing. */
static inline void pickle_pause_gc(struct pickle_reader *reader) {
    if (reader->may_pause && !reader->gc_paused) reader->gc_paused = PyGC_Disable() != 0;
}

/* Called when WHOLE_ARENAS_FROM bytes have come, or are to come. */
static inline void pickle_expect_much(struct pickle_reader *reader) {
    if (!reader->gc_paused || reader->whole_arenas) return;
    reader->whole_arenas = whole_arenas_begin();
}

/* pickle_read.c */
PyObject *pickle_read_stream(struct pickle_reader *reader);
void pickle_reader_close(struct pickle_reader *reader);
/* Empties a memo, and then releases what was in it: that may run code that looks at it. */
void pickle_read_memo_release(struct pickle_read_memo *memo);

/* pickle_unpickler.c: encoding, errors, buffers, allow, share */
struct pickle_read_options {
    PyObject *buffers, *allow; /* NULL or None: not given */
    const char *encoding, *errors;
    int fix_imports, share;
};
int pickle_reader_set(struct pickle_reader *reader, const struct pickle_read_options *options);

/* pickle_read_file.c */
int pickle_reader_open(struct pickle_reader *reader, PyObject *file);
void pickle_reader_use(struct pickle_reader *reader, const void *bytes, size_t size);
/* The next line without its end, NUL after it; NULL: there is none. */
char *pickle_read_line(struct pickle_reader *reader, size_t *length);
/* The next `size` bytes, into memory that has room for them. */
int pickle_read_into(struct pickle_reader *reader, char *room, size_t size);
/* The next `size` bytes will be taken, in pieces: -1 if they cross the end of a frame. */
int pickle_expect(struct pickle_reader *reader, size_t size);
/* A frame begins: the next `size` bytes belong to this pickle. */
int pickle_read_frame(struct pickle_reader *reader, uint64_t size);
/* Leaves the file behind the last byte that was taken; `whole`: behind the frame. */
int pickle_reader_settle(struct pickle_reader *reader, bool whole);
int pickle_truncated(struct pickle_reader *reader);

/* pickle_read_leaf.c: leaves, or ones equal to them from the cache; new references */
PyObject *pickle_make_str(struct pickle_reader *reader, const unsigned char *bytes, size_t size);
PyObject *pickle_look_up_leaf(struct pickle_reader *reader, PyObject *leaf, size_t hash);
static inline PyObject *pickle_share(struct pickle_reader *reader, PyObject *leaf, size_t hash) {
    return reader->cache == NULL || leaf == NULL ? leaf : pickle_look_up_leaf(reader, leaf, hash);
}

/* Handlers, by opcode. */
extern pickle_handler pickle_load_none, pickle_load_true, pickle_load_false, pickle_load_int,
    pickle_load_binint, pickle_load_binint1, pickle_load_binint2, pickle_load_long,
    pickle_load_long1, pickle_load_long4, pickle_load_float, pickle_load_binfloat,
    pickle_load_string, pickle_load_binstring, pickle_load_short_binstring, pickle_load_unicode,
    pickle_load_short_binunicode, pickle_load_binunicode, pickle_load_binunicode8,
    pickle_load_short_binbytes, pickle_load_binbytes, pickle_load_binbytes8, pickle_load_bytearray8,
    pickle_load_next_buffer, pickle_load_readonly_buffer;
extern pickle_handler pickle_load_mark, pickle_load_pop, pickle_load_pop_mark, pickle_load_dup,
    pickle_load_empty_tuple, pickle_load_tuple, pickle_load_tuple1, pickle_load_tuple2,
    pickle_load_tuple3, pickle_load_empty_list, pickle_load_list, pickle_load_append,
    pickle_load_appends, pickle_load_empty_dict, pickle_load_dict, pickle_load_setitem,
    pickle_load_setitems, pickle_load_empty_set, pickle_load_additems, pickle_load_frozenset;
extern pickle_handler pickle_load_get, pickle_load_binget, pickle_load_long_binget, pickle_load_put,
    pickle_load_binput, pickle_load_long_binput, pickle_load_memoize;
extern pickle_handler pickle_load_global, pickle_load_stack_global, pickle_load_inst,
    pickle_load_obj, pickle_load_newobj, pickle_load_newobj_ex, pickle_load_reduce,
    pickle_load_build, pickle_load_persid, pickle_load_binpersid, pickle_load_ext1,
    pickle_load_ext2, pickle_load_ext4;

/* pickle_read_class.c */
PyObject *pickle_find_class(struct pickle_reader *reader, PyObject *module_name, PyObject *name);
/* The same by way of the Unpickler's own find_class, if it has one. */
PyObject *pickle_ask_class(struct pickle_reader *reader, PyObject *module_name, PyObject *name);
PyObject *pickle_find_extension(struct pickle_reader *reader, long code);

#endif
