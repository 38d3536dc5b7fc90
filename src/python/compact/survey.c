#include "python/compact/survey.h"

#include "python/compact/collector.h"
#include "python/compact/numbers.h"
#include "python/compact/slots.h"

/* ---- Objects ------------------------------------------------------------------------ */

/* What is in a block from `bytes` on is nobody's. */
static void note_used(const struct shoal_found *found, size_t bytes) {
    size_t block_bytes = found->pool->block_bytes;
    if (bytes < block_bytes)
        found->note->unused_words = (uint16_t)((block_bytes - bytes) / sizeof(shoal_word));
}

/* Of an object that is on its way out there are none, and it is not to be touched. */
static size_t references_of(PyObject *object) {
    Py_ssize_t count = Py_REFCNT(object);
    return count > 0 ? (size_t)count : SIZE_MAX;
}

static void keep(struct survey *survey, uintptr_t word, enum shoal_reason reason) {
    struct shoal_found found;
    if (shoal_find(survey->mover, word, &found)) shoal_keep(found.note, reason);
}

/* Of an int, also of one of a class: what its value may be the address of. */
static void note_number(struct survey *survey, PyObject *object) {
    uintptr_t addresses[2];
    for (unsigned i = number_addresses(object, addresses); i-- > 0;)
        keep(survey, addresses[i], SHOAL_REASON_NUMBER);
}

/* In stress its end is to be known, and that of what is read always. */
static bool is_end_asked_for(const struct survey *survey, const struct shape *shape) {
    return shape->part == PART_BYTES || (survey->mover->is_stress && shape->is_laid_out);
}

static bool is_in_place(const struct shoal_found *found, const PyObject *object,
                        const struct shape *shape) {
    return (const char *)object == found->start + shape->offset;
}

/* A container is laid out once its slots have been visited. What is in the midst of a block is
 * no object of ours. */
static void note_object(struct survey *survey, const struct shoal_found *found, PyObject *object) {
    const struct shape *shape = shape_of(Py_TYPE(object));
    struct shoal_note *note = found->note;
    if (!is_in_place(found, object, shape)) {
        shoal_keep(note, SHOAL_REASON_STATE);
        return;
    }
    shoal_note_object(note, shape->offset, references_of(object));
    if (!shape->may_move)
        shoal_keep(note, SHOAL_REASON_TYPE);
    else if (is_state_fixed(object, shape))
        shoal_keep(note, SHOAL_REASON_STATE);
    if (is_end_asked_for(survey, shape))
        note_used(found, shape->offset + bytes_of_object(object, shape));
    if (is_laid_out_alone(shape)) note->marks |= SHOAL_IS_LAID_OUT;
    if (PyLong_Check(object)) note_number(survey, object);
    if (has_slots_known(shape) && !is_tracked(object))
        shoal_pointers_add(survey->mover, &survey->untracked, object);
}

/* The note of an object that is in a noted block, which becomes its. */
static inline struct shoal_note *note_in(struct survey *survey, const struct shoal_found *found,
                                         PyObject *object) {
    if (!(found->note->marks & SHOAL_IS_OBJECT))
        note_object(survey, found, object);
    else if ((char *)object != found->start + shoal_offset(found->note))
        shoal_keep(found->note, SHOAL_REASON_STATE);
    return found->note;
}

/* ---- References, a little after they are met --------------------------------------------
 *
 * Most lead to memory that is in no cache. So it is asked for: the object and the record of
 * its pool at once, the note when others have been met meanwhile; some more, and it is there. */

enum { TO_NOTE = MET / 2 - 4, TO_LOOK = MET - 4 };

static void find_met(struct survey *survey, struct met *met) {
    const struct shoal_mover_pool *pool = shoal_pool_of(survey->mover, (uintptr_t)met->object);
    met->is_found = pool && shoal_find_in(survey->mover, pool, (uintptr_t)met->object, &met->found);
    if (met->is_found) __builtin_prefetch(met->found.note, 1);
}

static void look_at_met(struct survey *survey, const struct met *met) {
    if (met->is_key && !is_hashed_by_value(Py_TYPE(met->object))) {
        shoal_pointers_add(survey->mover, &survey->keys, met->object);
        keep(survey, (uintptr_t)met->hash, SHOAL_REASON_NUMBER);
    }
    if (!met->is_found) return;
    struct shoal_note *note = note_in(survey, &met->found, met->object);
    if (met->is_told)
        shoal_note_told(note);
    else
        shoal_note_reference(note);
    if (met->is_read) shoal_note_known(note);
    if (met->is_shared) shoal_keep(note, SHOAL_REASON_SHARED);
}

static inline struct met *meet(struct survey *survey, PyObject *object) {
    const struct shoal_mover_pool *pool = shoal_pool_of(survey->mover, (uintptr_t)object);
    size_t number = survey->met_count++;
    struct met *met = &survey->met[number % MET];
    if (number >= TO_LOOK) look_at_met(survey, &survey->met[(number - TO_LOOK) % MET]);
    if (number >= TO_NOTE) find_met(survey, &survey->met[(number - TO_NOTE) % MET]);
    if (pool) {
        __builtin_prefetch(pool);
        __builtin_prefetch(object);
    }
    *met = (struct met){.object = object, .is_shared = survey->is_holder_shared};
    return met;
}

/* All that were met have been looked at, and none are left. */
static void look_at_all_met(struct survey *survey) {
    size_t count = survey->met_count;
    for (size_t i = count > TO_LOOK ? count - TO_LOOK : 0; i < count; i++) {
        struct met *met = &survey->met[i % MET];
        if (i + TO_NOTE >= count) find_met(survey, met);
        look_at_met(survey, met);
    }
    survey->met_count = 0;
}

/* ---- Counting -------------------------------------------------------------------------- */

static inline void count_reference(void *context, PyObject **where) {
    struct survey *survey = context;
    meet(survey, *where)->is_read = shoal_is_read(survey->mover, where);
}

static inline void count_key(void *context, PyObject **where, Py_hash_t hash) {
    struct survey *survey = context;
    struct met *met = meet(survey, *where);
    met->is_read = shoal_is_read(survey->mover, where);
    met->is_key = true;
    met->hash = hash;
}

/* What is before a table, as in those of values, is made of bytes, and not all are written. */
static inline bool count_table(void *context, void **where, size_t bytes) {
    struct survey *survey = context;
    struct shoal_mover *mover = survey->mover;
    struct shoal_found found;
    if (!shoal_find(mover, (uintptr_t)*where, &found)) {
        shoal_mover_skip_large(mover, *where);
        return true;
    }
    struct shoal_note *note = found.note;
    bool is_new = !(note->marks & SHOAL_IS_TABLE);
    note->marks |= SHOAL_IS_TABLE;
    if (is_new && bytes != SIZE_MAX) note_used(&found, *where == found.start ? bytes : 0);
    if (survey->is_holder_shared) shoal_keep(note, SHOAL_REASON_SHARED);
    if (found.pool->is_shared) survey->is_holder_shared = true; /* what it has, too */
    if (shoal_is_read(mover, where)) shoal_note_known(note);
    return is_new;
}

static inline void count_inside(void *context, void **where) {
    struct survey *survey = context;
    struct shoal_found found;
    if (shoal_is_read(survey->mover, where) && shoal_find(survey->mover, (uintptr_t)*where, &found))
        shoal_note_known(found.note);
}

static const struct slot_visitor counting = {count_reference, count_key, count_table, count_inside};

static int count_told(PyObject *object, void *context) {
    meet(context, object)->is_told = true;
    return 0;
}

/* ---- What the collector knows -------------------------------------------------------------- */

/* Code keeps the addresses of what it found in a type, without a reference. */
static void pin_attributes(struct survey *survey, PyTypeObject *type) {
    PyObject *name, *value, *dict = type->tp_dict;
    Py_ssize_t position = 0;
    if (!dict || !PyDict_CheckExact(dict)) return;
    while (PyDict_Next(dict, &position, &name, &value)) {
        keep(survey, (uintptr_t)name, SHOAL_REASON_STATE);
        keep(survey, (uintptr_t)value, SHOAL_REASON_STATE);
    }
}

/* `found`: of its block, NULL when it is in none that is noted. */
static void visit_container(struct survey *survey, const struct shoal_found *found,
                            PyObject *object, const struct shape *shape) {
    bool is_noted = found && is_in_place(found, object, shape);
    survey->is_holder_shared = found && found->pool->is_shared;
    if (is_noted && shape->is_laid_out) found->note->marks |= SHOAL_IS_LAID_OUT;
    if (may_hand_on(object)) {
        if (is_noted)
            found->note->marks |= HANDS_ON;
        else
            shoal_pointers_add(survey->mover, &survey->hand_on, object);
    }
    visit_slots(counting, survey, object, shape);
}

static void visit_teller(struct survey *survey, const struct shoal_found *found, PyObject *object) {
    survey->is_holder_shared = found && found->pool->is_shared;
    shoal_pointers_add(survey->mover, &survey->tellers, object);
    Py_TYPE(object)->tp_traverse(object, count_told, survey);
}

/* The collector's words in a block that the scan reads, of its neighbours in the list; and in
 * its neighbours, where these are in no pool. */
static void count_links(struct survey *survey, const struct shoal_found *found, PyObject *object) {
    const struct collector_head *head = head_of(object);
    const uintptr_t links[] = {(uintptr_t)head_at(head->next), (uintptr_t)head_at(head->previous)};
    bool is_read = found && !(found->note->marks & SHOAL_IS_LAID_OUT);
    for (int i = 0; i < 2; i++) {
        struct shoal_found neighbour;
        if (found && shoal_is_read(survey->mover, (void *)links[i])) shoal_note_known(found->note);
        if (is_read && shoal_find(survey->mover, links[i], &neighbour))
            shoal_note_known(neighbour.note);
    }
}

/* A generator that runs tells of what is on its stack since 3.14: a thread without the lock
 * may be using that, and have no other address of it. */
static void count_tracked(void *context, PyObject *object, bool is_frozen) {
    struct survey *survey = context;
    const struct shape *shape = shape_of(Py_TYPE(object));
    struct shoal_found at, *found = &at;
    if (!shoal_find(survey->mover, (uintptr_t)object, found)) found = NULL;
    if (found && is_frozen) shoal_keep(found->note, SHOAL_REASON_STATE);
    if (PyType_Check(object)) {
        pin_attributes(survey, (PyTypeObject *)object);
    } else if (has_slots_known(shape)) {
        if (found) note_in(survey, found, object);
        visit_container(survey, found, object, shape);
    } else if (is_believed(shape) && !is_running(object)) {
        visit_teller(survey, found, object);
    } else if (PyLong_Check(object)) {
        note_number(survey, object);
    }
    count_links(survey, found, object);
}

/* Untracked containers are found by being pointed at, and these lead to others. */
static void count_untracked(struct survey *survey) {
    enum { AHEAD = 8 };
    struct shoal_pointers *untracked = &survey->untracked;
    size_t done = 0;
    do {
        for (; done < untracked->count && !survey->mover->is_short; done++) {
            struct shoal_found found;
            PyObject *object = untracked->items[done];
            if (done + AHEAD < untracked->count) __builtin_prefetch(untracked->items[done + AHEAD]);
            if (shoal_find(survey->mover, (uintptr_t)object, &found))
                visit_container(survey, &found, object, shape_of(Py_TYPE(object)));
        }
        look_at_all_met(survey);
    } while (done < untracked->count && !survey->mover->is_short);
}

void survey_count(struct survey *survey) {
    collector_each(count_tracked, survey);
    count_untracked(survey);
}

/* ---- All containers again --------------------------------------------------------------------- */

static void act_on_tracked(void *context, PyObject *object, bool is_frozen) {
    const struct survey *survey = context;
    (void)is_frozen;
    if (!PyType_Check(object) && has_slots_known(shape_of(Py_TYPE(object))))
        survey->act(survey->context, object);
}

void survey_each_container(struct survey *survey, void (*act)(void *context, PyObject *object),
                           void *context) {
    survey->act = act;
    survey->context = context;
    collector_each(act_on_tracked, survey);
    for (size_t i = 0; i < survey->untracked.count; i++) act(context, survey->untracked.items[i]);
}

/* ---- Rewriting ------------------------------------------------------------------------------- */

static inline void rewrite_reference(void *context, PyObject **where) {
    shoal_rewrite(context, where);
}

static inline void rewrite_key(void *context, PyObject **where, Py_hash_t hash) {
    (void)hash;
    shoal_rewrite(context, where);
}

static inline bool rewrite_table(void *context, void **where, size_t bytes) {
    (void)bytes;
    shoal_rewrite(context, where);
    return true;
}

static inline void rewrite_inside(void *context, void **where) { shoal_rewrite(context, where); }

static const struct slot_visitor rewriting = {rewrite_reference, rewrite_key, rewrite_table,
                                              rewrite_inside};

static void rewrite_container(void *context, PyObject *object) {
    visit_slots(rewriting, context, object, shape_of(Py_TYPE(object)));
}

void survey_rewrite(struct survey *survey) {
    struct shoal_mover *mover = survey->mover;
    for (size_t i = 0; i < survey->untracked.count; i++)
        shoal_rewrite(mover, &survey->untracked.items[i]);
    survey_each_container(survey, rewrite_container, mover);
}
