/* Pymalloc's table of arenas, found without symbols: a pointer in the
 * interpreter's data leads to an array of structures that check each other. */
#ifndef SHOAL_INSPECT_ARENA_TABLE_H
#define SHOAL_INSPECT_ARENA_TABLE_H

#include "inspect/layout.h"
#include "inspect/maps.h"
#include "inspect/remote.h"

struct arena_ref {
    uint64_t start;
    uint64_t carved_end; /* pools from here on were never used; <= start + arena_bytes */
    uint32_t index;      /* in the process's table, as its pools name it */
};

struct arena_table {
    struct arena_ref *arenas; /* by address */
    size_t count, room;
    uint32_t arena_bytes; /* of each; 0 when there is none */
};

/* Finds the longest table that a word of the interpreter's data points to, and those
 * of other interpreters in the process; `count` is 0 when there is none. False when there is no memory. */
bool arena_table_find(struct arena_table *table, struct remote *remote, const struct maps *maps,
                      const struct layout *layout);
void arena_table_end(struct arena_table *table);

#endif
