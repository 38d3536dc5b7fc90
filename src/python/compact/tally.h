/* What stayed, by type and reason. */
#ifndef SHOAL_PYTHON_COMPACT_TALLY_H
#define SHOAL_PYTHON_COMPACT_TALLY_H

#include "python/common/compat.h"
#include "shoal/compact.h"

enum { TALLY_TYPES = 2048, TALLY_MOST = TALLY_TYPES / 2 };

struct tally {
    struct tally_type {
        const PyTypeObject *type; /* NULL: no object */
        bool is_used;
        size_t blocks[SHOAL_REASONS], bytes[SHOAL_REASONS];
    } types[TALLY_TYPES]; /* by address; the last is for all beyond TALLY_MOST */
    size_t count;
};

void tally_add(struct tally *tally, enum shoal_reason reason, const PyTypeObject *type,
               size_t bytes);

/* [(type's name or None, reason, blocks, bytes), ...]; NULL and an exception. */
PyObject *tally_list(const struct tally *tally);

#endif
