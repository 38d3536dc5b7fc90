#include "heap/huge.h"

#include <stdlib.h>
#include <string.h>

#include "heap/arena.h"
#include "heap/counters.h"

static const uintptr_t REGION = (uintptr_t)HUGE_PAGES << PAGE_SHIFT;

void huge_init(struct arenas *arenas) {
    const char *wish = getenv("SHOAL_HUGE");
    bool is_on = wish && strcmp(wish, "1") == 0 && os_has_huge_pages();
    arenas->huge = (struct huge){.least = is_on ? HUGE_LEAST : SIZE_MAX, .dear = HUGE_DEAR};
}

/* ---- Regions of an arena -------------------------------------------------------- */

static size_t region_of(const struct arena *arena, uintptr_t address) {
    return address / REGION - arena->pages / REGION;
}

static bool is_huge(const struct arena *arena, size_t region) {
    return arena->is_huge && (arena->is_huge[region / 64] >> region % 64 & 1);
}

static void set_huge(struct arena *arena, size_t region, bool is_set) {
    uint64_t bit = UINT64_C(1) << region % 64;
    if (is_set)
        arena->is_huge[region / 64] |= bit;
    else
        arena->is_huge[region / 64] &= ~bit;
}

static size_t map_words(const struct arena *arena) {
    return arena->page_count / HUGE_PAGES / 64 + 1;
}

/* A bit for each region there may ever be; memory only for those that are asked about. */
static bool has_map(struct arena *arena) {
    if (!arena->is_huge) arena->is_huge = os_map(map_words(arena) * sizeof(uint64_t));
    return arena->is_huge != NULL;
}

/* ---- Growing ---------------------------------------------------------------------- */

static bool is_left_out(struct huge *huge) {
    if (huge->left == 0) return false;
    huge->left--;
    return true;
}

static void note_cost(struct huge *huge, uint64_t nanoseconds) {
    huge->pause = nanoseconds > huge->dear ? huge->pause * 4 + 1 : 0;
    if (huge->pause > HUGE_PAUSE) huge->pause = HUGE_PAUSE;
    huge->left = huge->pause;
}

static void fill(struct huge *huge, struct arena *arena, size_t page) {
    void *start = (void *)(arena->pages + (page << PAGE_SHIFT));
    if (page + HUGE_PAGES > arena->committed || is_left_out(huge) || !has_map(arena)) return;
    uint64_t begin = os_nanoseconds();
    if (!os_fill_huge(start, REGION)) {
        huge->least = SIZE_MAX; /* an older kernel: not once more */
        return;
    }
    note_cost(huge, os_nanoseconds() - begin);
    set_huge(arena, region_of(arena, (uintptr_t)start), true);
    arena->filled = page + HUGE_PAGES;
}

void huge_grow(struct arenas *arenas, struct arena *arena, size_t pages) {
    size_t skip = -(arena->pages >> PAGE_SHIFT) % HUGE_PAGES; /* to the first region's start */
    size_t past = arena->top > skip ? arena->top - skip : 0;
    size_t first = (past + HUGE_PAGES - 1) / HUGE_PAGES * HUGE_PAGES + skip;
    for (size_t page = first; page < arena->top + pages; page += HUGE_PAGES)
        if (page >= arena->filled) fill(&arenas->huge, arena, page);
}

bool huge_filled(const struct arena *arena, const struct pool *run) {
    size_t page = (size_t)(run - arena->records);
    return is_huge(arena, region_of(arena, arena->pages + (page << PAGE_SHIFT)));
}

/* ---- Going back ------------------------------------------------------------------- */

size_t huge_leave(struct arena *arena, const struct os_range *range, struct os_range *splits) {
    uintptr_t start = (uintptr_t)range->start, end = start + range->bytes;
    size_t count = 0;
    if (!arena->is_huge) return 0;
    for (uintptr_t at = start; at < end; at = (at / REGION + 1) * REGION) {
        size_t region = region_of(arena, at);
        uintptr_t region_end = (at / REGION + 1) * REGION;
        if (!is_huge(arena, region)) continue;
        set_huge(arena, region, false);
        bool is_whole = at % REGION == 0 && region_end <= end;
        if (!is_whole) splits[count++] = (struct os_range){(void *)at, PAGE_BYTES};
    }
    return count;
}

static size_t return_ahead(struct arena *arena) {
    struct os_range split[HUGE_SPLITS];
    struct os_range range = {
        .start = (void *)(arena->pages + (arena->top << PAGE_SHIFT)),
        .bytes = huge_ahead(arena) << PAGE_SHIFT,
    };
    if (range.bytes == 0) return 0;
    size_t count = huge_leave(arena, &range, split);
    arena->filled = arena->top;
    os_purge_lazily(split, count);
    os_purge(&range, 1);
    atomic_fetch_add(&counters.returned, range.bytes >> PAGE_SHIFT);
    return range.bytes >> PAGE_SHIFT;
}

size_t huge_return_ahead(struct arenas *arenas) {
    size_t pages = 0;
    for (size_t i = 0; i < arenas->arena_count; i++) pages += return_ahead(&arenas->arena[i]);
    return pages;
}

size_t huge_ahead(const struct arena *arena) {
    return arena->filled > arena->top ? arena->filled - arena->top : 0;
}

size_t huge_bytes(const struct arena *arena) {
    size_t regions = 0, words = arena->is_huge ? map_words(arena) : 0;
    size_t used = arena->top / HUGE_PAGES / 64 + 1;
    for (size_t i = 0; i < words && i <= used; i++)
        regions += (size_t)__builtin_popcountll(arena->is_huge[i]);
    return regions * REGION;
}
