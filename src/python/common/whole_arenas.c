/* The source of arenas is replaced only for the time in which no code but ours runs,
 * so that nobody else replaces it then. */
#define _GNU_SOURCE
#include "python/common/whole_arenas.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; newer than some C libraries */
#endif

static PyObjectArenaAllocator former;
static bool replaced;

enum { POOL = 16 * 1024 }; /* pymalloc's; it leaves what no whole pool fits into */

/* A kernel that cannot, or will not, gives the pages one by one as ever. */
static void *allocate(void *context, size_t size) {
    void *arena = former.alloc(context, size);
    uintptr_t start = ((uintptr_t)arena + POOL - 1) & -(uintptr_t)POOL;
    uintptr_t end = ((uintptr_t)arena + size) & -(uintptr_t)POOL;

    if (arena != NULL && end > start) madvise((void *)start, end - start, MADV_POPULATE_WRITE);
    return arena;
}

static bool is_only_interpreter(void) {
    return PyInterpreterState_Next(PyInterpreterState_Head()) == NULL;
}

bool whole_arenas_begin(void) {
    PyObjectArenaAllocator ours;

    if (replaced || !is_only_interpreter()) return false;
    PyObject_GetArenaAllocator(&former);
    ours = former;
    ours.alloc = allocate;
    PyObject_SetArenaAllocator(&ours);
    return replaced = true;
}

void whole_arenas_end(void) {
    PyObject_SetArenaAllocator(&former);
    replaced = false;
}
