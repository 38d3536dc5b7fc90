#include "heap/arena.h"

#include "heap/reserve.h"

enum {
    COMMIT_STEP = 256,       /* pages: commits grow from 1 MiB ... */
    COMMIT_STEP_MAX = 16384, /* ... to 64 MiB at a time            */
};

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

static size_t whole_pages(size_t bytes) {
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

/* Makes the arena's first `pages` usable, and some more while memory is easy. */
static bool arena_commit(struct arena *arena, size_t pages) {
    if (pages <= arena->committed) return true;
    size_t step = arena->committed / 8;
    if (step < COMMIT_STEP) step = COMMIT_STEP;
    if (step > COMMIT_STEP_MAX) step = COMMIT_STEP_MAX;
    size_t wish = arena->committed + step > pages ? arena->committed + step : pages;
    if (wish > arena->page_count) wish = arena->page_count;
    size_t records = whole_pages(wish * sizeof(struct pool));
    if (records > arena->records_committed) {
        if (!os_commit(arena->records, records)) return false;
        arena->records_committed = records;
    }
    char *from = (char *)(arena->pages + (arena->committed << PAGE_SHIFT));
    if (!os_commit(from, (wish - arena->committed) << PAGE_SHIFT)) {
        wish = pages;
        if (!os_commit(from, (wish - arena->committed) << PAGE_SHIFT)) return false;
    }
    arena->committed = wish;
    return true;
}

/* The size to try first: an address space with a limit is shared with others. */
static size_t reservation_wish(const struct arenas *arenas) {
    size_t limit = os_address_limit();
    size_t wish = FIRST_RESERVATION;
    if (limit != SIZE_MAX) wish = limit / 16;
    if (arenas->arena_count > 0) {
        size_t last = arenas->arena[arenas->arena_count - 1].page_count << PAGE_SHIFT;
        wish = limit == SIZE_MAX ? last * 2 : last;
    }
    return wish;
}

static struct arena *arenas_grow(struct arenas *arenas, size_t pages) {
    if (arenas->arena_count == ARENAS_MAX) return NULL;
    size_t least = (pages << PAGE_SHIFT) + whole_pages(pages * sizeof(struct pool));
    if (least < SMALLEST_RESERVATION) least = SMALLEST_RESERVATION;
    size_t bytes = whole_pages(reservation_wish(arenas));
    if (bytes < least) bytes = least;
    char *start;
    while (!(start = os_reserve(bytes))) {
        if (bytes == least) return NULL;
        bytes = whole_pages(bytes / 2);
        if (bytes < least) bytes = least;
    }
    size_t page_count = bytes / (PAGE_BYTES + sizeof(struct pool));
    size_t record_bytes = whole_pages(page_count * sizeof(struct pool));
    size_t room = (bytes - record_bytes) >> PAGE_SHIFT;
    if (page_count > room) page_count = room;
    struct arena *arena = &arenas->arena[arenas->arena_count];
    *arena = (struct arena){
        .pages = (uintptr_t)start + record_bytes,
        .records = (struct pool *)start,
        .page_count = page_count,
    };
    arenas->arena_count++;
    return arena;
}

struct pool *arenas_take_new(struct arenas *arenas, size_t pages) {
    struct arena *arena = arenas->arena_count ? &arenas->arena[arenas->arena_count - 1] : NULL;
    if (!arena || arena->top + pages > arena->page_count) arena = arenas_grow(arenas, pages);
    if (!arena || !arena_commit(arena, arena->top + pages)) return NULL;
    struct pool *run = arena->records + arena->top;
    arena->top += pages;
    if (arena == arenas->arena && !arenas->no_fast_path) {
        arenas->first_page = arena->pages;
        arenas->first_records = arena->records;
        arenas->first_count = arena->committed;
    }
    return run;
}

void arenas_init(struct arenas *arenas, bool shared) {
    arenas->shared = shared;
    if (shared) pthread_mutex_init(&arenas->lock, NULL);
    for (unsigned i = 0; i < RUN_LISTS; i++) {
        arenas->dirty[i].next = arenas->dirty[i].prev = &arenas->dirty[i];
        arenas->clean[i].next = arenas->clean[i].prev = &arenas->clean[i];
    }
    reserve_init(&arenas->reserve, RESERVE_LEAST);
}

void arenas_lock(struct arenas *arenas) {
    if (arenas->shared) pthread_mutex_lock(&arenas->lock);
}

void arenas_unlock(struct arenas *arenas) {
    if (arenas->shared) pthread_mutex_unlock(&arenas->lock);
}
