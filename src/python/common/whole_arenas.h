/* Memory for a long load, whose arenas come with all their pages.
 *
 * Half of the time that making many objects takes is the kernel's: it is called for
 * every page of 4 KiB when the first object is put on it. While these arenas are
 * asked for, it gives the pages of a whole arena in one call, and of many arenas at
 * once where that many are sure to be filled. pymalloc lets its source of arenas be
 * replaced; Shoal's heap and builds without pymalloc never ask it. */
#ifndef SHOAL_PYTHON_WHOLE_ARENAS_H
#define SHOAL_PYTHON_WHOLE_ARENAS_H

#include <stdbool.h>
#include <stdint.h>

enum { WHOLE_ARENAS_FROM = 1 << 20 }; /* bytes of input from which on it is worth it */

/* Says how many bytes of a reader's input are still to come, 0 where that is not known.
 * Called within an allocation: it must not allocate. */
typedef uint64_t input_to_come(const void *reader);

/* From here on, and until a pause or the end, arenas are whole. Called while no other code
 * can run, and the collector, whose finalizers are such code, is stopped. False: not now,
 * and there is no pause and no end. */
bool whole_arenas_begin(input_to_come *to_come, const void *reader);

/* Other code may run, until they are begun again or ended: it finds the source of arenas
 * that it knows. Cheaper than the end, as what was asked for is kept. */
void whole_arenas_pause(void);

/* Gives back what was asked for and not used: at most 15 MiB of addresses, 1 of memory. */
void whole_arenas_end(void);

#endif
