/* A note for every block that was handed out while profiling: how many bytes
 * were asked for, and by which site. Found by the block's address alone, so
 * that it works on any allocator whose blocks lie at multiples of 16.
 *
 * Beside every 16 bytes of the program's memory lies a cell of 2 bytes, in
 * memory of the profiler's own that is mapped as it is needed: 12.5 % of what
 * is noted. A block of up to 16 bytes has one cell, a longer one at least two:
 *
 *     asked for       cells
 *     1 .. 16         [0 | site:11 | bytes-1:4]
 *     17 .. 65,534    [1 | site:15] [bytes:16]
 *     more            [1 | site:15] [65,535] [16] [16] [16] [16]
 *     0: nobody's     [1 | 0] [0], of blocks of more than 16 bytes
 *
 * Sites that do not fit are noted as the last that does.
 * All other cells are 0.
 *
 * Threads: any, as long as no two note or forget the same block at once, which
 * is what whoever allocates and frees it sees to anyway. */
#ifndef SHOAL_PROFILE_SHADOW_H
#define SHOAL_PROFILE_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SITES_MAX = 32767,      /* a site is 1 .. SITES_MAX                */
    SHORT_SITES_MAX = 2047, /* as far as blocks of up to 16 bytes tell */
};

struct note {
    size_t bytes; /* asked for; 0: not to be counted, and nobody's */
    unsigned site;
};

/* Notes a block, and puts the site that it was noted for into `note`. False when
 * there is no memory for it: the block is unknown then. */
bool shadow_note(const void *block, struct note *note);

/* Takes the note of a block away; false when it has none. */
bool shadow_forget(const void *block, struct note *note);

/* The same, and leaves it there. */
bool shadow_look(const void *block, struct note *note);

/* The first noted block that starts from `from` on and before `end`, both at
 * multiples of 16, and its note; NULL when there is none. `from` must not be
 * inside of a block. Cost: 0.1 ns a byte that nothing is noted of. */
const void *shadow_next(const void *from, const void *end, struct note *note);

/* Bytes that the cells take, touched or not yet, and those that were touched. */
size_t shadow_bytes(void);
size_t shadow_resident(void);

#endif
