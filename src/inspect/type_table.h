/* The types of the process's objects, by the addresses of their type objects. */
#ifndef SHOAL_INSPECT_TYPE_TABLE_H
#define SHOAL_INSPECT_TYPE_TABLE_H

#include "inspect/layout.h"
#include "inspect/remote.h"
#include "shoal/inspect.h"

enum {
    TYPE_NAME_ROOM = 256,
    TYPE_NONE = -1, /* no type object is at the address */
};

/* Where an object of a type has pointers to blocks that are no objects, or into one that is
 * its alone, in bytes from its
 * beginning, 0 for none. A chain's blocks lead from the first to the last. */
enum { HOLDING_POINTERS = 2 };
struct holding {
    const char *name; /* of the type, or of one it is made from */
    uint16_t at[HOLDING_POINTERS];
    uint16_t first_at, last_at, next_at; /* next_at: in each block of the chain */
};

struct type {
    char *name;
    uint32_t basic_bytes;  /* that such an object takes at least  */
    uint32_t header_bytes; /* that lie before such an object */
    bool is_gc;
    bool is_type;    /* of types                                     */
    bool is_bytes;   /* that may be a bytearray's                    */
    bool has_values; /* before the object may be a pointer to values */
    const struct holding *holding; /* NULL: none */
    uint64_t blocks, bytes;
    uint64_t pinned_arenas, pinned_blocks, pinned_held;
};

struct type_table {
    struct remote *remote;
    const struct layout *layout;
    struct type *types;
    size_t type_count, type_room;
    /* Addresses asked for, by hash: open addressing, at most half full of
     * those that are no types, which are remembered too. */
    struct type_slot {
        uint64_t address; /* 0: empty */
        int32_t type;     /* an index, or TYPE_NONE */
    } *slots;
    size_t slot_count, used;
};

/* False when there is no memory. */
bool type_table_init(struct type_table *table, struct remote *remote, const struct layout *layout);
void type_table_end(struct type_table *table);

/* The index of the type whose type object is at an address, or TYPE_NONE. A few
 * loads when it was asked for before. */
int32_t type_table_find(struct type_table *table, uint64_t address);

#endif
