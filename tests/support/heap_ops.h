/* The heap driven by a string of bytes.
 *
 * Every four bytes are one operation: what to do, on which of the slots, and
 * a size. So a fuzzer that mutates bytes, a random generator and a file in
 * fuzz/corpus all describe the same thing: a sequence of operations. After
 * each of them the contents of the blocks it touches are verified, and every
 * `check_every` operations the whole heap is walked (shoal_check) and the
 * counts of shoal_usage are compared with what the slots hold.
 *
 *   byte 0   the operation (enum heap_op, modulo HEAP_OPS) and, in its upper
 *            bits, the scale of the size (see heap_ops_size)
 *   byte 1   the slot, of HEAP_OPS_SLOTS; bursts take this and those after it
 *   byte 2,3 the size, low byte first; bursts take their count from byte 3
 */
#ifndef SHOAL_TESTS_HEAP_OPS_H
#define SHOAL_TESTS_HEAP_OPS_H

#include <stddef.h>
#include <stdint.h>

enum heap_op {
    HEAP_OP_MALLOC,
    HEAP_OP_FREE,
    HEAP_OP_REALLOC,
    HEAP_OP_CALLOC,
    HEAP_OP_ALIGNED,
    HEAP_OP_BURST_MALLOC, /* as many blocks of one size as byte 3 says       */
    HEAP_OP_BURST_FREE,   /* as many slots, every (byte 2 % 4 + 1)th of them */
    HEAP_OP_RARE,         /* by byte 2: trim, a thread that frees, a thread
                             that allocates and exits, free everything       */
    HEAP_OPS
};

#define HEAP_OPS_SLOTS 1024

/* The size that `low`, `high` mean in the operation byte `op`: a class of
 * sizes by bits 3 and 4, so that all of them are met about equally often. */
size_t heap_ops_size(uint8_t op, uint8_t low, uint8_t high);

/* Runs the operations and frees what they left. Prints what is wrong and
 * aborts when a block or a count is not as it must be. `check_every` 0: only
 * at the end. Not from two threads at once. */
void heap_ops_run(const uint8_t *bytes, size_t count, unsigned check_every);

#endif
