#include "heap/large.h"

#include <errno.h>

#include "base/fatal.h"
#include "heap/aside.h"
#include "heap/counters.h"
#include "heap/mapping.h"
#include "heap/pages.h"

static size_t pages_of(size_t bytes) { return (bytes + PAGE_BYTES - 1) >> PAGE_SHIFT; }

/* So many pages more are in large blocks. */
static void runs_grew(struct arenas *arenas, size_t pages) {
    atomic_fetch_add_explicit(&counters.runs, pages, memory_order_relaxed);
    atomic_fetch_sub_explicit(&arenas->pooled, pages, memory_order_relaxed);
}

static void *run_take(struct arenas *arenas, uint16_t owner, size_t bytes, size_t align,
                      bool *zeroed) {
    size_t pages = pages_of(bytes);
    if (bytes > SIZE_MAX / 4 || align > SIZE_MAX / 4) return NULL;
    struct pool *run =
        arenas_take(arenas, pages, align > PAGE_BYTES ? align >> PAGE_SHIFT : 1, zeroed);
    if (!run) return NULL;
    run->run_pages = pages;
    run->frees_left = 0;
    run->owner = owner;
    run->size_class = CLASS_LARGE;
    run->kind = PAGE_LARGE;
    runs_grew(arenas, pages);
    return run_start(arenas, run);
}

void *large_take(struct arenas *arenas, uint16_t owner, size_t bytes, size_t align, bool *zeroed) {
    bool is_run = bytes <= LARGE_RUN_MAX && align <= LARGE_RUN_MAX;
    int saved_errno = errno;
    void *block = is_run ? NULL : mapping_take(bytes, align, zeroed);
    /* Where address space is short, free runs of the arenas may be long enough. */
    if (!block) block = run_take(arenas, owner, bytes, align, zeroed);
    if (!block && mapping_return_all() + arenas_return_all(arenas) > 0) {
        if (!is_run) block = mapping_take(bytes, align, zeroed);
        if (!block) block = run_take(arenas, owner, bytes, align, zeroed);
    }
    errno = saved_errno;
    if (block) return block;
    *zeroed = false;
    return no_memory(bytes, align);
}

void large_give(struct arenas *arenas, struct pool *run, void *block) {
    char *start = run_start(arenas, run);
    if (block != start)
        fatal("invalid free of %p: inside the %zu-byte block %p", block,
              run->run_pages << PAGE_SHIFT, (void *)start);
    runs_grew(arenas, -run->run_pages);
    arenas_give(arenas, run, run->run_pages);
}

bool large_resize(struct arenas *arenas, struct pool *run, size_t bytes) {
    size_t pages = pages_of(bytes), before = run->run_pages;
    if (bytes > LARGE_RUN_MAX || bytes <= POOLED_MAX) return false;
    if (pages > before && !arenas_extend(arenas, run, before, pages)) return false;
    run->run_pages = pages;
    runs_grew(arenas, pages - before);
    if (pages >= before) return true;
    run[pages].size_class = CLASS_LARGE;
    arenas_give(arenas, run + pages, before - pages);
    return true;
}
