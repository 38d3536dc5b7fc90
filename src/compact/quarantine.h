/* Old blocks of a stress move, filled with a pattern: who uses one still is found out.
 * They are the process's, until another mover is made. */
#ifndef SHOAL_COMPACT_QUARANTINE_H
#define SHOAL_COMPACT_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>

enum { QUARANTINE_BYTE = 0xDB };

/* Room for so many blocks; false when there is no memory. The quarantine is empty. */
bool quarantine_reserve(size_t blocks);

/* Fills the block, and keeps it. */
void quarantine_add(void *block, size_t bytes);

/* Gives all of them back to the heap; with its locks held. Aborts with one line when one of
 * them was written to. */
void quarantine_empty(void);

#endif
