/* What is known of a type: where its objects have references, and whether they may move. */
#ifndef SHOAL_PYTHON_COMPACT_SHAPES_H
#define SHOAL_PYTHON_COMPACT_SHAPES_H

#include "python/compact/layouts.h"

/* The part of an object that its type has from a type of the interpreter's. */
enum part {
    PART_UNKNOWN, /* nothing is known of it                                            */
    PART_TELLS,   /* its tp_traverse is believed                                       */
    PART_KEEPS,   /* the same, and what it tells of is its for good                    */
    PART_BYTES,   /* it has no references, and may hold addresses all the same         */
    PART_ATOM,    /* it has no references that matter                                  */
    PART_LINK,    /* an entry of a cache, with which its references are visited        */
    PART_PLAIN,   /* only what classes add: attributes and __slots__                   */
    PART_TUPLE,
    PART_LIST,
    PART_DICT,
    PART_ORDERED, /* of collections.OrderedDict, with a dict's                         */
    PART_DEFAULT, /* of collections.defaultdict, with a dict's                         */
    PART_SET,
    PART_CACHE,   /* of functools.lru_cache                                            */
};

struct shape {
    PyTypeObject *type;
    uint8_t part;        /* enum part                                                  */
    uint8_t offset;      /* in its block                                               */
    bool has_attributes; /* what classes add is known too, and is to be looked at      */
    bool is_laid_out;    /* all references are found                                   */
    bool may_move;       /* as far as the type goes                                    */
};

static inline bool is_believed(const struct shape *shape) {
    return shape->part == PART_TELLS || shape->part == PART_KEEPS;
}

/* All that there is to know is known without a visit. */
static inline bool is_laid_out_alone(const struct shape *shape) {
    return shape->is_laid_out && shape->part < PART_PLAIN;
}

static inline bool has_slots_known(const struct shape *shape) { return shape->part >= PART_PLAIN; }

/* Looks for the types that only modules have, at start-up. -1 and an exception if one is
 * missing. They are kept for the life of the process. */
int shapes_find_types(void);

/* Types may have changed since they were last asked for. */
void shapes_forget(void);

/* Never NULL; good until the next call for another type. */
const struct shape *shape_of(PyTypeObject *type);

/* Whether Python code made it; what of it is in an object, the classes add. */
bool is_class(const PyTypeObject *type);

/* The __slots__ of a class, of which Py_SIZE says how many. */
PyMemberDef *slots_of_class(PyTypeObject *class);

/* Bytes from an object on in which there may be addresses that mean something: none in an
 * atom, nor behind the end, nor in the small table of a set that has another. */
size_t bytes_of_object(PyObject *object, const struct shape *shape);

/* Whether there are any to an object. */
bool has_weak_references(PyObject *object);

/* Whether the state of one object forbids that it moves, though its type allows it. */
bool is_state_fixed(PyObject *object, const struct shape *shape);

#endif
