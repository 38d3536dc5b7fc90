#include "heap/pages.h"

#include <errno.h>

#include "heap/counters.h"
#include "heap/huge.h"
#include "heap/idle.h"
#include "heap/lazy.h"
#include "heap/mapping.h"
#include "heap/records.h"
#include "heap/run_list.h"

enum {
    RETURN_BATCH = 128, /* runs a system call: 5 KiB of stack     */
    LAZY_BATCH = 256,   /* pages worth a system call to make lazy */
};

/* ---- Returning ------------------------------------------------------------ */

/* Takes the oldest of the longest dirty runs out of its list, at most `at_most`
 * pages of it, and marks it busy. */
static struct pool *detach_dirty(struct arenas *arenas, size_t at_most) {
    struct pool *run = run_longest(arenas->dirty, arenas->dirty_lists)->prev;
    size_t pages = run->run_pages;
    run_unlink(arenas, run);
    if (pages > at_most) {
        run_link(arenas, run, pages - at_most, PAGE_DIRTY);
        run += pages - at_most;
        pages = at_most;
    }
    run_set_busy(arenas, run, pages);
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
        run_end_busy(runs[i]);
        run_link_merged(arenas, runs[i], pages, is_purged ? PAGE_CLEAN : PAGE_DIRTY);
        if (is_purged) purged += pages;
    }
    return purged;
}

/* What goes with pages that went: their records, and what was filled ahead of an arena that
 * does not grow any more. Gives the pages of the latter. */
static size_t return_besides(struct arenas *arenas) {
    arenas_return_records(arenas);
    return huge_return_ahead(arenas);
}

/* Returns dirty pages until at most `keep` are left; gives how many went. Under
 * the lock, which it drops while the system works. */
static size_t return_down_to(struct arenas *arenas, size_t keep) {
    size_t returned = 0;
    int saved_errno = errno; /* free() leaves it alone */
    while (arenas->dirty_pages > keep) {
        struct os_range ranges[RETURN_BATCH], splits[RETURN_BATCH + HUGE_SPLITS];
        struct pool *runs[RETURN_BATCH];
        size_t count = 0, split_count = 0, pages = 0;
        while (count < RETURN_BATCH && split_count <= RETURN_BATCH && arenas->dirty_pages > keep) {
            struct pool *run = detach_dirty(arenas, arenas->dirty_pages - keep);
            struct arena *arena = arena_of_record(arenas, run);
            struct os_range range = {page_address(arena, run), run->run_pages << PAGE_SHIFT};
            split_count += huge_leave(arena, &range, &splits[split_count]);
            runs[count] = run;
            ranges[count++] = range;
            pages += run->run_pages;
        }
        arenas_unlock(arenas);
        if (split_count) os_purge_lazily(splits, split_count);
        os_purge(ranges, count);
        arenas_lock(arenas);
        size_t purged = relink_purged(arenas, runs, ranges, count);
        arenas_returned(arenas, purged);
        arenas->new_clean += purged;
        returned += purged;
        if (purged < pages) {
            reserve_note_refused(&arenas->reserve, arenas->dirty_pages);
            break;
        }
    }
    if (arenas_returned_much(arenas)) return_besides(arenas);
    errno = saved_errno;
    return returned;
}

void arenas_recover_busy(struct arenas *arenas) {
    while (arenas->busy.next != &arenas->busy) {
        struct pool *run = arenas->busy.next;
        run_end_busy(run);
        run_link_merged(arenas, run, run->run_pages, PAGE_DIRTY);
    }
}

size_t arenas_return(struct arenas *arenas, size_t pages) {
    arenas_lock(arenas);
    size_t kept = arenas->dirty_pages;
    size_t returned = return_down_to(arenas, kept > pages ? kept - pages : 0);
    bool is_all = pages == SIZE_MAX;
    size_t besides = is_all || arenas->new_clean >= RECORDS_A_PAGE ? return_besides(arenas) : 0;
    if (is_all) returned += besides; /* who asked for fewer gets no more */
    arenas_unlock(arenas);
    return returned;
}

size_t arenas_dirty(struct arenas *arenas) {
    arenas_lock(arenas);
    size_t pages = arenas->dirty_pages;
    arenas_unlock(arenas);
    return pages;
}

struct kept arenas_look(struct arenas *arenas) {
    arenas_lock(arenas);
    struct kept kept = reserve_look(&arenas->reserve, arenas->dirty_pages);
    arenas_unlock(arenas);
    return kept;
}

static void make_lazy(struct arenas *arenas) {
    size_t eager = arenas->dirty_pages - arenas->lazy_pages;
    size_t lazily = reserve_grant_lazy(&arenas->reserve, eager, LAZY_BATCH);
    if (lazily) arenas_make_lazy(arenas, lazily);
}

static void note_taken(struct arenas *arenas, size_t pages, size_t taken_back) {
    size_t kept = arenas->dirty_pages;
    size_t stay = reserve_note_taken(&arenas->reserve, kept, pages, taken_back);
    if (stay < kept) return_down_to(arenas, stay);
    make_lazy(arenas);
}

static void note_given(struct arenas *arenas, size_t pages) {
    size_t kept = arenas->dirty_pages;
    size_t stay = reserve_note_given(&arenas->reserve, kept, pages);
    if (stay < kept) return_down_to(arenas, stay);
    if (stay < kept || kept >= IDLE_WORTH) idle_expect();
    make_lazy(arenas);
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
    uint16_t lazy = run->lazy_pages;
    if (length > skip + pages) {
        rest->lazy_pages = lazy;
        run_link_merged(arenas, rest, length - skip - pages, kind);
    }
    if (skip) run_link_merged(arenas, run, skip, kind);
    return run + skip;
}

/* A linked run of at least `wish` pages, dirty before clean, taken whole. */
static struct pool *take_linked(struct arenas *arenas, size_t wish, enum page_kind *kind) {
    struct pool *run = run_find(arenas->dirty, arenas->dirty_lists, wish);
    if (!run) run = run_find(arenas->clean, arenas->clean_lists, wish);
    if (!run) return NULL;
    *kind = run->kind;
    run_unlink(arenas, run);
    return run;
}

/* How `unused` pages of a new run are to be linked: clean, unless they may be filled ahead. */
static enum page_kind kind_of_new(struct arenas *arenas, const struct pool *run, size_t unused) {
    const struct arena *arena = arena_of_record(arenas, run);
    if (arena->filled <= (size_t)(run - arena->records)) return PAGE_CLEAN;
    arenas_grew(arenas, unused);
    return PAGE_DIRTY;
}

struct pool *arenas_take(struct arenas *arenas, size_t pages, size_t align, bool *zeroed) {
    size_t wish = pages + align - 1;
    enum page_kind kind = PAGE_CLEAN;
    arenas_lock(arenas);
    struct pool *run = take_linked(arenas, wish, &kind);
    bool is_new = run == NULL;
    if (is_new) run = arenas_take_new(arenas, wish, false);
    if (run) {
        size_t length = is_new ? wish : run->run_pages;
        enum page_kind rest = is_new ? kind_of_new(arenas, run, length - pages) : kind;
        if (length > pages) run = cut_run(arenas, run, length, pages, align, rest);
        run->run_pages = pages; /* for whoever counts meanwhile */
        if (kind == PAGE_CLEAN) arenas_grew(arenas, pages);
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
    struct pool *lists = is_dirty ? arenas->dirty : arenas->clean;
    struct pool *run = run_find(lists, filled, most); /* long runs are for large blocks */
    if (!run) run = run_longest(lists, filled)->next;
    size_t length = run->run_pages;
    run_unlink(arenas, run);
    *pages = length < most ? length : most;
    run_link_rest(arenas, run, length, *pages, kind);
    return run;
}

/* Whether returned pages are to be used before new ones: when there is a run of
 * them long enough, or when they are more than a fourth of the arenas. */
static bool prefers_clean(const struct arenas *arenas, size_t most) {
    if (arenas->arena_count == 0) return false;
    bool has_long = arenas->clean_lists >> run_list_of(most) != 0;
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
        run = arenas_take_new(arenas, most, true);
        *pages = most;
    }
    if (!run) run = take_longest(arenas, PAGE_CLEAN, most, pages);
    if (!run && (run = arenas_take_new(arenas, 1, true))) *pages = 1; /* the last ones there are */
    if (run) {
        run->run_pages = *pages; /* for whoever counts meanwhile */
        note_taken(arenas, *pages, taken_back);
    }
    arenas_unlock(arenas);
    return run;
}

/* Also forgets the records of the pages behind the first, which of a pool are
 * POOL_TAIL; those of large runs are unused as it is. */
static void forget(struct pool *run, size_t pages) {
    run->frees_left = 0;
    run->lazy_pages = 0;
    run->owner = 0;
    run->kind = PAGE_UNUSED;
    if (pages == 1 || run[1].kind == PAGE_UNUSED) return;
    for (size_t i = 1; i < pages; i++) run[i].kind = PAGE_UNUSED;
}

void arenas_give(struct arenas *arenas, struct pool *run, size_t pages) {
    arenas_lock(arenas);
    forget(run, pages);
    run_link_merged(arenas, run, pages, PAGE_DIRTY);
    note_given(arenas, pages);
    arenas_unlock(arenas);
    mapping_tend();
}

void arenas_give_unused(struct arenas *arenas, struct pool *run, size_t pages, bool is_dirty) {
    bool is_filled = huge_filled(arena_of_record(arenas, run), run);
    if (is_filled && !is_dirty) arenas_grew(arenas, pages);
    if (is_dirty || is_filled) {
        arenas_give(arenas, run, pages);
        return;
    }
    arenas_lock(arenas);
    forget(run, 1);
    run_link_merged(arenas, run, pages, PAGE_CLEAN);
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
        struct pool *new = newest ? arenas_take_new(arenas, more, false) : NULL;
        done = new == after; /* not when another arena had to be made */
        if (done) arenas_grew(arenas, more);
        if (new && !done) run_link_merged(arenas, new, more, kind_of_new(arenas, new, more));
    } else if ((after->kind == PAGE_DIRTY || after->kind == PAGE_CLEAN) &&
               after->run_pages >= more) {
        enum page_kind kind = after->kind;
        size_t length = after->run_pages;
        run_unlink(arenas, after);
        run_link_rest(arenas, after, length, more, kind);
        if (kind == PAGE_CLEAN) arenas_grew(arenas, more);
        note_taken(arenas, more, kind == PAGE_CLEAN ? more : 0);
        done = true;
    }
    arenas_unlock(arenas);
    return done;
}
