/* Arenas of a test's own, new for each test, and what holds of them at all times. */
#ifndef SHOAL_TESTS_OWN_ARENAS_H
#define SHOAL_TESTS_OWN_ARENAS_H

#include "heap/counters.h"
#include "heap/pages.h"
#include "heap/run_list.h"

#include "unit.h"

static struct arenas arenas;
static size_t resident_before; /* pages, of the whole process */

/* Setup and teardown of a test. */
static inline int begin_arenas(void **state) {
    (void)state;
    arenas_init(memset(&arenas, 0, sizeof(arenas)), true);
    resident_before = atomic_load(&counters.resident);
    return 0;
}

static inline int end_arenas(void **state) {
    (void)state;
    for (size_t i = 0; i < arenas.arena_count; i++) {
        struct arena *arena = &arenas.arena[i];
        os_unmap(arena->records, arena->records_committed);
        os_unmap((void *)arena->pages, arena->committed << PAGE_SHIFT);
    }
    return 0;
}

/* Pages that count as resident since the test began. */
static inline size_t resident_here(void) {
    return atomic_load(&counters.resident) - resident_before;
}

/* Every page below the top belongs to exactly one run, free or taken; no two
 * free runs of a kind are neighbours; the sums know all the free ones. */
static inline void assert_covered(size_t taken_pages) {
    size_t dirty = 0, clean = 0, lazy = 0, taken = 0;
    for (size_t a = 0; a < arenas.arena_count; a++) {
        struct arena *arena = &arenas.arena[a];
        int before = PAGE_UNUSED;
        assert_true(arena->top <= arena->committed && arena->committed <= arena->page_count);
        for (size_t i = 0; i < arena->top;) {
            struct pool *run = &arena->records[i];
            assert_true(run->run_pages > 0 && i + run->run_pages <= arena->top);
            if (run->kind == PAGE_DIRTY || run->kind == PAGE_CLEAN) {
                assert_int_not_equal(run->kind, before);
                assert_int_equal(run[run->run_pages - 1].kind, run->kind);
                assert_int_equal(run[run->run_pages - 1].run_pages, run->run_pages);
                *(run->kind == PAGE_DIRTY ? &dirty : &clean) += run->run_pages;
                assert_true(run_lazy_pages(run) <= (run->kind == PAGE_DIRTY ? run->run_pages : 0));
                lazy += run_lazy_pages(run);
            } else {
                assert_true(run->kind == PAGE_LARGE || run->kind == PAGE_AHEAD);
                taken += run->run_pages;
            }
            before = run->kind;
            i += run->run_pages;
        }
    }
    assert_int_equal(dirty, arenas.dirty_pages);
    assert_int_equal(clean, arenas.clean_pages);
    assert_int_equal(lazy, arenas.lazy_pages);
    assert_int_equal(taken, taken_pages);
}

#endif
