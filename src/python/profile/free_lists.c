#include "free_lists.h"

#include <stddef.h>

#undef _PyGC_FINALIZED /* both headers have it */
#define Py_BUILD_CORE
#include <internal/pycore_interp.h>
#undef Py_BUILD_CORE

#include "future_iterators.h"
#include "shoal/profile.h"

/* A row of pointers, or a chain through the objects themselves. */
struct free_list {
    void **first;      /* of the row, or the head of the chain                  */
    list_count *count; /* of what is in it                                      */
    int link;          /* of a chain: where an object has the next; or IS_A_ROW */
    int closed;        /* the count that closes it; 0: it has to be emptied     */
    void (*release)(void *block);
};

enum { IS_A_ROW = -1 };

/* ---- Where they are, a version each -------------------------------------------------
 *
 * A chain of which the head tells whether there is something is closed by having none
 * and being full. Other lists can be closed since 3.13, by a count of -1. Until then
 * they are emptied as soon as an object of theirs was freed. */

enum { FLOATS, LISTS, DICTS, TABLES, CONTEXTS, YIELDED, SENDS, TUPLES, SIZES = 20 };
enum { OTHERS = TUPLES + SIZES, OTHERS_MOST = 16 };

static struct free_list lists[OTHERS + OTHERS_MOST];
static int all = OTHERS;
static PySliceObject **slice; /* the one that is kept; until 3.13 */

enum {
    CLOSED = -1,
    OF_FLOATS = offsetof(PyObject, ob_type),
    OF_TUPLES = offsetof(PyTupleObject, ob_item),
    OF_CONTEXTS = offsetof(PyContext, ctx_weakreflist),
};

#define AT(name, items, counted, link, closed, release) \
    lists[name] = (struct free_list) { (void **)(items), &(counted), link, closed, release }

#ifdef Py_GIL_DISABLED

enum { HAS_FUTURE_ITERATORS = 0, HAS_INTS = 0 };

/* Every thread has its own there, and no profiler runs: see _profile.c. */
static void locate(PyInterpreterState *Py_UNUSED(of)) {}

#elif PY_VERSION_HEX >= 0x030E0000

enum { HAS_FUTURE_ITERATORS = 1, HAS_INTS = 1 };

/* All are chains through the first word. */
#define CHAIN(name, of, release) AT(name, &(of).freelist, (of).size, 0, CLOSED, release)

static void locate_others(struct _Py_freelists *of) {
    CHAIN(all++, of->ints, PyObject_Free);
    CHAIN(all++, of->list_iters, PyObject_GC_Del);
    CHAIN(all++, of->tuple_iters, PyObject_GC_Del);
    CHAIN(all++, of->slices, PyObject_GC_Del);
    CHAIN(all++, of->ranges, PyObject_Free);
    CHAIN(all++, of->range_iters, PyObject_Free);
    CHAIN(all++, of->futureiters, PyObject_GC_Del);
    CHAIN(all++, of->unicode_writers, PyMem_Free);
    CHAIN(all++, of->pycfunctionobject, PyObject_GC_Del);
    CHAIN(all++, of->pycmethodobject, PyObject_GC_Del);
    CHAIN(all++, of->pymethodobjects, PyObject_GC_Del);
#if PY_VERSION_HEX >= 0x030F0000
    CHAIN(all++, of->complexes, PyObject_Free);
    CHAIN(all++, of->bytes_writers, PyMem_Free);
#endif
}

static void locate(PyInterpreterState *interpreter) {
    struct _Py_freelists *of = &interpreter->object_state.freelists;
    CHAIN(FLOATS, of->floats, PyObject_Free);
    CHAIN(LISTS, of->lists, PyObject_GC_Del);
    CHAIN(DICTS, of->dicts, PyObject_GC_Del);
    CHAIN(TABLES, of->dictkeys, PyMem_Free);
    CHAIN(CONTEXTS, of->contexts, PyObject_GC_Del);
    CHAIN(YIELDED, of->async_gens, PyObject_GC_Del);
    CHAIN(SENDS, of->async_gen_asends, PyObject_GC_Del);
    for (int i = 0; i < SIZES; i++)
        AT(TUPLES + i, &of->tuples[i].freelist, of->tuples[i].size, 0, Py_tuple_MAXFREELIST,
           PyObject_GC_Del);
    locate_others(of);
}

#elif PY_VERSION_HEX >= 0x030D0000

enum { HAS_FUTURE_ITERATORS = 0, HAS_INTS = 0 };

static void locate(PyInterpreterState *interpreter) {
    struct _Py_object_freelists *of = &interpreter->object_state.freelists;
    AT(FLOATS, &of->floats.items, of->floats.numfree, OF_FLOATS, PyFloat_MAXFREELIST,
       PyObject_Free);
    AT(LISTS, of->lists.items, of->lists.numfree, IS_A_ROW, CLOSED, PyObject_GC_Del);
    AT(DICTS, of->dicts.items, of->dicts.numfree, IS_A_ROW, CLOSED, PyObject_GC_Del);
    AT(TABLES, of->dictkeys.items, of->dictkeys.numfree, IS_A_ROW, CLOSED, PyMem_Free);
    AT(CONTEXTS, &of->contexts.items, of->contexts.numfree, OF_CONTEXTS, CLOSED, PyObject_GC_Del);
    AT(YIELDED, of->async_gens.items, of->async_gens.numfree, IS_A_ROW, CLOSED, PyObject_GC_Del);
    AT(SENDS, of->async_gen_asends.items, of->async_gen_asends.numfree, IS_A_ROW, CLOSED,
       PyObject_GC_Del);
    for (int i = 0; i < SIZES; i++)
        AT(TUPLES + i, &of->tuples.items[i], of->tuples.numfree[i], OF_TUPLES, PyTuple_MAXFREELIST,
           PyObject_GC_Del);
    slice = &of->slices.slice_cache;
}

#else

enum { HAS_FUTURE_ITERATORS = 0, HAS_INTS = 0 };

static void locate(PyInterpreterState *of) {
    AT(FLOATS, &of->float_state.free_list, of->float_state.numfree, OF_FLOATS, PyFloat_MAXFREELIST,
       PyObject_Free);
    AT(LISTS, of->list.free_list, of->list.numfree, IS_A_ROW, 0, PyObject_GC_Del);
    AT(DICTS, of->dict_state.free_list, of->dict_state.numfree, IS_A_ROW, 0, PyObject_GC_Del);
    AT(TABLES, of->dict_state.keys_free_list, of->dict_state.keys_numfree, IS_A_ROW, 0,
       PyObject_Free);
    AT(CONTEXTS, &of->context.freelist, of->context.numfree, OF_CONTEXTS, 0, PyObject_GC_Del);
    AT(YIELDED, of->async_gen.value_freelist, of->async_gen.value_numfree, IS_A_ROW, 0,
       PyObject_GC_Del);
    AT(SENDS, of->async_gen.asend_freelist, of->async_gen.asend_numfree, IS_A_ROW, 0,
       PyObject_GC_Del);
    for (int i = 0; i < SIZES; i++)
        AT(TUPLES + i, &of->tuple.free_list[i], of->tuple.numfree[i], OF_TUPLES,
           PyTuple_MAXFREELIST, PyObject_GC_Del);
    slice = &of->slice_cache;
}

#endif

/* ---- One list ----------------------------------------------------------------------- */

static void empty(const struct free_list *list) {
    if (list->link == IS_A_ROW) {
        while (*list->count > 0) list->release(list->first[--*list->count]);
        return;
    }
    char *block = *list->first;
    *list->first = NULL;
    *list->count = 0;
    while (block) {
        char *next = *(char **)(block + list->link);
        list->release(block);
        block = next;
    }
}

static void empty_slice(void) {
    if (!slice) return;
    PySliceObject *kept = *slice;
    *slice = NULL;
    if (kept) PyObject_GC_Del(kept);
}

/* ---- Types whose objects go to lists ------------------------------------------------------
 *
 * Their own functions are called by ours: before 3.13 while the lists of theirs have to be
 * emptied, and on all versions while the lists are open and blocks have notes. What the
 * interpreter frees without asking the type (floats and ints in arithmetic) passes by. */

static int are_closed;

static void *block_of(void *tracked) { return (char *)tracked - sizeof(PyGC_Head); }

/* Whoever takes it from the list is not who made it. */
static void forget(const void *block) {
    if (!are_closed && shoal_profile_is_noted(block)) shoal_profile_forget(block);
}

static void empty_unclosed(int list) {
    if (are_closed && !lists[list].closed) empty(&lists[list]);
}

enum { LIST, DICT, CONTEXT, SEND, SLICE, TUPLE, FLOAT, INT, HOOKS };
static destructor before[HOOKS];

/* Deep structures must not be freed by as deep a recursion: the interpreter sees to it
 * only where the type's own function is the one that it knows. */
static void free_list_object(PyObject *object) {
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, free_list_object) forget(block_of(object));
    before[LIST](object);
    empty_unclosed(LISTS);
    Py_TRASHCAN_END
}

static void free_dict(PyObject *object) {
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, free_dict) forget(block_of(object));
    forget(((PyDictObject *)object)->ma_keys);
    before[DICT](object);
    empty_unclosed(TABLES);
    empty_unclosed(DICTS);
    Py_TRASHCAN_END
}

static void free_tuple(PyObject *object) {
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, free_tuple) forget(block_of(object));
    before[TUPLE](object);
    Py_TRASHCAN_END
}

static void free_context(PyObject *object) {
    forget(block_of(object));
    before[CONTEXT](object);
    empty_unclosed(CONTEXTS);
}

/* What was yielded is unpacked, and gone, before. */
static void free_send(PyObject *object) {
    forget(block_of(object));
    before[SEND](object);
    empty_unclosed(YIELDED);
    empty_unclosed(SENDS);
}

static void free_slice(PyObject *object) {
    forget(block_of(object));
    before[SLICE](object);
    if (are_closed) empty_slice();
}

static void free_float(PyObject *object) {
    forget(object);
    before[FLOAT](object);
}

static void free_int(PyObject *object) {
    forget(object);
    before[INT](object);
}

/* By when a function of ours is in the type's place. */
enum { WHILE_OPEN = 1, WHILE_UNCLOSED = 2, NEVER = 0 };

static void exchange(PyTypeObject *type, int hook, destructor ours, int wanted) {
    if (wanted && type->tp_dealloc != ours) {
        before[hook] = type->tp_dealloc;
        type->tp_dealloc = ours;
    } else if (!wanted && type->tp_dealloc == ours) {
        type->tp_dealloc = before[hook];
    }
}

static void exchange_all(int when) {
    int has_unclosed = !lists[LISTS].closed && when == WHILE_UNCLOSED;
    int wanted = when == WHILE_OPEN || has_unclosed;
    exchange(&PyList_Type, LIST, free_list_object, wanted);
    exchange(&PyDict_Type, DICT, free_dict, wanted);
    exchange(&PyContext_Type, CONTEXT, free_context, wanted);
    exchange(&_PyAsyncGenASend_Type, SEND, free_send, wanted);
    exchange(&PySlice_Type, SLICE, free_slice, when == WHILE_OPEN || (slice && when));
    exchange(&PyTuple_Type, TUPLE, free_tuple, when == WHILE_OPEN);
    exchange(&PyFloat_Type, FLOAT, free_float, when == WHILE_OPEN);
    if (HAS_INTS) exchange(&PyLong_Type, INT, free_int, when == WHILE_OPEN);
}

/* ---- Whether they are as they are known to be -------------------------------------------- */

static int is_known;

/* An object that is made takes one out, if there is any: then there is room. */
static int receives(const struct free_list *list, PyObject *made) {
    if (made == NULL) return 0;
    list_count before = *list->count;
    const void *block = made;
    Py_DECREF(made);
    if (*list->count != before + 1) return 0;
    return block == (list->link == IS_A_ROW ? list->first[before] : *list->first);
}

static PyObject *small_dict(void) {
    PyObject *dict = PyDict_New();
    if (dict && PyDict_SetItemString(dict, "key", Py_None) < 0) Py_CLEAR(dict);
    return dict;
}

static int are_found(void) {
    list_count tables = 0;
    PyObject *dict = small_dict();
    if (dict) tables = *lists[TABLES].count;
    int found = receives(&lists[DICTS], dict);
    int has_table = *lists[TABLES].count == tables + 1;
    return found && has_table && receives(&lists[FLOATS], PyFloat_FromDouble(0.5)) &&
           receives(&lists[TUPLES], PyTuple_New(1)) && receives(&lists[LISTS], PyList_New(0)) &&
           receives(&lists[CONTEXTS], PyContext_New());
}

/* ---- All of them --------------------------------------------------------------------------- */

static const list_count nothing;
static void *const no_tuple;
static const struct free_lists_signs no_signs = {&nothing, &nothing, 0, &no_tuple, NULL};
struct free_lists_signs free_lists_signs = {&nothing, &nothing, 0, &no_tuple, NULL};

static int is_emptying;

/* ---- The tuple of one that lies ready ---------------------------------------------------- */

static const struct free_list *const of_one = &lists[TUPLES];

enum { BYTES_OF_ONE = sizeof(PyGC_Head) + sizeof(PyTupleObject) };

/* tracemalloc looks at what comes out of a list, if it knows it, and takes memory for that. */
static void keep(void *tuple) {
    free_lists_signs.kept_tuple = tuple;
    if (tuple) PyTraceMalloc_Untrack(0, (uintptr_t)block_of(tuple));
}

/* Puts one there, which is nobody's: also when a full collection frees it. The list is
 * empty, and full with it. */
static void lay_ready(void) {
    struct shoal_profile_pause pause;
    shoal_profile_pause(&pause);
    PyObject *tuple = PyTuple_New(1);
    if (tuple)
        shoal_profile_disown(block_of(tuple), BYTES_OF_ONE);
    else
        PyErr_Clear();
    *of_one->count = of_one->closed - 1;
    Py_XDECREF(tuple);
    *of_one->count = of_one->closed;
    keep(*of_one->first);
    shoal_profile_resume(&pause);
}

/* What was just freed into the list is nobody's as well. */
static void leave_to_nobody(void *tuple) {
    struct shoal_profile_pause pause;
    shoal_profile_gave(block_of(tuple), 1);
    shoal_profile_pause(&pause);
    shoal_profile_took(block_of(tuple), BYTES_OF_ONE, 1);
    shoal_profile_disown(block_of(tuple), BYTES_OF_ONE);
    shoal_profile_resume(&pause);
}

/* A full collection frees it, where it lies in the list: then it was given back. */
static void took_what_lay_ready(void *tuple) {
    void *block = block_of(tuple);
    if (!shoal_profile_is_nobodys(block)) return;
    shoal_profile_gave(block, 1);
    shoal_profile_took(block, BYTES_OF_ONE, 1);
}

/* The one that lay ready is in use, and stays so: it is a block like any other. What
 * lies there instead was freed. */
static void settle_tuple(void) {
    void *taken = free_lists_signs.kept_tuple, *freed = *of_one->first;
    if (taken == freed) return;
    is_emptying = 1;
    if (freed) leave_to_nobody(freed);
    if (taken) took_what_lay_ready(taken);
    keep(freed);
    if (!freed) lay_ready();
    is_emptying = 0;
}

static void close_each(void) {
    is_emptying = 1;
    for (int i = 0; i < all; i++) {
        empty(&lists[i]);
        if (lists[i].closed) *lists[i].count = lists[i].closed;
    }
    empty_slice();
    is_emptying = 0;
}

static void open_each(void) {
    empty(of_one);
    for (int i = 0; i < all; i++)
        if (lists[i].closed) *lists[i].count = 0;
}

/* What is emptied is given back, and that is looked at again. */
void free_lists_close_again(void) {
    if (is_emptying || !are_closed) return;
    settle_tuple();
    if (!free_lists_have_strays()) return;
    close_each();
    is_emptying = 1;
    lay_ready();
    is_emptying = 0;
}

/* The cache of attributes keeps names that nobody else has any more, until others fall
 * on their places: 64 bytes less, then, for whichever line it is that looks for these. */
static void empty_cache_of_names(void) { (void)PyType_ClearCache(); }

void free_lists_close(void) {
    if (!is_known || are_closed) return;
    are_closed = 1;
    empty_cache_of_names();
    close_each();
    exchange_all(WHILE_UNCLOSED);
    if (!HAS_FUTURE_ITERATORS) future_iterators_free_at_once();
    const list_count *tables = lists[TABLES].closed ? &nothing : lists[TABLES].count;
    free_lists_signs = (struct free_lists_signs){lists[FLOATS].count, tables, lists[FLOATS].closed,
                                                 of_one->first, NULL};
    is_emptying = 1;
    lay_ready();
    is_emptying = 0;
}

void free_lists_open(void) {
    if (!are_closed) return;
    are_closed = 0;
    free_lists_signs = no_signs;
    exchange_all(NEVER);
    open_each();
}

void free_lists_forget_what_comes(int wanted) {
    if (is_known && !are_closed) exchange_all(wanted ? WHILE_OPEN : NEVER);
}

void free_lists_empty(void) {
    if (!is_known) return;
    if (are_closed) {
        free_lists_settle();
        return;
    }
    close_each();
    open_each();
}

void free_lists_find(void) {
    static PyInterpreterState *of;
    if (of) return;
    of = PyInterpreterState_Get();
    locate(of);
    is_known = are_found();
    PyErr_Clear();
}
