/* The source of arenas is replaced only for the time in which no code but ours runs,
 * so that nobody else replaces it then. */
#define _GNU_SOURCE
#include "python/common/whole_arenas.h"

#include <sys/mman.h>

#include "python/common/compat.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; newer than some C libraries */
#endif

enum {
    POOL = 16 * 1024, /* pymalloc's; it leaves what no whole pool fits into */
    BATCH = 16,       /* arenas that are asked for at once */
};

static PyObjectArenaAllocator former; /* while ours is in its place */
static bool replaced;
static input_to_come *input;
static const void *input_reader;

/* Arenas that were asked for and not yet given out, the lowest first; all of one size.
 * Of those that lie side by side the kernel may make pages of 2 MiB: then one that is
 * still here has its pages when the one beside it was given out. */
static struct {
    char *arenas[BATCH];
    int count;
    size_t size;
    PyObjectArenaAllocator source; /* that they came from */
} spare;

static int by_address(const void *one, const void *other) {
    const char *left = *(char *const *)one, *right = *(char *const *)other;

    return (left > right) - (left < right);
}

/* Each range of arenas without a gap, however they came. */
static void ask_for_huge_pages(void) {
    int behind;

    for (int i = 0; i < spare.count; i = behind) {
        for (behind = i + 1; behind < spare.count; behind++)
            if (spare.arenas[behind] != spare.arenas[behind - 1] + spare.size) break;
        madvise(spare.arenas[i], (size_t)(behind - i) * spare.size, MADV_HUGEPAGE);
    }
}

/* One, or many where objects that take no more than their input will fill them. */
static void ask_for_arenas(size_t size) {
    int wanted = input(input_reader) >= BATCH * size ? BATCH : 1;

    spare.size = size;
    spare.source = former;
    while (spare.count < wanted) {
        char *arena = former.alloc(former.ctx, size);

        if (arena == NULL) break;
        spare.arenas[spare.count++] = arena;
    }
    if (spare.count < 2) return;
    qsort(spare.arenas, (size_t)spare.count, sizeof *spare.arenas, by_address);
    ask_for_huge_pages();
}

static void give_back_spare(void) {
    while (spare.count > 0)
        spare.source.free(spare.source.ctx, spare.arenas[--spare.count], spare.size);
}

/* A kernel that cannot, or will not, gives the pages one by one as ever. */
static void *allocate(void *Py_UNUSED(context), size_t size) {
    uintptr_t start, end;
    char *arena;

    if (spare.size != size || spare.source.alloc != former.alloc) give_back_spare();
    if (spare.count == 0) ask_for_arenas(size);
    if (spare.count == 0) return NULL;
    /* From the end, as the kernel hands out addresses: the next batch joins this one. */
    arena = spare.arenas[--spare.count];
    start = ((uintptr_t)arena + POOL - 1) & -(uintptr_t)POOL;
    end = ((uintptr_t)arena + size) & -(uintptr_t)POOL;
    if (end > start) madvise((void *)start, end - start, MADV_POPULATE_WRITE);
    return arena;
}

static bool is_only_interpreter(void) {
    return PyInterpreterState_Next(PyInterpreterState_Head()) == NULL;
}

bool whole_arenas_begin(input_to_come *to_come, const void *reader) {
    PyObjectArenaAllocator ours;

    if (replaced || !is_only_interpreter()) return false;
    PyObject_GetArenaAllocator(&former);
    ours = former;
    ours.alloc = allocate;
    PyObject_SetArenaAllocator(&ours);
    input = to_come;
    input_reader = reader;
    return replaced = true;
}

void whole_arenas_pause(void) {
    PyObject_SetArenaAllocator(&former);
    replaced = false;
}

void whole_arenas_end(void) {
    if (replaced) whole_arenas_pause();
    give_back_spare();
}
