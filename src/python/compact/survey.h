/* The first half of a move: which words of the interpreter's are references, and which
 * objects must not move though all of theirs are found. */
#ifndef SHOAL_PYTHON_COMPACT_SURVEY_H
#define SHOAL_PYTHON_COMPACT_SURVEY_H

#include "python/compact/shapes.h"
#include "shoal/compact.h"

/* The marks of struct shoal_note that are the client's. */
enum {
    HANDS_ON = SHOAL_MARK_A,          /* its hash may be made of others', see may_hand_on     */
    IS_REACHED = SHOAL_MARK_B,        /* what it reaches has been looked at, in one of three  */
    IS_WALKED = SHOAL_MARK_C,         /* ways (hashed.c)                                      */
    IS_WALKED_AS_ITEM = SHOAL_MARK_D,
};

/* A reference that was met, and is not looked at before its memory has come. */
struct met {
    PyObject *object;
    Py_hash_t hash;   /* of a key, that its table has of it              */
    struct shoal_found found;
    bool is_found;    /* it is in a block that is noted                  */
    bool is_key;
    bool is_told;
    bool is_read;     /* the scan will read the word                     */
    bool is_shared;   /* the word is shared with another process         */
};

enum { MET = 32 }; /* a power of two */

struct survey {
    struct shoal_mover *mover;
    struct shoal_pointers untracked; /* containers that the collector does not know, each once */
    struct shoal_pointers tellers;   /* objects whose tp_traverse was believed           */
    struct shoal_pointers keys;      /* of tables, whose hash may depend on an address   */
    struct shoal_pointers hand_on;   /* what would be HANDS_ON, and is in no noted block */
    struct shoal_pointers stack;     /* of survey_mark_hashed                            */
    void **outside;                  /* the same: a set of objects that have no note     */
    bool is_holder_shared;           /* what is visited is shared with another process   */
    struct met met[MET];             /* by number, modulo MET                            */
    size_t met_count;                /* so many so far                                   */
    void (*act)(void *context, PyObject *object); /* of survey_each_container            */
    void *context;
};

/* Counts every reference that can be found from what the collector knows. */
void survey_count(struct survey *survey);

/* Marks what must stay where it is, for its address is or may be a hash, or a thread without
 * the interpreter's lock may use it. After survey_count. */
void survey_mark_hashed(struct survey *survey);

/* Makes all known words point to where the blocks are now. */
void survey_rewrite(struct survey *survey);

/* Whether a key that is no common one may be hashed by its address. */
static inline bool is_hashed_by_value(const PyTypeObject *type) {
    return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyBytes_Type ||
           type == &PyFloat_Type || type == &PyBool_Type;
}

static inline bool is_hashed_by_address(const PyTypeObject *type) {
    return type->tp_hash == PyBaseObject_Type.tp_hash;
}

/* All counted references of the object are found. */
static inline bool is_explained(const struct shoal_note *note) { return note->missing == 0; }

/* Whether the object's hash is made of that of others, or nobody knows what of. */
bool may_hand_on(PyObject *object);

/* All containers with known slots. */
void survey_each_container(struct survey *survey, void (*act)(void *context, PyObject *object),
                           void *context);

#endif
