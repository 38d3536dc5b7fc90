/* A heap of a test's own, on arenas of its own. */
#ifndef SHOAL_TESTS_OWN_HEAP_H
#define SHOAL_TESTS_OWN_HEAP_H

#include "heap/fast_paths.h"
#include "heap/process.h"

#include "own_arenas.h"

enum { HEAP_ID = 7 };

static struct heap heap;

/* Setup of a test; end_arenas is the teardown. */
static inline int begin_heap(void **state) {
    process_init(); /* the key of the links */
    heap_init(&heap, &arenas, HEAP_ID);
    return begin_arenas(state);
}

static inline size_t pages_ahead(void) {
    size_t pages = 0;
    for (unsigned class = 0; class < SMALL_CLASSES; class ++) pages += heap.ahead[class].left;
    return pages;
}

#endif
