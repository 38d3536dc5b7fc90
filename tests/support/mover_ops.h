/* The mover driven by a string of bytes.
 *
 * Every four bytes are one operation on a world of things: blocks of the interpreter's heap that
 * refer to each other, and words elsewhere. Beside it lies a model that knows things by their
 * numbers, never by their addresses. After each move every thing must be what the model says
 * it is, refer to what it did, and lie where it was if anything keeps it there.
 *
 *   byte 0   the operation (enum mover_op, modulo MOVER_OPS)
 *   byte 1   the thing; bursts take this and those after it
 *   byte 2   another thing, or a size
 *   byte 3   a slot, a kind, or how many                                                */
#ifndef SHOAL_TESTS_MOVER_OPS_H
#define SHOAL_TESTS_MOVER_OPS_H

#include <stddef.h>
#include <stdint.h>

enum mover_op {
    MOVER_OP_MAKE,
    MOVER_OP_DROP,
    MOVER_OP_LINK,
    MOVER_OP_SECRET, /* a word that nobody tells of points into the thing          */
    MOVER_OP_HIDE,   /* it has one more reference than there are words             */
    MOVER_OP_NUMBER, /* a number equals its address                                */
    MOVER_OP_INSIDE, /* a word that is told of points into it                      */
    MOVER_OP_BURST_MAKE,
    MOVER_OP_BURST_DROP,
    MOVER_OP_MOVE, /* by byte 1: what empties pools or all; by byte 2: which pools are shared */
    MOVER_OPS
};

/* Runs the operations and frees what they left. Prints what is wrong and aborts when a thing
 * is not as it must be. */
void mover_ops_run(const uint8_t *bytes, size_t count);

#endif
