/* Objects whose address somebody else's hash, or a thread, may depend on.
 *
 * A key that is hashed by its address stays. So does what a hash goes on to: a tuple's is
 * that of its items, and of an object with a __hash__ of its own nobody knows what it is made
 * of, so all stays that the object reaches. The same holds of what may be a key of a table
 * that nobody knows: tuples, sets and such objects with references that are not found; and
 * of a hash that is kept in its object, or in a weak reference to it, and would be another if
 * it were made anew.
 *
 * A thread without the interpreter's lock may use what it owns, which is counted and not
 * found, and what that owns for good: the items of a tuple. */
#include "python/compact/survey.h"

enum way {
    BY_HASH,  /* through what hands its items' hashes on                */
    AS_ITEMS, /* the same, and all on the way may be in use by a thread */
    ALL,      /* everything that is reached may be hashed by its address */
};

static const uint16_t mark_of_way[] = {
    [BY_HASH] = IS_WALKED,
    [AS_ITEMS] = IS_WALKED | IS_WALKED_AS_ITEM,
    [ALL] = IS_REACHED,
};
static const uint16_t done_of_way[] = {
    [BY_HASH] = IS_WALKED,
    [AS_ITEMS] = IS_WALKED_AS_ITEM,
    [ALL] = IS_REACHED,
};

/* ---- A set of what has no note ------------------------------------------------------- */

enum { OUTSIDE = 1 << 16 };

/* Whether it was there before; as good as there when there is no room. */
static bool add_outside(struct survey *survey, PyObject *object, enum way way) {
    uintptr_t entry = (uintptr_t)object | way, at = entry * UINT64_C(0x9E3779B97F4A7C15) >> 48;
    if (!survey->outside)
        survey->outside = shoal_mover_memory(survey->mover, OUTSIDE * sizeof(void *));
    if (!survey->outside) return true;
    for (size_t i = 0; i < OUTSIDE / 2; i++, at = (at + 1) % OUTSIDE) {
        if (survey->outside[at] == (void *)entry) return true;
        if (survey->outside[at]) continue;
        survey->outside[at] = (void *)entry;
        return false;
    }
    survey->mover->is_short = true;
    return true;
}

/* ---- One step ---------------------------------------------------------------------------- */

static void push(struct survey *survey, PyObject *object, enum way way) {
    shoal_pointers_add(survey->mover, &survey->stack, (void *)((uintptr_t)object | way));
}

static int push_by_hash(PyObject *object, void *survey) {
    push(survey, object, BY_HASH);
    return 0;
}

static int push_as_item(PyObject *object, void *survey) {
    push(survey, object, AS_ITEMS);
    return 0;
}

static int push_all(PyObject *object, void *survey) {
    push(survey, object, ALL);
    return 0;
}

static const visitproc push_in_way[] = {
    [BY_HASH] = push_by_hash, [AS_ITEMS] = push_as_item, [ALL] = push_all};

static bool is_end(PyObject *object) {
    return is_hashed_by_value(Py_TYPE(object)) || PyType_Check(object) || PyModule_Check(object) ||
           PyFunction_Check(object) || PyCode_Check(object);
}

/* A tuple's class that has no hash hands none on; what it has is its for good all the same. */
static bool hands_hashes_on(PyObject *object) {
    const PyTypeObject *type = Py_TYPE(object);
    return (PyTuple_Check(object) && (type->tp_hash == PyTuple_Type.tp_hash ||
                                      type->tp_hash == PyObject_HashNotImplemented)) ||
           (PyFrozenSet_Check(object) && type->tp_hash == PyFrozenSet_Type.tp_hash) ||
           (is_frozen_dict(object) && type->tp_hash == FROZEN_DICT_TYPE->tp_hash);
}

static bool has_own_hash(const PyTypeObject *type) {
    return type->tp_hash && !is_hashed_by_address(type) &&
           type->tp_hash != PyObject_HashNotImplemented;
}

bool may_hand_on(PyObject *object) {
    return hands_hashes_on(object) || has_own_hash(Py_TYPE(object));
}

/* What no collector knows yet may not be whole. */
static bool may_be_traversed(PyObject *object) {
    return PyType_IS_GC(Py_TYPE(object)) && Py_TYPE(object)->tp_traverse &&
           (is_tracked(object) || PyTuple_Check(object) || PyDict_CheckExact(object) ||
            is_frozen_dict(object) || PyList_CheckExact(object) || PyAnySet_CheckExact(object));
}

static void go_on(struct survey *survey, PyObject *object, enum way way) {
    if (may_be_traversed(object)) Py_TYPE(object)->tp_traverse(object, push_in_way[way], survey);
}

static void mark_key(struct survey *survey, PyObject *object) {
    struct shoal_found found;
    if (shoal_find(survey->mover, (uintptr_t)object, &found))
        shoal_keep(found.note, SHOAL_REASON_HASH);
}

/* Whether it is looked at in this way for the first time. */
static bool is_first(struct survey *survey, struct shoal_note *note, PyObject *object,
                     enum way way) {
    if (!note) return !add_outside(survey, object, way);
    if (note->marks & (done_of_way[way] | IS_REACHED)) return false;
    note->marks |= mark_of_way[way];
    return true;
}

/* A weak reference has the hash of what it refers to, of which it does not tell. */
static void step_weakly(struct survey *survey, PyObject *reference, enum way way) {
    PyObject *object = ((PyWeakReference *)reference)->wr_object;
    if (object && object != Py_None) push(survey, object, way);
}

static void step(struct survey *survey, PyObject *object, enum way way, bool is_start) {
    struct shoal_found found;
    bool is_noted = shoal_find(survey->mover, (uintptr_t)object, &found);
    struct shoal_note *note = is_noted ? found.note : NULL;
    bool by_address = is_hashed_by_address(Py_TYPE(object));
    if (note && (way == ALL || by_address)) shoal_keep(note, SHOAL_REASON_HASH);
    if (note && way == AS_ITEMS && !is_start) shoal_keep(note, SHOAL_REASON_ITEM);
    if (PyWeakref_Check(object)) step_weakly(survey, object, way);
    if (is_end(object)) return;
    if (hands_hashes_on(object)) {
        if (is_first(survey, note, object, way)) go_on(survey, object, way);
    } else if (way == ALL) {
        if (is_first(survey, note, object, ALL)) go_on(survey, object, ALL);
    } else if (PyMethod_Check(object)) {
        mark_key(survey, PyMethod_GET_SELF(object));
    } else if (has_own_hash(Py_TYPE(object))) {
        push(survey, object, ALL);
    }
}

static void reach_on(struct survey *survey) {
    while (survey->stack.count > 0 && !survey->mover->is_short) {
        uintptr_t entry = (uintptr_t)survey->stack.items[--survey->stack.count];
        step(survey, (PyObject *)(entry & ~(uintptr_t)3), entry & 3, false);
    }
}

static void reach(struct survey *survey, PyObject *start, enum way way) {
    survey->stack.count = 0;
    step(survey, start, way, true);
    reach_on(survey);
}

/* ---- Where from ------------------------------------------------------------------------------ */

static bool is_all_found(struct survey *survey, PyObject *object) {
    struct shoal_found found;
    return shoal_find(survey->mover, (uintptr_t)object, &found) && is_explained(found.note);
}

static void reach_from_container(void *context, void *of) {
    struct survey *survey = context;
    PyObject *object = of;
    bool hands_on = hands_hashes_on(object);
    if (!hands_on && !has_own_hash(Py_TYPE(object))) return;
    if (keeps_hash(object) || has_weak_references(object)) reach(survey, object, BY_HASH);
    if (is_all_found(survey, object)) return;
    reach(survey, object, hands_on && survey->mover->has_threads ? AS_ITEMS : BY_HASH);
}

/* A method's hash is made of the address of the object that it is bound to. */
static void reach_from_teller(struct survey *survey, PyObject *object) {
    bool is_its_for_good = shape_of(Py_TYPE(object))->part == PART_KEEPS;
    if (!is_its_for_good || is_all_found(survey, object)) return;
    if (PyMethod_Check(object)) mark_key(survey, PyMethod_GET_SELF(object));
    if (!survey->mover->has_threads) return;
    survey->stack.count = 0;
    go_on(survey, object, AS_ITEMS);
    reach_on(survey);
}

void survey_mark_hashed(struct survey *survey) {
    for (size_t i = 0; i < survey->keys.count; i++) reach(survey, survey->keys.items[i], BY_HASH);
    shoal_mover_each(survey->mover, (enum shoal_mark)HANDS_ON, reach_from_container, survey);
    for (size_t i = 0; i < survey->hand_on.count; i++)
        reach_from_container(survey, survey->hand_on.items[i]);
    for (size_t i = 0; i < survey->tellers.count; i++)
        reach_from_teller(survey, survey->tellers.items[i]);
}
