#include "python/compact/shapes.h"

#include <math.h>
#include <string.h>

#include "python/common/module_state.h"

/* ---- Types of the interpreter's --------------------------------------------------------
 *
 * Each is in the list by its own name: a type that is not stays where it is, and so does
 * what it refers to. */

struct known_type {
    PyTypeObject *type;
    const char *module, *name; /* of a type that has no symbol */
    enum part part;
    bool may_move;
};

static struct known_type known[] = {
    {&PyTuple_Type, NULL, NULL, PART_TUPLE, true},
    {&PyList_Type, NULL, NULL, PART_LIST, true},
    {&PyDict_Type, NULL, NULL, PART_DICT, true},
    {FROZEN_DICT_TYPE, NULL, NULL, PART_DICT, true},
    {&PySet_Type, NULL, NULL, PART_SET, true},
    {&PyFrozenSet_Type, NULL, NULL, PART_SET, true},
    {&PyODict_Type, NULL, NULL, PART_ORDERED, false},
    {&PyBaseObject_Type, NULL, NULL, PART_PLAIN, false},
    {&PyUnicode_Type, NULL, NULL, PART_ATOM, true},
    {&PyBytes_Type, NULL, NULL, PART_BYTES, true},
    {&PyLong_Type, NULL, NULL, PART_ATOM, true},
    {&PyFloat_Type, NULL, NULL, PART_ATOM, true},
    {&PyComplex_Type, NULL, NULL, PART_ATOM, true},
    /* What tp_traverse of these tells is all counted references they have, and none of them
     * is a table by address. */
    {&PyCell_Type, NULL, NULL, PART_TELLS, false},
    {&PyFunction_Type, NULL, NULL, PART_TELLS, false},
    {&PyMethod_Type, NULL, NULL, PART_KEEPS, false},
    {&PyClassMethod_Type, NULL, NULL, PART_TELLS, false},
    {&PyStaticMethod_Type, NULL, NULL, PART_TELLS, false},
    {&PyProperty_Type, NULL, NULL, PART_TELLS, false},
    {&PyGen_Type, NULL, NULL, PART_TELLS, false},
    {&PyCoro_Type, NULL, NULL, PART_TELLS, false},
    {&PyAsyncGen_Type, NULL, NULL, PART_TELLS, false},
    {NULL, "collections", "deque", PART_TELLS, false},
    {NULL, "collections", "defaultdict", PART_DEFAULT, false},
    {NULL, "functools", "partial", PART_KEEPS, false},
    {NULL, "_functools", "_lru_cache_wrapper", PART_CACHE, false},
    {NULL, NULL, "_lru_list_elem", PART_LINK, true},
    /* They refer to a time zone at most, which stays for it. */
    {NULL, "datetime", "date", PART_ATOM, true},
    {NULL, "datetime", "time", PART_ATOM, true},
    {NULL, "datetime", "datetime", PART_ATOM, true},
    {NULL, "datetime", "timedelta", PART_ATOM, true},
};
enum { KNOWN = sizeof known / sizeof *known };

static destructor dealloc_of_classes;

/* Of a class that says nothing about it. */
static int find_dealloc(void) {
    PyObject *class = PyObject_CallFunction((PyObject *)&PyType_Type, "s(){}", "Plain");
    if (class == NULL) return -1;
    dealloc_of_classes = ((PyTypeObject *)class)->tp_dealloc;
    Py_DECREF(class);
    return 0;
}

/* No module has it: its caches do. Made by C's own type, as a program may have put something
 * else in the place of functools.lru_cache. */
static PyObject *find_type_of_links(void) {
    PyObject *type_of_caches = import_attribute("_functools", "_lru_cache_wrapper");
    if (type_of_caches == NULL) return NULL;
    PyObject *cache =
        PyObject_CallFunction(type_of_caches, "OiOO", &PyType_Type, 1, Py_False, &PyTuple_Type);
    PyObject *type = NULL;
    if (cache && (PyObject *)Py_TYPE(cache) == type_of_caches &&
        Py_TYPE(cache)->tp_basicsize == sizeof(struct cache))
        type = Py_XNewRef(((struct cache *)cache)->type_of_links);
    if (cache && !type)
        PyErr_SetString(PyExc_RuntimeError,
                        "compact() does not know this build of Python: a cache is another");
    Py_DECREF(type_of_caches);
    Py_XDECREF(cache);
    return type;
}

int shapes_find_types(void) {
    for (size_t i = 0; i < KNOWN; i++) {
        const char *module = known[i].module;
        if (known[i].type || !known[i].name) continue;
        PyObject *type = module ? import_attribute(module, known[i].name) : find_type_of_links();
        if (type == NULL) return -1;
        if (!PyType_Check(type)) {
            PyErr_Format(PyExc_TypeError, "%s is no type", known[i].name);
            Py_DECREF(type);
            return -1;
        }
        known[i].type = (PyTypeObject *)type;
    }
    return find_dealloc();
}

static const struct known_type *find_known(const PyTypeObject *type) {
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].type == type) return &known[i];
    return NULL;
}

/* ---- Types that Python code makes --------------------------------------------------------- */

bool is_class(const PyTypeObject *type) {
    return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_dealloc == dealloc_of_classes;
}

PyMemberDef *slots_of_class(PyTypeObject *class) {
    return at_offset(class, Py_TYPE(class)->tp_basicsize);
}

static bool has_only_slots(PyTypeObject *class) {
    const PyMemberDef *slot = slots_of_class(class);
    for (Py_ssize_t i = 0; i < Py_SIZE(class); i++)
        if (slot[i].type != T_OBJECT_EX || slot[i].flags) return false; /* flags: of tuples, 3.15 */
    return true;
}

/* Whether `type` has, beside what `base` has, only what Python code can add to a class; so
 * nothing of C's. `bytes`: of its __slots__. */
static bool adds_only(const PyTypeObject *type, const PyTypeObject *base, Py_ssize_t bytes) {
    bytes += base->tp_basicsize;
    if (type->tp_weaklistoffset > 0 && base->tp_weaklistoffset == 0) bytes += sizeof(PyObject *);
    if (type->tp_dictoffset > 0 && base->tp_dictoffset == 0) bytes += sizeof(PyObject *);
    return type->tp_basicsize == bytes;
}

/* The type of the interpreter's that a class is made on; NULL when it is made otherwise. */
static PyTypeObject *base_of_class(PyTypeObject *type) {
    Py_ssize_t bytes = 0;
    PyTypeObject *base = type;
    for (; base && is_class(base); base = base->tp_base) {
        if (!has_only_slots(base)) return NULL;
        bytes += Py_SIZE(base) * (Py_ssize_t)sizeof(PyObject *);
    }
    return base && adds_only(type, base, bytes) ? base : NULL;
}

/* Named tuples, and classes like them. One with attributes of its own keeps them behind its
 * items: those are not looked for. */
static void shape_tuple_class(struct shape *shape) {
    const PyTypeObject *type = shape->type;
    bool is_only_tuple = type->tp_dictoffset == 0 && type->tp_weaklistoffset == 0 &&
                         !(type->tp_flags & layout->preheader_flags) &&
                         type->tp_basicsize == PyTuple_Type.tp_basicsize;
    shape->part = PART_TUPLE;
    shape->is_laid_out = is_only_tuple;
    shape->may_move = is_only_tuple && !type->tp_finalize && !type->tp_del;
}

static void shape_class(struct shape *shape) {
    PyTypeObject *type = shape->type, *base = base_of_class(type);
    if (is_class(type) && PyType_IsSubtype(type, &PyTuple_Type)) {
        shape_tuple_class(shape);
        return;
    }
    const struct known_type *of = base ? find_known(base) : NULL;
    if (!of || of->part < PART_PLAIN || type->tp_itemsize) return;
    shape->part = of->part;
    shape->has_attributes = true;
    shape->is_laid_out = true;
    shape->may_move = of->part == PART_PLAIN && !type->tp_finalize && !type->tp_del;
}

static void shape_type(struct shape *shape, PyTypeObject *type) {
    *shape = (struct shape){.type = type, .offset = (uint8_t)offset_in_block(type)};
    const struct known_type *found = find_known(type);
    if (!found) {
        shape_class(shape);
    } else if (type != &PyBaseObject_Type) {
        shape->part = found->part;
        shape->may_move = found->may_move;
        shape->is_laid_out = found->part >= PART_ATOM;
        shape->has_attributes = found->part > PART_PLAIN && type->tp_dictoffset > 0;
    }
}

/* ---- By type -------------------------------------------------------------------------------- */

enum { SHAPES = 1024 }; /* kept; a power of two */
static struct shape shapes[SHAPES];

void shapes_forget(void) { memset(shapes, 0, sizeof shapes); }

const struct shape *shape_of(PyTypeObject *type) {
    struct shape *shape = &shapes[((uintptr_t)type >> 4 ^ (uintptr_t)type >> 14) % SHAPES];
    if (shape->type != type) shape_type(shape, type);
    return shape;
}

/* ---- By object ------------------------------------------------------------------------------- */

/* An interned one is in a table by its address; before 3.12 one may be made in two steps, or
 * have its own address. */
static bool is_fixed_text(PyObject *text) {
    bool is_wide = layout->text_wide && *(void **)at_offset(text, layout->text_wide);
    return is_wide || !PyUnicode_IS_READY(text) || !PyUnicode_IS_COMPACT(text) ||
           PyUnicode_CHECK_INTERNED(text);
}

bool has_weak_references(PyObject *object) {
    Py_ssize_t offset = Py_TYPE(object)->tp_weaklistoffset;
    return offset != 0 && *(void **)at_offset(object, offset) != NULL;
}

/* What is no number is hashed by its address. */
static bool is_no_number(PyObject *object) {
    if (PyFloat_CheckExact(object)) return isnan(PyFloat_AS_DOUBLE(object));
    if (!PyComplex_CheckExact(object)) return false;
    Py_complex value = ((PyComplexObject *)object)->cval;
    return isnan(value.real) || isnan(value.imag);
}

/* Attributes that lie in the object, or did. */
static size_t bytes_of_attributes(PyObject *object, const PyTypeObject *type) {
    if (!layout->has_inline_values || !(type->tp_flags & layout->inline_values_flag)) return 0;
    const uint8_t *values = at_offset(object, type->tp_basicsize);
    size_t room = (size_t)layout->values_first + values[layout->values_capacity] * sizeof(void *);
    return values[layout->values_valid] ? room : 0;
}

size_t bytes_of_object(PyObject *object, const struct shape *shape) {
    const PyTypeObject *type = shape->type;
    size_t items = type->tp_itemsize ? (size_t)Py_SIZE(object) * (size_t)type->tp_itemsize : 0;
    if (shape->part == PART_ATOM) return 0;
    if (shape->part == PART_ORDERED) return offsetof(struct ordered_dict, keys_of_fast);
    if (shape->part == PART_SET &&
        ((PySetObject *)object)->table != ((PySetObject *)object)->smalltable)
        return offsetof(PySetObject, smalltable);
    return (size_t)type->tp_basicsize + items + bytes_of_attributes(object, type);
}

bool is_state_fixed(PyObject *object, const struct shape *shape) {
    if (PyUnicode_CheckExact(object)) return is_fixed_text(object);
    if (shape->part == PART_ATOM) return is_no_number(object);
    return has_weak_references(object);
}
