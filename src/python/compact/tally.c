#include "python/compact/tally.h"

/* Where the type has its place, or will have it; the last one is for all others once few are
 * left. */
static struct tally_type *find(struct tally *tally, const PyTypeObject *type) {
    size_t at = ((uintptr_t)type >> 4 ^ (uintptr_t)type >> 14) % (TALLY_TYPES - 1);
    for (;; at = (at + 1) % (TALLY_TYPES - 1)) {
        struct tally_type *found = &tally->types[at];
        if (found->is_used && found->type == type) return found;
        if (found->is_used) continue;
        if (tally->count == TALLY_MOST) return &tally->types[TALLY_TYPES - 1];
        tally->count++;
        found->is_used = true;
        found->type = type;
        return found;
    }
}

void tally_add(struct tally *tally, enum shoal_reason reason, const PyTypeObject *type,
               size_t bytes) {
    struct tally_type *found = find(tally, type);
    found->blocks[reason]++;
    found->bytes[reason] += bytes;
}

static int append(PyObject *list, const struct tally_type *of, int reason) {
    PyObject *row = Py_BuildValue("(zinn)", of->type ? of->type->tp_name : NULL, reason,
                                  (Py_ssize_t)of->blocks[reason], (Py_ssize_t)of->bytes[reason]);
    int status = row ? PyList_Append(list, row) : -1;
    Py_XDECREF(row);
    return status;
}

PyObject *tally_list(const struct tally *tally) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < TALLY_TYPES; i++)
        for (int reason = 0; list && reason < SHOAL_REASONS; reason++)
            if (tally->types[i].blocks[reason] && append(list, &tally->types[i], reason) < 0)
                Py_CLEAR(list);
    return list;
}
