/* What lives where: an arena at a time, or a MiB of malloc's heap, which types have
 * blocks in it. Blocks that may belong to an object wait until it is known whose they are. */
#ifndef SHOAL_INSPECT_STRETCHES_H
#define SHOAL_INSPECT_STRETCHES_H

#include "inspect/belongings.h"

struct stretches {
    struct type_table *table;
    struct belongings belongings;
    struct type raw; /* blocks that belong to no object */

    struct stretch {
        uint64_t bytes, live, held;
        uint64_t raw_blocks, raw_bytes; /* that are nobody's */
        size_t shares_end, loose_end; /* of those of the stretches before, and of it */
    } *items;
    size_t count, room;

    struct share {
        int32_t type;
        uint64_t blocks, bytes;
    } *shares, *here; /* of all stretches that ended; of the one that has begun */
    size_t share_count, share_room, here_count, here_room;
    uint64_t raw_here_blocks, raw_here_bytes; /* of which it is not known where they are */
    int32_t *here_of; /* by type: its place in `here` + 1, or 0 */
    size_t here_of_room;

    struct loose {
        uint64_t at, bytes;
        uint64_t resident;
        int32_t type; /* what it is when it belongs to nobody */
    } *loose;
    size_t loose_count, loose_room;
    bool is_out_of_memory;
};

void stretches_init(struct stretches *stretches, struct type_table *table);
void stretches_end(struct stretches *stretches);

void stretches_begin(struct stretches *stretches);

/* A live block of the stretch. Its own bytes; `resident` of them are told. */
void stretches_add_object(struct stretches *stretches, int32_t type, uint64_t resident);
/* One that may belong to an object; else it is an object of a type, or, TYPE_NONE, none. */
void stretches_add_loose(struct stretches *stretches, int32_t type, uint64_t at, uint64_t bytes,
                         uint64_t resident);

/* The stretch has so many `bytes`, of which so many are live and held. */
void stretches_close(struct stretches *stretches, uint64_t bytes, uint64_t live, uint64_t held);

/* Adds it all up in the types of the table and in `raw`; false when there is no memory,
 * or was none before. */
bool stretches_finish(struct stretches *stretches);

#endif
