/* Where CPython keeps references, of which no public header tells: a row a version.
 *
 * All is checked at start-up against objects made for it (layout_proof.c), so a build that
 * differs is refused, not guessed at. What public headers tell is not here. */
#ifndef SHOAL_PYTHON_COMPACT_LAYOUTS_H
#define SHOAL_PYTHON_COMPACT_LAYOUTS_H

#include "python/common/compat.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef Py_GIL_DISABLED
enum { IS_FREE_THREADED = 1 };
#else
enum { IS_FREE_THREADED = 0 };
#endif

struct layout {
    bool is_known;
    /* Of instances whose dict the interpreter manages. Bytes from the object; both words are
     * before the collector's two. */
    int dict;                /* the dict, or NULL                                          */
    int values;              /* attributes without a dict; 0: see the next two             */
    bool has_tagged_values;  /* they are in the dict's place, less 1                       */
    bool has_inline_values;  /* they lie behind the object, if its type says so            */
    unsigned long inline_values_flag; /* of tp_flags                                       */
    bool dict_tells;         /* of them, when there is one; else the object does           */
    unsigned long preheader_flags;    /* of tp_flags: any means two more words before      */
    /* Of a table of attribute values. */
    int values_first;        /* where its first value is                                   */
    int values_embedded;     /* a byte: it is a part of its object; -1: none ever is        */
    int values_valid;        /* a byte: it is in use                                       */
    int values_capacity;     /* a byte                                                     */
    /* Of texts: a pointer, which leads into the text itself where its characters are as wide as
     * C's are; 0: there is none. */
    int text_wide;
    /* Of ints. */
    int int_size; /* the word that says how many digits there are               */
    int int_size_shift; /* and from which bit on                                      */
    int int_digits;
    /* Hashes that are kept once they were asked for; -1 before. 0: none is. */
    int tuple_hash;
    int frozen_dict_hash;
    /* Of generators, and of what is made like them. */
    int generator_state; /* a byte                                                     */
    int generator_runs; /* its value while the code runs                              */
};

enum { OF_3_11, OF_3_12, OF_3_13, OF_3_14, OF_3_15, OF_OTHERS };

static const struct layout layouts[] = {
    [OF_3_11] = {.is_known = true,
                 .dict = -24,
                 .values = -32,
                 .preheader_flags = 1 << 4,
                 .values_first = 0,
                 .values_embedded = -1,
                 .text_wide = 40,
                 .int_size = 16,
                 .int_size_shift = 0,
                 .int_digits = 24,
                 .generator_state = 75},
    [OF_3_12] = {.is_known = true,
                 .dict = -24,
                 .has_tagged_values = true,
                 .preheader_flags = 1 << 3 | 1 << 4,
                 .values_first = 0,
                 .values_embedded = -1,
                 .int_size = 16,
                 .int_size_shift = 3,
                 .int_digits = 24,
                 .generator_state = 67},
    [OF_3_13] = {.is_known = true,
                 .dict = -24,
                 .has_inline_values = true,
                 .inline_values_flag = 1 << 2,
                 .preheader_flags = 1 << 3 | 1 << 4,
                 .values_first = 8,
                 .values_embedded = 2,
                 .values_valid = 3,
                 .values_capacity = 0,
                 .int_size = 16,
                 .int_size_shift = 3,
                 .int_digits = 24,
                 .generator_state = 67},
    [OF_3_14] = {.is_known = true,
                 .dict = -24,
                 .has_inline_values = true,
                 .inline_values_flag = 1 << 2,
                 .preheader_flags = 1 << 3 | 1 << 4,
                 .values_first = 8,
                 .values_embedded = 2,
                 .values_valid = 3,
                 .values_capacity = 0,
                 .int_size = 16,
                 .int_size_shift = 3,
                 .int_digits = 24,
                 .dict_tells = true,
                 .tuple_hash = 24,
                 .generator_state = 67},
    [OF_3_15] = {.is_known = true,
                 .dict = -24,
                 .has_inline_values = true,
                 .inline_values_flag = 1 << 2,
                 .preheader_flags = 1 << 3 | 1 << 4,
                 .values_first = 8,
                 .values_embedded = 2,
                 .values_valid = 3,
                 .values_capacity = 0,
                 .int_size = 16,
                 .int_size_shift = 3,
                 .int_digits = 24,
                 .dict_tells = true,
                 .tuple_hash = 24,
                 .frozen_dict_hash = 48,
                 .generator_state = 67,
                 .generator_runs = 4},
    [OF_OTHERS] = {.is_known = false, .values_embedded = -1},
};

/* Whether a version, as PY_VERSION_HEX, has the collector that was in 3.14.0 to 3.14.4 only. */
#define HAS_OTHER_COLLECTOR(version) ((version) >= 0x030E0000 && (version) < 0x030E0500)

enum {
    LAYOUT = IS_FREE_THREADED || PY_MAJOR_VERSION != 3 ? OF_OTHERS
    : HAS_OTHER_COLLECTOR(PY_VERSION_HEX)              ? OF_OTHERS
    : PY_MINOR_VERSION == 11                           ? OF_3_11
    : PY_MINOR_VERSION == 12                           ? OF_3_12
    : PY_MINOR_VERSION == 13                           ? OF_3_13
    : PY_MINOR_VERSION == 14                           ? OF_3_14
    : PY_MINOR_VERSION == 15                           ? OF_3_15
                                                       : OF_OTHERS,
};

/* The row of the interpreter that this is built for; the compiler sees constants. */
static const struct layout *const layout = &layouts[LAYOUT];

/* The keys of a dict, and its values unless they are elsewhere; so since 3.11. */
struct dict_keys {
    Py_ssize_t references;
    uint8_t log2_size; /* of the hash table                       */
    uint8_t log2_index_bytes; /* of its indices, all of them             */
    uint8_t kind; /* enum keys_kind                          */
    uint32_t version;
    Py_ssize_t usable;
    Py_ssize_t entries; /* used so far                             */
    char indices[]; /* then the entries                        */
};

enum keys_kind { KEYS_GENERAL, KEYS_UNICODE, KEYS_SPLIT };

struct general_entry {
    Py_hash_t hash;
    PyObject *key, *value;
};

struct unicode_entry {
    PyObject *key, *value;
};

static inline void *entries_of(struct dict_keys *keys) {
    return keys->indices + ((size_t)1 << keys->log2_index_bytes);
}

/* collections.OrderedDict: a list of its keys in their order. */
struct ordered_node {
    PyObject *key;
    Py_hash_t hash;
    struct ordered_node *next, *previous;
};

struct ordered_dict {
    PyDictObject dict;
    struct ordered_node *first, *last;
    struct ordered_node **fast; /* by place in the hash table; or NULL  */
    Py_ssize_t fast_size;
    void *keys_of_fast; /* the dict's keys when `fast` was made */
    size_t state;
    PyObject *attributes, *weak_references;
};

/* collections.defaultdict */
struct default_dict {
    PyDictObject dict;
    PyObject *factory;
};

/* What functools.lru_cache has of an answer, in the order of their last use. Its list has a
 * counted reference to each, by `next`; and the table of answers has one. */
struct cache_link {
    PyObject_HEAD struct cache_link *previous, *next;
    Py_hash_t hash;
    PyObject *key, *answer;
};

/* The cache itself, which is both ends of the list. */
struct cache {
    struct cache_link ends;
    void *call;
    int is_typed;
    PyObject *answers;
    Py_ssize_t hits;
    PyObject *function;
    Py_ssize_t most, misses;
    PyObject *mark, *type_of_links, *type_of_figures;
    PyObject *attributes, *weak_references;
};

/* The collector's two words before an object. Their low bits are flags. */
struct collector_head {
    uintptr_t next, previous;
};

enum { HEAD_FLAGS = 3 };

static inline struct collector_head *head_of(void *object) {
    return (struct collector_head *)object - 1;
}

static inline bool is_tracked(PyObject *object) {
    return PyType_IS_GC(Py_TYPE(object)) && head_of(object)->next != 0;
}

static inline struct collector_head *head_at(uintptr_t link) {
    return (struct collector_head *)(link & ~(uintptr_t)HEAD_FLAGS);
}

static inline PyObject *object_of_head(struct collector_head *head) {
    return (PyObject *)(head + 1);
}

/* Bytes from the start of its block to an object of the type. */
static inline unsigned offset_in_block(const PyTypeObject *type) {
    unsigned offset = PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HAVE_GC) ? 16 : 0;
    return type->tp_flags & layout->preheader_flags ? offset + 16 : offset;
}

static inline void *at_offset(void *start, Py_ssize_t offset) { return (char *)start + offset; }

#ifdef PyFrozenDict_Check
#define FROZEN_DICT_TYPE (&PyFrozenDict_Type)
static inline bool is_frozen_dict(PyObject *object) { return PyFrozenDict_Check(object); }
#else /* before 3.15 */
#define FROZEN_DICT_TYPE ((PyTypeObject *)NULL)
static inline bool is_frozen_dict(PyObject *object) { return (void)object, false; }
#endif

/* Whether the object's hash was asked for and is kept in it: it goes on to be this one. */
static inline bool keeps_hash(PyObject *object) {
    int where = PyTuple_Check(object)    ? layout->tuple_hash
                : is_frozen_dict(object) ? layout->frozen_dict_hash
                                         : 0;
    return where && *(Py_hash_t *)at_offset(object, where) != -1;
}

/* Whether the code of a generator, or of what is made like one, runs now. */
static inline bool is_running(PyObject *object) {
    if (!PyGen_CheckExact(object) && !PyCoro_CheckExact(object) && !PyAsyncGen_CheckExact(object))
        return false;
    return *(int8_t *)at_offset(object, layout->generator_state) == layout->generator_runs;
}

#endif
