/* Whose the blocks are that are no objects: the keys of a dict, the items of a list, the
 * data of an array. Objects tell it, by pointers where their type has them. */
#ifndef SHOAL_INSPECT_BELONGINGS_H
#define SHOAL_INSPECT_BELONGINGS_H

#include "inspect/type_table.h"

struct belongings {
    struct remote *remote;
    struct claim {
        uint64_t at; /* in the block that belongs to an object */
        int64_t type; /* of the object                         */
    } *claims;
    size_t count, room;
    size_t cursor;   /* of the last claim that was asked for, once they are sorted  */
    size_t links_left; /* of chains that may still be followed                      */
    bool is_out_of_memory;
};

void belongings_init(struct belongings *belongings, struct remote *remote);
void belongings_end(struct belongings *belongings);

/* What an object points to: `copy` has the memory of its block, and it begins `at` bytes
 * into that. */
void belongings_add(struct belongings *belongings, const struct type_table *table, int32_t type,
                    const uint8_t *copy, uint32_t at, uint32_t bytes);

/* When all are known. False when there is no memory. */
bool belongings_sort(struct belongings *belongings);

/* The type of who has a block, or TYPE_NONE. Cheap for one address after the other. */
int32_t belongings_owner(struct belongings *belongings, uint64_t at, uint64_t bytes);

#endif
