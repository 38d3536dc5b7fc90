#include "heap/arena.h"

#include <errno.h>

#include "heap/counters.h"
#include "heap/reserve.h"

enum {
    EXACT_LISTS = 32,                  /* list i holds runs of i + 1 pages */
    LIST_SEARCH = 16,                  /* runs looked at in a list of mixed lengths */
    COMMIT_STEP = 256,                /* pages: commits grow from 1 MiB ... */
    COMMIT_STEP_MAX = 16384,          /* ... to 64 MiB at a time            */
    RETURN_BATCH = 128,               /* runs a system call: 3 KiB of stack */
};

static const size_t FIRST_RESERVATION = (size_t)256 << 30;
static const size_t SMALLEST_RESERVATION = (size_t)256 << 10;

/* ---- Lists of free runs -------------------------------------------------- */

/* The list for runs of so many pages. */
static unsigned list_of(size_t pages) {
    if (pages <= EXACT_LISTS) return (unsigned)pages - 1;
    unsigned doubling = 63u - (unsigned)__builtin_clzll(pages);
    unsigned index = EXACT_LISTS + (doubling - 5) * 2 + ((pages >> (doubling - 1)) & 1);
    return index < RUN_LISTS ? index : RUN_LISTS - 1;
}

static void set_kind(struct pool *run, size_t pages, enum page_kind kind) {
    struct pool *last = run + pages - 1;
    run->run_pages = last->run_pages = pages;
    run->kind = last->kind = (uint8_t)kind;
}

static void link_run(struct arenas *arenas, struct pool *run, size_t pages, enum page_kind kind) {
    bool is_dirty = kind == PAGE_DIRTY;
    unsigned index = list_of(pages);
    struct pool *head = is_dirty ? &arenas->dirty[index] : &arenas->clean[index];
    set_kind(run, pages, kind);
    run->next = head->next;
    run->prev = head;
    head->next->prev = run;
    head->next = run;
    *(is_dirty ? &arenas->dirty_lists : &arenas->clean_lists) |= 1ull << index;
    *(is_dirty ? &arenas->dirty_pages : &arenas->clean_pages) += pages;
}

static void unlink_run(struct arenas *arenas, struct pool *run) {
    bool is_dirty = run->kind == PAGE_DIRTY;
    size_t pages = run->run_pages;
    struct pool *after = run->next;
    run->prev->next = after;
    after->prev = run->prev;
    *(is_dirty ? &arenas->dirty_pages : &arenas->clean_pages) -= pages;
    if (after == after->next) /* only the list's own head is left */
        *(is_dirty ? &arenas->dirty_lists : &arenas->clean_lists) &= ~(1ull << list_of(pages));
    run->kind = (run + pages - 1)->kind = PAGE_UNUSED;
}

/* Links a run together with its neighbours of the same kind. */
static void link_merged(struct arenas *arenas, struct pool *run, size_t pages,
                        enum page_kind kind) {
    struct arena *arena = arena_of_record(arenas, run);
    size_t index = (size_t)(run - arena->records);
    struct pool *after = run + pages;
    run->kind = after[-1].kind = PAGE_UNUSED;
    if (index + pages < arena->top && after->kind == kind) {
        pages += after->run_pages;
        unlink_run(arenas, after);
    }
    if (index > 0 && run[-1].kind == kind) {
        struct pool *before = run - run[-1].run_pages;
        pages += before->run_pages;
        unlink_run(arenas, before);
        run = before;
    }
    link_run(arenas, run, pages, kind);
}

/* A linked run of at least `pages`, of the shortest that were quick to find.
 * Bit i of `filled` says that lists[i] is not empty. */
static struct pool *find_run(struct pool *lists, uint64_t filled, size_t pages) {
    unsigned index = list_of(pages);
    if (index >= EXACT_LISTS && (filled >> index & 1)) {
        int looks = index == RUN_LISTS - 1 ? -1 : LIST_SEARCH;
        struct pool *run = lists[index].next;
        for (; run != &lists[index] && looks != 0; run = run->next, looks--)
            if (run->run_pages >= pages) return run;
    }
    unsigned from = index < EXACT_LISTS ? index : index + 1;
    uint64_t longer = from < RUN_LISTS ? filled >> from << from : 0;
    return longer ? lists[__builtin_ctzll(longer)].next : NULL;
}

/* ---- Arenas -------------------------------------------------------------- */

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

/* Pages never used before. */
static struct pool *take_top(struct arenas *arenas, size_t pages) {
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

/* ---- Returning ------------------------------------------------------------ */

/* Takes the oldest of the longest dirty runs out of its list, at most `at_most`
 * pages of it, and marks it busy. */
static struct pool *detach_dirty(struct arenas *arenas, size_t at_most) {
    unsigned longest = 63u - (unsigned)__builtin_clzll(arenas->dirty_lists);
    struct pool *run = arenas->dirty[longest].prev;
    size_t pages = run->run_pages;
    unlink_run(arenas, run);
    if (pages > at_most) {
        link_run(arenas, run, pages - at_most, PAGE_DIRTY);
        run += pages - at_most;
        pages = at_most;
    }
    set_kind(run, pages, PAGE_BUSY);
    return run;
}

/* Links a batch of busy runs, those that the system did not take as dirty ones
 * again; gives the pages it took. */
static size_t relink_purged(struct arenas *arenas, struct pool **runs,
                            const struct os_range *ranges, size_t count) {
    size_t purged = 0;
    for (size_t i = 0; i < count; i++) {
        size_t pages = runs[i]->run_pages;
        bool is_purged = ranges[i].bytes > 0;
        link_merged(arenas, runs[i], pages, is_purged ? PAGE_CLEAN : PAGE_DIRTY);
        if (is_purged) purged += pages;
    }
    return purged;
}

/* Returns dirty pages until at most `keep` are left; gives how many went. Under
 * the lock, which it drops while the system works. */
static size_t return_down_to(struct arenas *arenas, size_t keep) {
    size_t returned = 0;
    int saved_errno = errno; /* free() leaves it alone */
    while (arenas->dirty_pages > keep) {
        struct os_range ranges[RETURN_BATCH];
        struct pool *runs[RETURN_BATCH];
        size_t count = 0, pages = 0;
        while (count < RETURN_BATCH && arenas->dirty_pages > keep) {
            struct pool *run = detach_dirty(arenas, arenas->dirty_pages - keep);
            runs[count] = run;
            ranges[count].start = run_start(arenas, run);
            ranges[count++].bytes = run->run_pages << PAGE_SHIFT;
            pages += run->run_pages;
        }
        arenas_unlock(arenas);
        os_purge(ranges, count);
        arenas_lock(arenas);
        size_t purged = relink_purged(arenas, runs, ranges, count);
        resident_returned(purged);
        returned += purged;
        if (purged < pages) {
            reserve_note_refused(&arenas->reserve, arenas->dirty_pages);
            break;
        }
    }
    errno = saved_errno;
    return returned;
}

size_t arenas_return_all(struct arenas *arenas) {
    arenas_lock(arenas);
    size_t pages = return_down_to(arenas, 0);
    arenas_unlock(arenas);
    return pages;
}

static void note_taken(struct arenas *arenas, size_t pages, size_t taken_back) {
    size_t kept = arenas->dirty_pages;
    size_t stay = reserve_note_taken(&arenas->reserve, kept, pages, taken_back);
    if (stay < kept) return_down_to(arenas, stay);
}

static void note_given(struct arenas *arenas, size_t pages) {
    size_t kept = arenas->dirty_pages;
    size_t stay = reserve_note_given(&arenas->reserve, kept, pages);
    if (stay < kept) return_down_to(arenas, stay);
}

/* ---- Runs ---------------------------------------------------------------- */

/* Cuts the `pages` that suit `align` out of a run that was taken whole, and
 * links what is left on either side as it was. */
static struct pool *cut_run(struct arenas *arenas, struct pool *run, size_t length, size_t pages,
                            size_t align, enum page_kind kind) {
    size_t skip = 0;
    if (align > 1) {
        size_t number = (uintptr_t)run_start(arenas, run) >> PAGE_SHIFT;
        skip = -number & (align - 1);
    }
    struct pool *rest = run + skip + pages;
    if (length > skip + pages) link_merged(arenas, rest, length - skip - pages, kind);
    if (skip) link_merged(arenas, run, skip, kind);
    return run + skip;
}

/* A linked run of at least `wish` pages, dirty before clean, taken whole. */
static struct pool *take_linked(struct arenas *arenas, size_t wish, enum page_kind *kind) {
    struct pool *run = find_run(arenas->dirty, arenas->dirty_lists, wish);
    if (!run) run = find_run(arenas->clean, arenas->clean_lists, wish);
    if (!run) return NULL;
    *kind = run->kind;
    unlink_run(arenas, run);
    return run;
}

struct pool *arenas_take(struct arenas *arenas, size_t pages, size_t align, bool *zeroed) {
    size_t wish = pages + align - 1;
    enum page_kind kind = PAGE_CLEAN;
    arenas_lock(arenas);
    struct pool *run = take_linked(arenas, wish, &kind);
    bool is_new = run == NULL;
    if (is_new) run = take_top(arenas, wish);
    if (run) {
        size_t length = is_new ? wish : run->run_pages;
        if (length > pages) run = cut_run(arenas, run, length, pages, align, kind);
        if (kind == PAGE_CLEAN) resident_grew(pages);
        note_taken(arenas, pages, kind == PAGE_CLEAN && !is_new ? pages : 0);
    }
    arenas_unlock(arenas);
    *zeroed = kind == PAGE_CLEAN;
    return run;
}

/* The first of the longest runs of a kind, cut to `most` pages. */
static struct pool *take_longest(struct arenas *arenas, enum page_kind kind, size_t most,
                                 size_t *pages) {
    bool is_dirty = kind == PAGE_DIRTY;
    uint64_t filled = is_dirty ? arenas->dirty_lists : arenas->clean_lists;
    if (!filled) return NULL;
    unsigned longest = 63u - (unsigned)__builtin_clzll(filled);
    struct pool *run = (is_dirty ? arenas->dirty : arenas->clean)[longest].next;
    size_t length = run->run_pages;
    unlink_run(arenas, run);
    if (length > most) link_run(arenas, run + most, length - most, kind);
    *pages = length < most ? length : most;
    return run;
}

/* Whether returned pages are to be used before new ones: when there is a run of
 * them long enough, or when they are more than a fourth of the arenas. */
static bool prefers_clean(const struct arenas *arenas, size_t most) {
    if (arenas->arena_count == 0) return false;
    bool has_long = arenas->clean_lists >> list_of(most) != 0;
    return has_long || arenas->clean_pages > arenas->arena[arenas->arena_count - 1].top / 4;
}

struct pool *arenas_take_ahead(struct arenas *arenas, size_t most, size_t *pages, bool *zeroed) {
    arenas_lock(arenas);
    size_t taken_back = 0;
    struct pool *run = take_longest(arenas, PAGE_DIRTY, most, pages);
    *zeroed = run == NULL;
    if (!run && prefers_clean(arenas, most)) {
        run = take_longest(arenas, PAGE_CLEAN, most, pages);
        if (run) taken_back = *pages;
    }
    if (!run) {
        run = take_top(arenas, most);
        *pages = most;
    }
    if (!run) run = take_longest(arenas, PAGE_CLEAN, most, pages);
    if (run) note_taken(arenas, *pages, taken_back);
    arenas_unlock(arenas);
    return run;
}

/* Also forgets the records of the pages behind the first, which of a pool are
 * POOL_TAIL; those of large runs are unused as it is. */
static void forget(struct pool *run, size_t pages) {
    run->frees_left = 0;
    run->owner = 0;
    run->kind = PAGE_UNUSED;
    if (pages == 1 || run[1].kind == PAGE_UNUSED) return;
    for (size_t i = 1; i < pages; i++) run[i].kind = PAGE_UNUSED;
}

void arenas_give(struct arenas *arenas, struct pool *run, size_t pages) {
    arenas_lock(arenas);
    forget(run, pages);
    link_merged(arenas, run, pages, PAGE_DIRTY);
    note_given(arenas, pages);
    arenas_unlock(arenas);
}

void arenas_give_unused(struct arenas *arenas, struct pool *run, size_t pages, bool is_dirty) {
    if (is_dirty) {
        arenas_give(arenas, run, pages);
        return;
    }
    arenas_lock(arenas);
    forget(run, 1);
    link_merged(arenas, run, pages, PAGE_CLEAN);
    arenas_unlock(arenas);
}

bool arenas_extend(struct arenas *arenas, struct pool *run, size_t pages, size_t longer) {
    size_t more = longer - pages;
    bool done = false;
    arenas_lock(arenas);
    struct arena *arena = arena_of_record(arenas, run);
    struct pool *after = run + pages;
    size_t index = (size_t)(after - arena->records);
    if (index == arena->top) {
        bool newest = arena == &arenas->arena[arenas->arena_count - 1];
        if (newest && index + more <= arena->page_count && take_top(arenas, more)) {
            resident_grew(more);
            done = true;
        }
    } else if ((after->kind == PAGE_DIRTY || after->kind == PAGE_CLEAN) &&
               after->run_pages >= more) {
        enum page_kind kind = after->kind;
        size_t length = after->run_pages;
        unlink_run(arenas, after);
        if (length > more) link_run(arenas, after + more, length - more, kind);
        if (kind == PAGE_CLEAN) resident_grew(more);
        note_taken(arenas, more, kind == PAGE_CLEAN ? more : 0);
        done = true;
    }
    arenas_unlock(arenas);
    return done;
}
