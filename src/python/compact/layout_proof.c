#include "python/compact/layout_proof.h"

#include "python/compact/collector.h"
#include "python/compact/numbers.h"
#include "python/compact/slots.h"

/* ---- One object ------------------------------------------------------------------- */

/* A sum that each reference changes, whichever the order. */
struct references {
    uintptr_t sum, sum_of_squares;
    size_t count;
    size_t inside; /* words into a block of which this object is a part */
};

static void add(struct references *found, PyObject *object) {
    if (PyUnicode_CheckExact(object) || PyType_Check(object)) return;
    found->sum += (uintptr_t)object;
    found->sum_of_squares += (uintptr_t)object * (uintptr_t)object;
    found->count++;
}

static void add_reference(void *found, PyObject **where) { add(found, *where); }

static void add_key(void *found, PyObject **where, Py_hash_t hash) {
    (void)hash;
    add(found, *where);
}

static bool add_table(void *found, void **where, size_t bytes) {
    (void)bytes;
    (void)found;
    (void)where;
    return true;
}

static void add_inside(void *context, void **where) {
    struct references *found = context;
    (void)where;
    found->inside++;
}

static const struct slot_visitor adding = {add_reference, add_key, add_table, add_inside};

static int add_told(PyObject *object, void *found) {
    add(found, object);
    return 0;
}

/* A dict whose values lie in its object tells of them too. */
static bool has_embedded_values(PyObject *object) {
    if (!PyDict_Check(object)) return false;
    void *values = ((PyDictObject *)object)->ma_values;
    return values && is_embedded(values);
}

/* A cache tells of what its links have, and not of the links, which no collector knows. */
static void add_links(struct references *told, PyObject *object) {
    struct cache *cache = (struct cache *)object;
    struct cache_link *link = cache->ends.next;
    for (; link != &cache->ends; link = link->next) add(told, (PyObject *)link);
}

/* Of an object whose attributes lie in it and who has a dict, one of both tells of them and
 * the object does not tell of the rest. */
static void add_untold(struct references *told, PyObject *object) {
    const PyTypeObject *type = Py_TYPE(object);
    if (!layout->has_inline_values || !(type->tp_flags & layout->inline_values_flag)) return;
    const uint8_t *values = at_offset(object, type->tp_basicsize);
    PyObject *const *value = at_offset((void *)values, layout->values_first);
    PyObject *dict = *(PyObject **)at_offset(object, layout->dict);
    if (!values[layout->values_valid] || !dict) return;
    if (!layout->dict_tells) add(told, dict);
    for (int i = 0; layout->dict_tells && i < values[layout->values_capacity]; i++)
        if (value[i]) add(told, value[i]);
}

bool layout_agrees(PyObject *object) {
    struct references found = {0}, told = {0};
    const struct shape *shape = shape_of(Py_TYPE(object));
    if (!has_slots_known(shape) || !shape->is_laid_out) return true;
    if (has_embedded_values(object)) return true;
    visit_slots(adding, &found, object, shape);
    Py_TYPE(object)->tp_traverse(object, add_told, &told);
    add_untold(&told, object);
    if (shape->part == PART_CACHE) add_links(&told, object);
    return found.count == told.count && found.sum == told.sum &&
           found.sum_of_squares == told.sum_of_squares;
}

/* ---- Samples ------------------------------------------------------------------------- */

/* Each line makes objects of one more shape, in `samples`: their references are objects that
 * are not strings. Each was tried to fail when a number of layouts.h is wrong. */
static const char sample_code[] =
    "from collections import OrderedDict, defaultdict, namedtuple\n"
    "from _functools import _lru_cache_wrapper\n"
    "class Plain: pass\n"
    "class Slots: __slots__ = 'a', 'b', 'c'\n"
    "class Both(Slots): __slots__ = '__dict__', 'd', '__weakref__'\n"
    "class Sub(Both): __slots__ = 'e',\n"
    "class Dict(dict): pass\n"
    "class Ordered(OrderedDict): __slots__ = 'a',\n"
    "class Default(defaultdict): pass\n"
    "class List(list): __slots__ = 'a', 'b'\n"
    "class Set(set): pass\n"
    "Pair = namedtuple('Pair', 'x y')\n"
    "def filled(made, names):\n"
    "    for i, name in enumerate(names.split()):\n"
    "        setattr(made, name, [i])\n"
    "    return made\n"
    "def items(count, key=str): return [(key(i), [i]) for i in range(count)]\n"
    "def without(made, *keys):\n"
    "    for key in keys: del made[key]\n"
    "    return made\n"
    "def cached(most, count):\n"
    "    made = _lru_cache_wrapper(lambda key: [key], most, False, tuple)\n"
    "    for i in range(count): made(i / 2)\n"
    "    return filled(made, 'a')\n"
    "many = ' '.join('name%d' % i for i in range(50))\n"
    "bare, first, third = Plain(), filled(Plain(), 'a b c'), filled(Plain(), 'c a')\n"
    "shown, odd = filled(Plain(), 'a b'), filled(Plain(), many)\n"
    "vars(shown)['not a name'] = [1]; vars(third); vars(odd)\n"
    "samples = [bare, first, third, shown, odd, filled(Slots(), 'a c'), filled(Slots(), 'b'),\n"
    "    filled(Both(), 'a d x y'), filled(Sub(), 'b e z'), Sub(), vars(third), vars(shown),\n"
    "    vars(odd), dict(items(3)), dict(items(100)), dict(items(70000)), dict(items(5, float)),\n"
    "    dict(items(900, float)), without(dict(items(20)), '3', '7'),\n"
    "    without(dict(items(20, int)), 3, 7), filled(Dict(items(4)), 'a b'),\n"
    "    OrderedDict(items(1)), without(OrderedDict(items(30, float)), 4.0, 0.0, 29.0),\n"
    "    filled(OrderedDict(items(3)), 'a'), filled(Ordered(items(9)), 'a'), OrderedDict(),\n"
    "    defaultdict(Plain().__init__, items(5)), filled(Default(Plain().__init__, items(4)), 'a "
    "b'),\n"
    "    (), tuple(items(3)), Pair([1], [2]), [], items(9), filled(List(items(4)), 'a'), set(),\n"
    "    set(items(3, float)[:0]), {1.5, 2.5, (1, 2)}, set(map(float, range(99))),\n"
    "    frozenset(map(float, range(5))), filled(Set([1.5, (3,)]), 'a b')]\n"
    "samples[-2] = frozenset([(1.5,), (2.5, 3)])\n"
    "samples += [cached(4, 9), cached(4, 0), cached(9, 1), cached(None, 5), cached(0, 2)]\n"
    "with_values = [third, shown, odd]\n"
    "hashable = [tuple([(1.5,), 2.5])]\n"
    "if 'frozendict' in __builtins__:\n"
    "    class Frozen(frozendict): __slots__ = 'a',\n"
    "    hashable += [frozendict({1.5: (2.5,), 'a': 3})]\n"
    "    samples += [hashable[-1], frozendict(items(50)), filled(Frozen(items(3)), 'a')]\n"
    "def run():\n"
    "    yield is_running(made)\n"
    "    yield None\n"
    "made = run()\n"
    "runs = [is_running(made), next(made), is_running(made), *made, is_running(made)]\n"
    "runs = runs == [False, True, False, None, False]\n";

static int differ(const char *what) {
    PyErr_Format(PyExc_RuntimeError,
                 "compact() does not know this build of Python %d.%d.%d: %s is elsewhere",
                 PY_MAJOR_VERSION, PY_MINOR_VERSION, PY_MICRO_VERSION, what);
    return -1;
}

static int prove_samples(PyObject *samples) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(samples); i++) {
        PyObject *sample = PyList_GET_ITEM(samples, i);
        const struct shape *shape = shape_of(Py_TYPE(sample));
        if (!has_slots_known(shape) || !layout_agrees(sample)) {
            char what[100];
            PyOS_snprintf(what, sizeof what, "a reference of a %.50s", Py_TYPE(sample)->tp_name);
            return differ(what);
        }
    }
    return 0;
}

/* ---- What is not seen by looking at references ------------------------------------------- */

struct search {
    PyObject *wanted;
    size_t count;
};

static void look_for(void *context, PyObject *object, bool is_frozen) {
    struct search *search = context;
    search->count += object == search->wanted && !is_frozen;
}

static int prove_collector(PyObject *tracked) {
    struct search search = {.wanted = tracked};
    if (!is_tracked(tracked)) return differ("the collector's mark");
    struct collector_head *head = head_of(tracked);
    if (head_at(head_at(head->next)->previous) != head ||
        head_at(head_at(head->previous)->next) != head)
        return differ("a link of the collector's");
    collector_each(look_for, &search);
    return search.count == 1 ? 0 : differ("a list of the collector's");
}

static bool stands_for(PyObject *number, int which, const void *address) {
    uintptr_t found[2];
    return number && number_addresses(number, found) == 2 && found[which] == (uintptr_t)address;
}

static int prove_ints(PyObject *hashed_by_address) {
    PyObject *id = PyLong_FromVoidPtr(hashed_by_address);
    PyObject *hash = PyLong_FromSsize_t(PyObject_Hash(hashed_by_address));
    bool agrees = stands_for(id, 0, hashed_by_address) && stands_for(hash, 1, hashed_by_address);
    Py_XDECREF(id);
    Py_XDECREF(hash);
    return agrees ? 0 : differ("the value of an int");
}

/* Those that are kept by the versions that keep them; of others nothing is to be known. */
static int prove_hashes(PyObject *hashable) {
    const int kept_at[] = {layout->tuple_hash, layout->frozen_dict_hash};
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hashable); i++) {
        PyObject *object = PyList_GET_ITEM(hashable, i);
        bool was_kept = keeps_hash(object);
        Py_hash_t hash = PyObject_Hash(object);
        if (kept_at[i] == 0) continue;
        if (was_kept || !keeps_hash(object) || *(Py_hash_t *)at_offset(object, kept_at[i]) != hash)
            return differ("a hash that is kept");
    }
    return 0;
}

static PyObject *say_if_running(PyObject *Py_UNUSED(self), PyObject *object) {
    return PyBool_FromLong(is_running(object));
}

static PyMethodDef is_running_method = {"is_running", say_if_running, METH_O, NULL};

/* ---- All ------------------------------------------------------------------------------------ */

static PyObject *make_samples(void) {
    PyObject *names = PyDict_New(), *function = PyCFunction_New(&is_running_method, NULL);
    PyObject *done = NULL;
    if (names && function && PyDict_SetItemString(names, "is_running", function) == 0 &&
        PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) == 0)
        done = PyRun_String(sample_code, Py_file_input, names, names);
    if (done == NULL) Py_CLEAR(names);
    Py_XDECREF(function);
    Py_XDECREF(done);
    return names;
}

static int prove_all(PyObject *names) {
    PyObject *samples = PyDict_GetItemString(names, "samples");
    PyObject *hashable = PyDict_GetItemString(names, "hashable");
    if (prove_samples(samples) < 0 || prove_hashes(hashable) < 0) return -1;
    if (PyDict_GetItemString(names, "runs") != Py_True) return differ("the state of a generator");
    PyObject *tracked = PyList_GET_ITEM(samples, 1);
    return prove_collector(tracked) < 0 ? -1 : prove_ints(tracked);
}

int layout_prove(void) {
    if (!layout->is_known || HAS_OTHER_COLLECTOR(Py_Version)) {
        PyErr_Format(PyExc_RuntimeError, "compact() does not know Python %lu.%lu.%lu yet",
                     Py_Version >> 24, Py_Version >> 16 & 255, Py_Version >> 8 & 255);
        return -1;
    }
    PyObject *names = make_samples();
    if (names == NULL) return -1;
    shapes_forget();
    int status = prove_all(names);
    PyDict_Clear(names);
    Py_DECREF(names);
    shapes_forget();
    return status;
}
