/* Every place in a container whose layout is known where a word points to a block.
 *
 * One walk for counting and for rewriting: what is counted is what is rewritten. The
 * functions of `struct slot_visitor` are inlined into each use. */
#ifndef SHOAL_PYTHON_COMPACT_SLOTS_H
#define SHOAL_PYTHON_COMPACT_SLOTS_H

#include "python/compact/shapes.h"

#define always_inline inline __attribute__((always_inline))

/* `where` always holds a word that is not NULL. */
struct slot_visitor {
    /* A counted reference to an object. */
    void (*reference)(void *context, PyObject **where);

    /* The same, which a table finds by the object's hash: that is beside it. */
    void (*key)(void *context, PyObject **where, Py_hash_t hash);

    /* The word by which an object has a table of so many bytes from there on (SIZE_MAX: another
     * word said it), or one part of it another; whether what is in the table is to be visited: it may be several
     * objects'. */
    bool (*table)(void *context, void **where, size_t bytes);

    /* A word that points into a block besides, or looks so, and is no reference. */
    void (*inside)(void *context, void **where);
};

/* Room in a table that is not in use, [from, end): what was left there refers to nothing, but
 * looks as if it did. */
static always_inline void visit_unused(const struct slot_visitor visitor, void *context, void *from,
                                       void *end) {
    for (void **word = from; word < (void **)end; word++)
        if (*word) visitor.inside(context, word);
}

/* ---- Dicts ------------------------------------------------------------------------ */

static always_inline void visit_general(const struct slot_visitor visitor, void *context,
                                        struct dict_keys *keys) {
    struct general_entry *entry = entries_of(keys), *end = entry + keys->entries;
    for (; entry < end; entry++) {
        if (entry->key) visitor.key(context, &entry->key, entry->hash);
        if (entry->value) visitor.reference(context, &entry->value);
    }
    visit_unused(visitor, context, end, end + keys->usable);
}

static always_inline void visit_unicode(const struct slot_visitor visitor, void *context,
                                        struct dict_keys *keys) {
    struct unicode_entry *entry = entries_of(keys), *end = entry + keys->entries;
    for (; entry < end; entry++) {
        if (entry->key) visitor.reference(context, &entry->key);
        if (entry->value) visitor.reference(context, &entry->value);
    }
    visit_unused(visitor, context, end, end + keys->usable);
}

static always_inline void visit_value_slots(const struct slot_visitor visitor, void *context,
                                            void *values, Py_ssize_t count) {
    PyObject **value = at_offset(values, layout->values_first);
    for (Py_ssize_t i = 0; i < count; i++)
        if (value[i]) visitor.reference(context, &value[i]);
}

static always_inline bool is_embedded(void *values) {
    return layout->values_embedded >= 0 && *((uint8_t *)values + layout->values_embedded);
}

/* `where` leads to a table of values, of a dict or of an object without one; what it holds
 * is `tag` less than the address. */
static always_inline void visit_values(const struct slot_visitor visitor, void *context,
                                       void **where, Py_ssize_t tag, Py_ssize_t count) {
    if (is_embedded(at_offset(*where, tag))) /* the object they lie in has them */
        visitor.inside(context, where);
    else if (visitor.table(
                 context, where,
                 (size_t)(tag + layout->values_first + count * (Py_ssize_t)sizeof(PyObject *))))
        visit_value_slots(visitor, context, at_offset(*where, tag), count);
}

static always_inline size_t bytes_of_keys(struct dict_keys *keys) {
    size_t entry =
        keys->kind == KEYS_GENERAL ? sizeof(struct general_entry) : sizeof(struct unicode_entry);
    size_t before = (size_t)((char *)entries_of(keys) - (char *)keys);
    return before + (size_t)(keys->entries + keys->usable) * entry;
}

static always_inline void visit_dict(const struct slot_visitor visitor, void *context,
                                     PyDictObject *dict) {
    if (!dict->ma_keys) return;
    size_t bytes = bytes_of_keys((struct dict_keys *)dict->ma_keys);
    bool are_new = visitor.table(context, (void **)&dict->ma_keys, bytes);
    struct dict_keys *keys = (struct dict_keys *)dict->ma_keys;
    if (are_new && keys->kind == KEYS_GENERAL) visit_general(visitor, context, keys);
    if (are_new && keys->kind != KEYS_GENERAL) visit_unicode(visitor, context, keys);
    if (dict->ma_values)
        visit_values(visitor, context, (void **)&dict->ma_values, 0, keys->entries);
}

/* Each node is known by two words, of its neighbours or of the dict, and by its place in the
 * table `fast`. */
static always_inline void visit_nodes(const struct slot_visitor visitor, void *context,
                                      struct ordered_dict *dict) {
    struct ordered_node **link = &dict->first;
    while (*link) {
        visitor.table(context, (void **)link, sizeof(struct ordered_node));
        struct ordered_node *node = *link;
        visitor.reference(context, &node->key);
        if (node->previous) visitor.table(context, (void **)&node->previous, SIZE_MAX);
        link = &node->next;
    }
    if (dict->last) visitor.table(context, (void **)&dict->last, SIZE_MAX);
}

static always_inline void visit_ordered(const struct slot_visitor visitor, void *context,
                                        struct ordered_dict *dict) {
    bool is_fast_new = dict->keys_of_fast && dict->keys_of_fast == dict->dict.ma_keys;
    visit_dict(visitor, context, &dict->dict);
    if (is_fast_new) visitor.inside(context, &dict->keys_of_fast);
    visit_nodes(visitor, context, dict);
    size_t bytes = (size_t)dict->fast_size * sizeof *dict->fast;
    if (!dict->fast || !visitor.table(context, (void **)&dict->fast, bytes)) return;
    for (Py_ssize_t i = 0; i < dict->fast_size; i++)
        if (dict->fast[i]) visitor.table(context, (void **)&dict->fast[i], SIZE_MAX);
}

/* ---- Caches ------------------------------------------------------------------------ */

static always_inline void visit_links(const struct slot_visitor visitor, void *context,
                                      struct cache *cache) {
    struct cache_link **link = &cache->ends.next;
    while (*link != &cache->ends) {
        visitor.reference(context, (PyObject **)link);
        struct cache_link *entry = *link;
        visitor.inside(context, (void **)&entry->previous);
        visitor.reference(context, &entry->key);
        visitor.reference(context, &entry->answer);
        link = &entry->next;
    }
    visitor.inside(context, (void **)&cache->ends.previous);
}

static always_inline void visit_cache(const struct slot_visitor visitor, void *context,
                                      struct cache *cache) {
    PyObject **others[] = {&cache->answers, &cache->function, &cache->mark, &cache->type_of_links,
                           &cache->type_of_figures};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (*others[i]) visitor.reference(context, others[i]);
    visit_links(visitor, context, cache);
}

/* ---- Others ------------------------------------------------------------------------- */

static always_inline void visit_items(const struct slot_visitor visitor, void *context,
                                      PyObject **item, Py_ssize_t count) {
    for (; count-- > 0; item++)
        if (*item) visitor.reference(context, item);
}

static always_inline void visit_list(const struct slot_visitor visitor, void *context,
                                     PyListObject *list) {
    size_t bytes = (size_t)list->allocated * sizeof(PyObject *);
    if (!list->ob_item || !visitor.table(context, (void **)&list->ob_item, bytes)) return;
    PyObject **end = list->ob_item + Py_SIZE(list);
    visit_items(visitor, context, list->ob_item, Py_SIZE(list));
    visit_unused(visitor, context, end, list->ob_item + list->allocated);
}

/* A small set's table is a part of it. */
static always_inline void visit_set(const struct slot_visitor visitor, void *context,
                                    PySetObject *set) {
    if (set->table == set->smalltable)
        visitor.inside(context, (void **)&set->table);
    else
        visitor.table(context, (void **)&set->table, (size_t)(set->mask + 1) * sizeof(setentry));
    for (setentry *entry = set->table, *end = entry + set->mask + 1; entry < end; entry++)
        if (entry->key && entry->hash != -1) visitor.key(context, &entry->key, entry->hash);
}

/* ---- What classes add ------------------------------------------------------------------ */

static always_inline struct dict_keys *keys_of_class(PyTypeObject *type) {
    return (struct dict_keys *)((PyHeapTypeObject *)type)->ht_cached_keys;
}

static always_inline void visit_inline_values(const struct slot_visitor visitor, void *context,
                                              PyTypeObject *type, PyObject *object) {
    uint8_t *values = at_offset(object, type->tp_basicsize);
    if (values[layout->values_valid])
        visit_value_slots(visitor, context, values, values[layout->values_capacity]);
}

static always_inline void visit_managed_dict(const struct slot_visitor visitor, void *context,
                                             PyTypeObject *type, PyObject *object) {
    void **dict = at_offset(object, layout->dict), **values = at_offset(object, layout->values);
    bool is_tagged = layout->has_tagged_values && ((uintptr_t)*dict & 1);
    struct dict_keys *keys = keys_of_class(type);
    if (layout->has_inline_values && (type->tp_flags & layout->inline_values_flag))
        visit_inline_values(visitor, context, type, object);
    if (layout->values && *values && keys) visit_values(visitor, context, values, 0, keys->entries);
    if (is_tagged && keys) visit_values(visitor, context, dict, 1, keys->entries);
    if (!is_tagged && *dict) visitor.reference(context, (PyObject **)dict);
}

static always_inline void visit_attributes(const struct slot_visitor visitor, void *context,
                                           PyObject *object) {
    PyTypeObject *type = Py_TYPE(object), *class = type;
    if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        visit_managed_dict(visitor, context, type, object);
    } else if (type->tp_dictoffset > 0) {
        PyObject **dict = at_offset(object, type->tp_dictoffset);
        if (*dict) visitor.reference(context, dict);
    }
    for (; is_class(class); class = class->tp_base) {
        const PyMemberDef *slot = slots_of_class(class);
        for (Py_ssize_t i = 0; i < Py_SIZE(class); i++) {
            PyObject **value = at_offset(object, slot[i].offset);
            if (*value) visitor.reference(context, value);
        }
    }
}

/* All of a container whose shape has known slots. */
static always_inline void visit_slots(const struct slot_visitor visitor, void *context,
                                      PyObject *object, const struct shape *shape) {
    bool has_attributes = shape->has_attributes;
    switch (shape->part) {
    case PART_TUPLE:
        visit_items(visitor, context, ((PyTupleObject *)object)->ob_item, Py_SIZE(object));
        break;
    case PART_LIST:
        visit_list(visitor, context, (PyListObject *)object);
        break;
    case PART_DICT:
        visit_dict(visitor, context, (PyDictObject *)object);
        break;
    case PART_SET:
        visit_set(visitor, context, (PySetObject *)object);
        break;
    case PART_ORDERED:
        visit_ordered(visitor, context, (struct ordered_dict *)object);
        break;
    case PART_CACHE:
        visit_cache(visitor, context, (struct cache *)object);
        break;
    case PART_DEFAULT: {
        struct default_dict *dict = (struct default_dict *)object;
        visit_dict(visitor, context, &dict->dict);
        if (dict->factory) visitor.reference(context, &dict->factory);
        break;
    }
    default:
        break;
    }
    if (has_attributes) visit_attributes(visitor, context, object);
}

#endif
