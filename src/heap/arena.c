#include "heap/arena.h"

#include <errno.h>

#include "heap/huge.h"
#include "heap/lock.h"
#include "heap/reserve.h"

enum {
    COMMIT_STEP = 256,       /* pages: commits grow from 1 MiB ... */
    COMMIT_STEP_MAX = 16384, /* ... to 64 MiB at a time            */
    NEW_RUN_MAX = 4096,      /* pages: longer runs are cut from free ones only;
                                mappings of their own are for those */
};

static const size_t PLAN = (size_t)512 << 30;
static const size_t FIRST_RESERVATION = (size_t)256 << 30;
static const size_t SMALLEST_RESERVATION = (size_t)256 << 10;

struct arena *arena_of_record(struct arenas *arenas, const struct pool *record) {
    struct arena *arena = arenas->arena;
    while ((size_t)((uintptr_t)record - (uintptr_t)arena->records) >=
           arena->page_count * sizeof *record)
        arena++;
    return arena;
}

struct arena *arena_of_address(struct arenas *arenas, const void *address) {
    for (size_t i = 0; i < arenas->arena_count; i++) {
        struct arena *arena = &arenas->arena[i];
        if (((uintptr_t)address - arena->pages) >> PAGE_SHIFT < arena->top) return arena;
    }
    return NULL;
}

struct pool *arenas_record(struct arenas *arenas, const void *address) {
    struct arena *arena = arena_of_address(arenas, address);
    if (!arena) return NULL;
    return arena->records + (((uintptr_t)address - arena->pages) >> PAGE_SHIFT);
}

/* ---- Committing ----------------------------------------------------------- */

static bool commit(const struct arena *arena, void *start, size_t bytes) {
    return arena->is_reserved ? os_commit(start, bytes) : os_map_at(start, bytes);
}

/* Makes records for the arena's first `pages` usable. */
static bool commit_records(struct arena *arena, size_t pages) {
    size_t bytes = whole_pages(pages * sizeof(struct pool)), before = arena->records_committed;
    if (bytes <= before) return true;
    if (!commit(arena, (char *)arena->records + before, bytes - before)) return false;
    arena->records_committed = bytes;
    return true;
}

static bool commit_pages(struct arena *arena, size_t pages) {
    if (!commit_records(arena, pages)) return false;
    void *from = (void *)(arena->pages + (arena->committed << PAGE_SHIFT));
    if (!commit(arena, from, (pages - arena->committed) << PAGE_SHIFT)) return false;
    arena->committed = pages;
    return true;
}

/* Makes the arena's first `pages` usable, and some more while memory is easy.
 * When it cannot for something else's being there, the arena ends here. */
static bool arena_commit(struct arena *arena, size_t pages) {
    if (pages <= arena->committed) return true;
    size_t step = arena->committed / 8;
    if (step < COMMIT_STEP) step = COMMIT_STEP;
    if (step > COMMIT_STEP_MAX) step = COMMIT_STEP_MAX;
    size_t wish = arena->committed + step > pages ? arena->committed + step : pages;
    if (wish > arena->page_count) wish = arena->page_count;
    if (commit_pages(arena, wish) || commit_pages(arena, pages)) return true;
    if (errno == EEXIST) arena->page_count = arena->committed;
    return false;
}

/* ---- New arenas ------------------------------------------------------------- */

/* Cuts `bytes` from `start` on into records and pages. */
static struct arena arena_laid_out(char *start, size_t bytes) {
    size_t page_count = bytes / (PAGE_BYTES + sizeof(struct pool));
    size_t record_bytes = whole_pages(page_count * sizeof(struct pool));
    size_t room = (bytes - record_bytes) >> PAGE_SHIFT;
    return (struct arena){
        .pages = (uintptr_t)start + record_bytes,
        .records = (struct pool *)start,
        .page_count = page_count < room ? page_count : room,
    };
}

/* An arena where nothing else should come, of which only what is committed
 * counts as address space: so a limit on that holds, whenever it is set. */
static bool arena_plan(struct arena *arena, size_t pages) {
    enum { TRIES = 3 };
    for (int i = 0; i < TRIES; i++) {
        *arena = arena_laid_out(os_place(PLAN), PLAN);
        if (arena_commit(arena, pages)) return true;
        if (arena->records_committed) os_unmap(arena->records, arena->records_committed);
        if (errno != EEXIST) return false;
    }
    return false;
}

/* Where addresses cannot be chosen. An address space with a limit is shared
 * with others, so there the arenas are small. */
static bool arena_reserve(struct arena *arena, size_t pages) {
    size_t limit = os_address_limit();
    size_t least = (pages << PAGE_SHIFT) + whole_pages(pages * sizeof(struct pool));
    if (least < SMALLEST_RESERVATION) least = SMALLEST_RESERVATION;
    size_t bytes = whole_pages(limit == SIZE_MAX ? FIRST_RESERVATION : limit / 16);
    if (bytes < least) bytes = least;
    char *start;
    while (!(start = os_reserve(bytes))) {
        if (bytes == least) return false;
        bytes = whole_pages(bytes / 2);
        if (bytes < least) bytes = least;
    }
    *arena = arena_laid_out(start, bytes);
    arena->is_reserved = true;
    if (arena_commit(arena, pages)) return true;
    os_unmap(start, bytes);
    return false;
}

static struct arena *arenas_grow(struct arenas *arenas, size_t pages) {
    if (arenas->arena_count == ARENAS_MAX || os_page_bytes() != PAGE_BYTES) return NULL;
    struct arena *arena = &arenas->arena[arenas->arena_count];
    bool is_made = arena_plan(arena, pages);
    if (!is_made && errno == EEXIST) is_made = arena_reserve(arena, pages);
    if (!is_made) return NULL;
    arenas->arena_count++;
    return arena;
}

static void show_first(struct arenas *arenas) {
    if (arenas->no_fast_path || arenas->arena_count == 0) return;
    arenas->first_page = arenas->arena->pages;
    arenas->first_records = arenas->arena->records;
    arenas->first_count = arenas->arena->committed;
}

void arenas_open_fast_path(struct arenas *arenas, bool is_open) {
    arenas_lock(arenas);
    arenas->no_fast_path = !is_open;
    if (!is_open) arenas->first_count = 0;
    show_first(arenas);
    arenas_unlock(arenas);
}

static struct pool *take_new(struct arenas *arenas, size_t pages, bool is_for_pools) {
    struct arena *arena = arenas->arena_count ? &arenas->arena[arenas->arena_count - 1] : NULL;
    if (pages > NEW_RUN_MAX) return NULL;
    if (arena && arena->top + pages <= arena->page_count) {
        if (!arena_commit(arena, arena->top + pages) && errno != EEXIST) return NULL;
    }
    if (!arena || arena->top + pages > arena->page_count) arena = arenas_grow(arenas, pages);
    if (!arena) return NULL;
    struct pool *run = arena->records + arena->top;
    if (is_for_pools && huge_is_worth_it(arenas, arena)) {
        size_t end = arena->top + pages + HUGE_PAGES; /* of the last region that begins */
        if (end <= arena->page_count) arena_commit(arena, end);
        huge_grow(arenas, arena, pages);
    }
    arena->top += pages;
    if (arena == arenas->arena) show_first(arenas);
    return run;
}

struct pool *arenas_take_new(struct arenas *arenas, size_t pages, bool is_for_pools) {
    int saved_errno = errno; /* malloc() leaves it alone; who fails says ENOMEM himself */
    struct pool *run = take_new(arenas, pages, is_for_pools);
    errno = saved_errno;
    return run;
}

void arenas_init(struct arenas *arenas, bool shared) {
    arenas->shared = shared;
    pthread_mutex_init(&arenas->lock, NULL);
    for (unsigned i = 0; i < RUN_LISTS; i++) {
        arenas->dirty[i].next = arenas->dirty[i].prev = &arenas->dirty[i];
        arenas->clean[i].next = arenas->clean[i].prev = &arenas->clean[i];
    }
    arenas->busy.next = arenas->busy.prev = &arenas->busy;
    reserve_init(&arenas->reserve, RESERVE_LEAST);
    huge_init(arenas);
}

void arenas_lock(struct arenas *arenas) { lock_take(&arenas->lock); }
void arenas_unlock(struct arenas *arenas) { lock_drop(&arenas->lock); }
