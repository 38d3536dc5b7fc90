/* arena.c: runs of pages, and what happens when there are none. */
#include "heap/pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "unit.h"

static struct arenas arenas;
static uint64_t seed = 17;

static int init(void **state) {
    (void)state;
    arenas_init(&arenas, true);
    return 0;
}

/* Every page below the top belongs to exactly one run, free or taken; no two
 * free runs of a kind are neighbours; the lists know all the free ones. */
static void assert_covered(size_t taken_pages) {
    size_t dirty = 0, clean = 0, taken = 0;
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
            } else {
                assert_int_equal(run->kind, PAGE_LARGE);
                taken += run->run_pages;
            }
            before = run->kind;
            i += run->run_pages;
        }
    }
    assert_int_equal(dirty, arenas.dirty_pages);
    assert_int_equal(clean, arenas.clean_pages);
    assert_int_equal(taken, taken_pages);
}

static struct pool *take(size_t pages, size_t align) {
    bool zeroed;
    struct pool *run = arenas_take(&arenas, pages, align, &zeroed);
    if (!run) return NULL;
    char *start = run_start(&arenas, run);
    assert_int_equal(((uintptr_t)start >> PAGE_SHIFT) % align, 0);
    assert_ptr_equal(arenas_record(&arenas, start), run);
    assert_ptr_equal(arenas_record(&arenas, start + PAGE_BYTES * pages - 1), run + pages - 1);
    if (zeroed) assert_true(pattern_is_zero(start, pages * PAGE_BYTES));
    memset(start, 0xee, pages * PAGE_BYTES);
    run->kind = PAGE_LARGE; /* as large_take does */
    run->run_pages = pages;
    return run;
}

/* Whatever size the reservation has: under a limit on address space it follows
 * from the limit. Runs first, while the process is small. */
static void records_never_reach_into_the_pages(void **state) {
    struct rlimit old, limit;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    for (size_t pages = 4000; pages < 4300; pages++) {
        static struct arenas small;
        bool zeroed;
        memset(&small, 0, sizeof(small));
        arenas_init(&small, true);
        limit = old;
        limit.rlim_cur = pages * PAGE_BYTES * 16;
        if (setrlimit(RLIMIT_AS, &limit) != 0) skip();
        bool taken = arenas_take(&small, 1, 1, &zeroed) != NULL;
        assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
        if (!taken) skip(); /* a sanitizer's shadow memory is larger */
        struct arena *arena = &small.arena[0];
        size_t bytes = arena->pages - (uintptr_t)arena->records;
        assert_true(arena->page_count * sizeof(struct pool) <= bytes);
        os_unmap(arena->records, bytes + (arena->page_count << PAGE_SHIFT));
    }
}

static void runs_cover_the_arena(void **state) {
    static struct pool *runs[200];
    size_t taken = 0;
    (void)state;
    for (int step = 0; step < 20000; step++) {
        size_t i = random_next(&seed) % COUNT_OF(runs);
        if (runs[i]) {
            taken -= runs[i]->run_pages;
            arenas_give(&arenas, runs[i], runs[i]->run_pages);
        }
        size_t pages = 1 + random_next(&seed) % (step % 20 ? 12 : 150);
        runs[i] = take(pages, step % 7 ? 1 : (size_t)1 << random_next(&seed) % 6);
        assert_non_null(runs[i]);
        taken += pages;
        if (step % 500 == 0) assert_covered(taken);
        if (step % 2000 == 0) arenas_return_all(&arenas);
    }
    for (size_t i = 0; i < COUNT_OF(runs); i++)
        if (runs[i]) arenas_give(&arenas, runs[i], runs[i]->run_pages);
    assert_covered(0);
    arenas_return_all(&arenas);
    assert_covered(0);
    assert_int_equal(arenas.dirty_pages, 0);
    assert_int_equal(arenas.clean_pages, arenas.arena[0].top);
}

static void a_run_grows_where_it_stands(void **state) {
    struct pool *first = take(4, 1), *second = take(4, 1);
    (void)state;
    if (first + 4 == second) {
        assert_false(arenas_extend(&arenas, first, 4, 5));
        arenas_give(&arenas, second, 4);
        assert_true(arenas_extend(&arenas, first, 4, 6));
        first->run_pages = 6;
        assert_covered(6);
        arenas_give(&arenas, first, 6);
    } else {
        arenas_give(&arenas, first, 4);
        arenas_give(&arenas, second, 4);
    }
    assert_covered(0);
}

/* The last run grows over the pages that were never used. */
static void the_top_run_grows(void **state) {
    struct arena *arena = &arenas.arena[0];
    size_t free_pages = arenas.dirty_pages + arenas.clean_pages;
    struct pool *run = take(free_pages + 300, 1);
    (void)state;
    assert_non_null(run);
    assert_int_equal((size_t)(run - arena->records) + run->run_pages, arena->top);
    assert_true(arenas_extend(&arenas, run, run->run_pages, run->run_pages + 50));
    run->run_pages += 50;
    memset(run_start(&arenas, run), 1, run->run_pages * PAGE_BYTES);
    assert_covered(run->run_pages);
    arenas_give(&arenas, run, run->run_pages);
    assert_covered(0);
}

static void an_address_elsewhere_has_no_record(void **state) {
    int local = 0;
    (void)state;
    assert_null(arenas_record(&arenas, &local));
    assert_null(arenas_record(&arenas, NULL));
    assert_null(arenas_record(&arenas, (void *)UINTPTR_MAX));
    assert_null(arena_of_address(&arenas, &local));
}

/* However early the system refuses, a run is whole or NULL, and what there was
 * before is still there afterwards. */
static void a_refusal_loses_nothing(void **state) {
    (void)state;
    for (int after = 0; after < 8; after++) {
        static struct arenas fresh;
        bool zeroed;
        memset(&fresh, 0, sizeof(fresh));
        arenas_init(&fresh, true);
        os_fail_after = after;
        size_t got = 0;
        while (got < 40 && arenas_take(&fresh, 100, 1, &zeroed)) got++;
        os_fail_after = -1;
        assert_true(after > 2 || got < 40);
        assert_non_null(arenas_take(&fresh, 1, 1, &zeroed));
        assert_int_equal(fresh.arena[0].top, got * 100 + 1);
    }
}

static void more_than_there_is_address_space(void **state) {
    bool zeroed;
    (void)state;
    assert_null(arenas_take(&arenas, (size_t)1 << 40, 1, &zeroed));
    assert_covered(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_never_reach_into_the_pages),
        cmocka_unit_test(runs_cover_the_arena),
        cmocka_unit_test(a_run_grows_where_it_stands),
        cmocka_unit_test(the_top_run_grows),
        cmocka_unit_test(an_address_elsewhere_has_no_record),
        cmocka_unit_test(a_refusal_loses_nothing),
        cmocka_unit_test(more_than_there_is_address_space),
    };
    return cmocka_run_group_tests_name("arena", tests, init, NULL);
}
