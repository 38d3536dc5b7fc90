/* The writer of pickles: one struct for a Pickler object and for a single dump.
 *
 * pickle_write.c chooses by type and calls the files that write what there is:
 * pickle_write_atoms.c, _containers.c, _global.c, _reduce.c; these call back only
 * pickle_write_object(). pickle_write_memo.c decides what goes into the memo, with
 * the help of pickle_write_scan.c; pickle_write_file.c where the bytes go. */
#ifndef SHOAL_PYTHON_PICKLE_WRITER_H
#define SHOAL_PYTHON_PICKLE_WRITER_H

#include <stdbool.h>

#include "pickle_state.h"
#include "shoal/pickle_memo.h"
#include "shoal/pickle_output.h"

/* What the memo must hold; docs/pickle.md has the rule and its reasons. */
enum memo_rule {
    MEMO_ALL,       /* what pickle puts there */
    MEMO_UNDECIDED, /* as MEMO_MUTABLE, until the first mutable object asks */
    MEMO_MUTABLE,   /* not the immutable objects with one reference */
    MEMO_SHARED,    /* nor the mutable ones */
};

/* A tuple or frozenset with several references whose items are being written. */
struct unfinished {
    PyObject *object; /* borrowed: whoever writes it holds it */
    bool again;       /* it is in another one of itself: `suspended` counts it */
};

enum { PICKLE_KNOWN_TYPES = 8 };

/* A class, and whether its instances are plain: pickle_write_plain.c. */
struct known_type {
    PyTypeObject *type;   /* owned; may be NULL */
    unsigned int version; /* of the class when it was looked at; 0: not known */
    bool plain;
};

struct pickle_writer {
    struct pickle_output output;
    struct pickle_state *state;
    struct pickle_write_memo memo; /* owns a reference to each object */
    enum memo_rule rule;
    unsigned suspended; /* above 0: the rule is MEMO_ALL for what is written now */
    struct unfinished *unfinished; /* the outermost first; not on the C stack, to spare it */
    size_t unfinished_count, unfinished_room;

    int protocol;
    int binary; /* int: it is an attribute of Pickler; so is fast */
    int fast;
    bool fix_imports;
    bool running;
    bool gc_paused;      /* by MEMO_SHARED, to be resumed */
    bool foreign_ran;    /* code that is not ours has run in this dump */
    Py_ssize_t fast_depth;
    PyObject *fast_open; /* set of addresses: what is open in deep fast mode */

    PyObject *root;            /* borrowed, of a single dump */
    PyObject *temporary;       /* borrowed: a dict that was made for this dump alone */
    PyObject *write;           /* method of the file; NULL: into memory */
    PyObject *persistent_id;   /* these five may be NULL */
    PyObject *reducer_override;
    PyObject *dispatch_table;
    PyObject *buffer_callback;
    PyObject *progress; /* told of every piece that is sent; our own code */
    uint64_t sent;      /* bytes */
    Py_ssize_t root_at; /* items of a root list that are written */

    struct known_type known_types[PICKLE_KNOWN_TYPES];

    PyObject *bytes;       /* the buffer of output, when it is into memory */
    unsigned char *buffer; /* the same, when it is a file */
};

/* How deep a graph may be depends on the C stack: a level must not take more of it
 * than in the standard module. So what is called for every level, or once and with
 * much on the stack, is not inlined, and its callers do not pay for its variables. */
#define OWN_FRAME __attribute__((noinline))

/* What RecursionError says after "maximum recursion depth exceeded". */
#define PICKLE_TOO_DEEP " while pickling an object"

/* pickle_write.c */

/* Writes an object. `sole`: it was reached through a borrowed pointer in a slot
 * of an exact container that is kept alive, and had one reference then. */
int pickle_write_object(struct pickle_writer *writer, PyObject *object, bool sole);
/* The same, without asking persistent_id. */
int pickle_write_id(struct pickle_writer *writer, PyObject *object);
/* A whole stream: header, object, STOP, and all of it sent away. */
int pickle_write_stream(struct pickle_writer *writer, PyObject *object);

/* Whether nothing but the slot of a container, or what else `references` counts,
 * holds the object. On a free-threaded build counts say nothing to one thread. */
#ifdef Py_GIL_DISABLED
static inline bool pickle_is_sole(PyObject *Py_UNUSED(item), Py_ssize_t Py_UNUSED(references)) {
    return false;
}
#else
static inline bool pickle_is_sole(PyObject *item, Py_ssize_t references) {
    return Py_REFCNT(item) == references;
}
#endif

/* pickle_write_memo.c */

static inline bool pickle_spares_immutable(const struct pickle_writer *writer, bool sole) {
    return sole && writer->rule != MEMO_ALL && writer->suspended == 0;
}
/* Whether a list, dict or set may stay out of the memo; may look the graph over. */
bool pickle_spares_mutable(struct pickle_writer *writer, PyObject *object, bool sole);
/* 1: the object was in the memo and is written; 0: it was not; -1: failed. */
int pickle_write_from_memo(struct pickle_writer *writer, PyObject *object);
/* Puts the object that was just written into the memo, unless in fast mode. */
int pickle_memorize(struct pickle_writer *writer, PyObject *object);
/* Marks an object as unfinished; if it is so already, all that is written until
 * pickle_finish() goes into the memo. -1 and an exception: it is not marked. */
int pickle_begin(struct pickle_writer *writer, PyObject *object);
/* The one that was marked last is finished. */
void pickle_finish(struct pickle_writer *writer);
/* Empties a memo, and then releases what was in it: that may run code that looks at it. */
void pickle_write_memo_release(struct pickle_write_memo *memo);

/* pickle_write_scan.c */
/* Whether no code but this writer's can run until the dump is over: looks the graph
 * over. The collector, which runs finalizers, is stopped for that time. */
bool pickle_is_alone(struct pickle_writer *writer);

/* pickle_write_file.c */

/* Prepares the writer: into memory if file is NULL. -1: no write method. `small`
 * is used as long as the output fits. */
int pickle_writer_open(struct pickle_writer *writer, PyObject *file);
void pickle_writer_use(struct pickle_writer *writer, unsigned char *small, size_t size);
/* Closes the frame if it is long enough and sends away what is full. */
int pickle_writer_boundary(struct pickle_writer *writer);
/* Opcode, size and payload; a long payload outside of frames and not copied.
 * `owner`: an exact bytes object that is the payload, or NULL. */
int pickle_write_payload(struct pickle_writer *writer, const unsigned char *header,
                         size_t header_size, const void *payload, size_t size, PyObject *owner);
int pickle_writer_flush(struct pickle_writer *writer);
/* What was written into memory, as bytes; it is the writer's no longer. */
PyObject *pickle_writer_take(struct pickle_writer *writer);
void pickle_writer_close(struct pickle_writer *writer);

/* pickle_write_atoms.c */
int pickle_write_int(struct pickle_writer *writer, PyObject *number);
int pickle_write_float(struct pickle_writer *writer, PyObject *number);
int pickle_write_bool(struct pickle_writer *writer, PyObject *object);
int pickle_write_str_text(struct pickle_writer *writer, PyObject *text);
int pickle_write_bytes(struct pickle_writer *writer, PyObject *bytes, bool sole);
int pickle_write_bytearray(struct pickle_writer *writer, PyObject *array);
int pickle_write_buffer(struct pickle_writer *writer, PyObject *buffer);

/* pickle_write_containers.c */
int pickle_write_tuple(struct pickle_writer *writer, PyObject *tuple, bool spared);
int pickle_write_list(struct pickle_writer *writer, PyObject *list, bool sole);
int pickle_write_dict(struct pickle_writer *writer, PyObject *dict, bool sole);
int pickle_write_set(struct pickle_writer *writer, PyObject *set, bool sole);
int pickle_write_frozenset(struct pickle_writer *writer, PyObject *set, bool spared);

/* pickle_write_batches.c: what iterators give, put into the object that was just written */
int pickle_write_appends(struct pickle_writer *writer, PyObject *iterator, PyObject *object);
int pickle_write_setitems(struct pickle_writer *writer, PyObject *iterator, PyObject *object);

/* pickle_write_global.c */
int pickle_write_global(struct pickle_writer *writer, PyObject *object, PyObject *name);
int pickle_write_type(struct pickle_writer *writer, PyObject *type);

/* pickle_write_plain.c */
/* The dict of an instance that is written without asking it, a new reference;
 * NULL without an exception: it is to be asked. */
PyObject *pickle_plain_dict(struct pickle_writer *writer, PyObject *object);
int pickle_write_plain(struct pickle_writer *writer, PyObject *object, PyObject *dict, bool sole);

/* pickle_write_reduce.c */
/* What a reduce method returned, whose reference is taken. `noted`: an exception is told
 * that it was the object's. */
int pickle_write_reduced(struct pickle_writer *writer, PyObject *reduced, PyObject *object,
                         bool noted);
/* Anything that has no writer of its own. */
int pickle_write_by_reduction(struct pickle_writer *writer, PyObject *object);

/* pickle_write_note.c: each returns -1 */

/* A PicklingError, in which %U stands for the name of the object's type. */
int pickle_refuse_type(struct pickle_writer *writer, const char *format, PyObject *object);
int pickle_refuse(struct pickle_writer *writer, const char *message);
/* The same because of the exception there is, which becomes its context. */
int pickle_refuse_because(struct pickle_writer *writer, const char *format, ...);
/* Adds to the exception there is what was being written, "when serializing list item 3". */
int pickle_note(PyObject *object, const char *what, ...);

#endif
