/* arena.c: where new pages come from, and what happens when there are none. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "own_arenas.h"

/* Whatever size the reservation has: under a limit on address space it follows
 * from the limit. Runs first, while the process is small. */
static void records_never_reach_into_the_pages(void **state) {
    struct rlimit old, limit;
    (void)state;
    skip_emulated("a limit on address space");
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    bool was_nowhere = os_nowhere;
    for (size_t pages = 4000; pages < 4300; pages++) {
        static struct arenas small;
        bool zeroed;
        memset(&small, 0, sizeof(small));
        arenas_init(&small, true);
        limit = old;
        limit.rlim_cur = pages * PAGE_BYTES * 16;
        if (setrlimit(RLIMIT_AS, &limit) != 0) skip();
        os_nowhere = true;
        bool taken = arenas_take(&small, 1, 1, &zeroed) != NULL;
        os_nowhere = was_nowhere;
        assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
        if (!taken) skip(); /* a sanitizer's shadow memory is larger */
        struct arena *arena = &small.arena[0];
        size_t bytes = arena->pages - (uintptr_t)arena->records;
        assert_true(arena->page_count * sizeof(struct pool) <= bytes);
        os_unmap(arena->records, bytes + (arena->page_count << PAGE_SHIFT));
    }
}

static void new_pages_follow_each_other(void **state) {
    size_t top = 0;
    (void)state;
    for (size_t pages = 1; pages <= 60; pages++) {
        struct pool *run = arenas_take_new(&arenas, pages, false);
        assert_ptr_equal(run, arenas.arena[0].records + top);
        char *start = run_start(&arenas, run);
        assert_int_equal((uintptr_t)start % PAGE_BYTES, 0);
        assert_true(pattern_is_zero(start, pages * PAGE_BYTES));
        memset(start, 1, pages * PAGE_BYTES);
        top += pages;
        assert_int_equal(arenas.arena[0].top, top);
        assert_true(arenas.first_count >= top);
    }
}

/* Every byte of a page leads to its record, by either way; none past the top. */
static void an_address_has_the_record_of_its_page(void **state) {
    struct pool *run = arenas_take_new(&arenas, 100, false), *record;
    char *start = run_start(&arenas, run);
    (void)state;
    for (size_t i = 0; i < 100 * PAGE_BYTES; i += 997) {
        assert_ptr_equal(arenas_record(&arenas, start + i), run + i / PAGE_BYTES);
        assert_ptr_equal(arena_of_address(&arenas, start + i), &arenas.arena[0]);
        assert_true(record_fast(&arenas, start + i, &record));
        assert_ptr_equal(record, run + i / PAGE_BYTES);
        assert_ptr_equal(arena_of_record(&arenas, record), &arenas.arena[0]);
        assert_ptr_equal(run_start(&arenas, record), start + i / PAGE_BYTES * PAGE_BYTES);
    }
    assert_ptr_equal(arenas_record(&arenas, start + 100 * PAGE_BYTES - 1), run + 99);
    assert_null(arenas_record(&arenas, start + 100 * PAGE_BYTES));
}

/* Something of the program's own is where the next pages would be. */
static void an_arena_ends_where_something_is_in_the_way(void **state) {
    (void)state;
    assert_non_null(arenas_take_new(&arenas, 10, false));
    struct arena *first = &arenas.arena[0];
    if (first->is_reserved) skip();
    char *end = (char *)(first->pages + (first->committed << PAGE_SHIFT));
    assert_true(os_map_at(end + PAGE_BYTES, PAGE_BYTES));
    memset(end + PAGE_BYTES, 7, PAGE_BYTES);
    size_t pages = first->committed + 100;
    for (size_t i = 0; i < pages; i++) {
        struct pool *run = arenas_take_new(&arenas, 1, false);
        assert_non_null(run);
        memset(run_start(&arenas, run), 1, PAGE_BYTES);
        assert_ptr_equal(arenas_record(&arenas, run_start(&arenas, run)), run);
    }
    assert_int_equal(arenas.arena_count, 2);
    assert_true(first->top <= first->committed && first->committed == first->page_count);
    for (size_t i = 0; i < PAGE_BYTES; i++) assert_int_equal(end[PAGE_BYTES + i], 7);
    os_unmap(end + PAGE_BYTES, PAGE_BYTES);
}

/* The limit is set when the arena is there already, as a program does for itself. */
static void a_later_limit_on_address_space_holds(void **state) {
    enum { STEP = 256 };
    struct rlimit old, limit;
    size_t steps = 0;
    (void)state;
    skip_emulated("a limit on address space");
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    assert_non_null(arenas_take_new(&arenas, STEP, false));
    if (arenas.arena[0].is_reserved) skip();
    limit = old;
    limit.rlim_cur = (rlim_t)1 << 30;
    if (setrlimit(RLIMIT_AS, &limit) != 0) skip();
    void *any = os_map(PAGE_BYTES);
    while (any && steps < 2000 && arenas_take_new(&arenas, STEP, false)) steps++;
    void *other = os_map((size_t)64 << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    if (!any) skip(); /* a sanitizer's shadow memory is larger */
    assert_in_range(steps, 1, ((size_t)1 << 30) / (STEP * PAGE_BYTES));
    assert_null(other);
    assert_non_null(arenas_take_new(&arenas, STEP, false)); /* raised again: it goes on */
    assert_int_equal(arenas.arena_count, 1);
}

static void absurd_runs_make_no_arena(void **state) {
    (void)state;
    assert_non_null(arenas_take_new(&arenas, 1, false));
    size_t top = arenas.arena[0].top, committed = arenas.arena[0].committed;
    assert_null(arenas_take_new(&arenas, (size_t)1 << 30, false));
    assert_int_equal(arenas.arena_count, 1);
    assert_int_equal(arenas.arena[0].top, top);
    assert_int_equal(arenas.arena[0].committed, committed);
}

/* malloc leaves errno alone when it succeeds, and says ENOMEM itself when not. */
static void errno_stays_as_it_was(void **state) {
    bool was_nowhere = os_nowhere;
    (void)state;
    for (int nowhere = 0; nowhere < 2; nowhere++) {
        os_nowhere = was_nowhere || nowhere;
        arenas_init(memset(&arenas, 0, sizeof(arenas)), true);
        for (int i = 0; i < 3; i++) {
            errno = 77;
            struct pool *run = arenas_take_new(&arenas, i ? 1000 : 1, false);
            int after = errno;
            assert_non_null(run);
            assert_int_equal(after, 77);
        }
    }
    os_nowhere = was_nowhere;
}

static void an_address_elsewhere_has_no_record(void **state) {
    int local = 0;
    (void)state;
    assert_non_null(arenas_take_new(&arenas, 1, false));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_arenas, end_arenas)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(records_never_reach_into_the_pages),
        TEST(new_pages_follow_each_other),
        TEST(an_address_has_the_record_of_its_page),
        TEST(an_arena_ends_where_something_is_in_the_way),
        TEST(a_later_limit_on_address_space_holds),
        TEST(absurd_runs_make_no_arena),
        TEST(errno_stays_as_it_was),
        TEST(an_address_elsewhere_has_no_record),
        TEST(a_refusal_loses_nothing),
        TEST(more_than_there_is_address_space),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
