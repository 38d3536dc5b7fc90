/* The arenas of the interpreter's own allocator, pymalloc: counted and
 * remembered from the time that this is asked for. */
#ifndef SHOAL_PYTHON_ARENAS_H
#define SHOAL_PYTHON_ARENAS_H

#include <stddef.h>
#include <stdint.h>

/* From now on; again changes nothing. Holds the interpreter lock. */
void arenas_watch(void);

/* Bytes of arenas, since they are watched. Two loads. */
int64_t arenas_taken(void);
int64_t arenas_freed(void);

enum { ARENA_BYTES = 1 << 20 }; /* since Python 3.10 */

/* Where those made since then begin: fills at most `room` entries and returns how
 * many there are. An arena is what pymalloc returns as one. */
size_t arenas_list(const void **arenas, size_t room);

/* What its pools say of blocks handed out: one pass over their headers. */
struct arena_live {
    size_t blocks;
    size_t bytes; /* as rounded up by pymalloc */
};
struct arena_live arena_live(const void *arena);

/* Bytes of blocks handed out in all of them: one pass over the headers of pools. With
 * the interpreter lock. */
int64_t arenas_live_bytes(void);

/* The bytes of a block in an arena made since they are watched, as pymalloc rounds
 * it up; 0 when it is in none. Any thread, a few loads. */
size_t arenas_block_bytes(const void *block);

#endif
