/* Who is told of blocks: see struct shoal_watcher.
 *
 * It costs nothing while nobody is: each test that a fast path makes anyway is
 * against a limit that lies here. While somebody watches, the limits are such that
 * every block takes the slow path, which tells. They are read plainly, as an atomic
 * load would be an instruction more, and either value is right in any thread. */
#ifndef SHOAL_HEAP_WATCH_H
#define SHOAL_HEAP_WATCH_H

#include <stddef.h>

#include "shoal/heap.h"

/* Requests of fewer bytes than these need not be told of; of none while blocks that
 * are taken are watched, and else of all of small classes, and of all from pools. */
extern size_t untold_small, untold_pooled;

/* Blocks that are resized to at most so many bytes need not be told of: to none while
 * blocks that go are watched, else to any. */
extern size_t untold_resized;

/* NULL when nobody watches, or the calling thread works for the heap itself. */
const struct shoal_watcher *watch_now(void);

/* What the calling thread takes and gives from now on is the heap's own, and nobody
 * is told; and no more. These nest. */
void watch_look_away(void);
void watch_look_again(void);

#endif
