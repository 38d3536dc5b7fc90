/* pages.c: runs of pages, taken and given, cut, extended and returned. */
#include "heap/pages.h"
#include "heap/records.h"
#include "heap/reserve.h"
#include "heap/run_list.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "own_arenas.h"

static const size_t PLENTY = (size_t)1 << 20; /* pages: a reserve that holds all */

static void become_large(struct pool *run, size_t pages) {
    run->kind = PAGE_LARGE; /* as large_take does */
    run->run_pages = pages;
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
    become_large(run, pages);
    return run;
}

static void give(struct pool *run) { arenas_give(&arenas, run, run->run_pages); }

/* Takes runs of these lengths with a page between them, and a page at the end. */
static void take_apart(const size_t *lengths, size_t count, struct pool **runs) {
    for (size_t i = 0; i < count; i++) {
        runs[i] = take(lengths[i], 1);
        assert_non_null(runs[i]);
        assert_non_null(take(1, 1));
    }
}

/* ---- Taking and giving --------------------------------------------------------- */

static void runs_cover_the_arena(void **state) {
    static struct pool *runs[200];
    uint64_t seed = 17;
    size_t taken = 0;
    (void)state;
    for (int step = 0; step < 20000; step++) {
        size_t i = random_next(&seed) % COUNT_OF(runs);
        if (runs[i]) {
            taken -= runs[i]->run_pages;
            give(runs[i]);
        }
        size_t pages = 1 + random_next(&seed) % (step % 20 ? 12 : 150);
        runs[i] = take(pages, step % 7 ? 1 : (size_t)1 << random_next(&seed) % 6);
        assert_non_null(runs[i]);
        taken += pages;
        assert_int_equal(resident_here(), taken + arenas.dirty_pages);
        if (step % 500 == 0) assert_covered(taken);
        if (step % 2000 == 0) arenas_return_all(&arenas);
    }
    for (size_t i = 0; i < COUNT_OF(runs); i++)
        if (runs[i]) give(runs[i]);
    assert_covered(0);
    arenas_return_all(&arenas);
    assert_covered(0);
    assert_int_equal(arenas.dirty_pages, 0);
    assert_int_equal(arenas.clean_pages, arenas.arena[0].top);
}

/* Though the returned one fits better; and of two dirty ones the newer. */
static void a_dirty_run_serves_before_a_returned_one(void **state) {
    struct pool *runs[3];
    bool zeroed;
    (void)state;
    arenas.reserve.limit = PLENTY;
    take_apart((size_t[]){4, 9, 9}, 3, runs);
    size_t top = arenas.arena[0].top;
    give(runs[0]);
    assert_int_equal(arenas_return_all(&arenas), 4);
    give(runs[1]);
    give(runs[2]);
    size_t resident = resident_here();
    assert_ptr_equal(arenas_take(&arenas, 4, 1, &zeroed), runs[2]);
    assert_false(zeroed);
    assert_ptr_equal(arenas_take(&arenas, 9, 1, &zeroed), runs[1]);
    assert_ptr_equal(arenas_take(&arenas, 5, 1, &zeroed), runs[2] + 4);
    assert_int_equal(resident_here(), resident);
    assert_ptr_equal(arenas_take(&arenas, 4, 1, &zeroed), runs[0]);
    assert_true(zeroed);
    assert_int_equal(resident_here(), resident + 4);
    assert_int_equal(arenas.arena[0].top, top);
}

/* What an aligned run is cut out of stays on either side, of the same kind. */
static void cutting_leaves_both_sides(void **state) {
    struct pool *run = take(100, 1);
    (void)state;
    arenas.reserve.limit = PLENTY;
    take(1, 1);
    for (int returned = 0; returned < 2; returned++) {
        give(run);
        if (returned) arenas_return_all(&arenas);
        struct pool *middle = take(3, 32);
        assert_true(middle >= run && middle + 3 <= run + 100);
        assert_int_equal(returned ? arenas.clean_pages : arenas.dirty_pages, 97);
        assert_covered(4);
        give(middle);
        if (returned) arenas_return_all(&arenas);
        assert_int_equal(run->run_pages, 100); /* one again */
        assert_ptr_equal(take(100, 1), run);
    }
}

/* A pool's records, so that a later free into it is noticed; all but the class. */
static void giving_clears_the_records(void **state) {
    struct pool *pool = take(5, 1);
    (void)state;
    take(1, 1);
    for (size_t i = 0; i < 5; i++) {
        pool[i].kind = i ? POOL_TAIL : POOL_FULL;
        pool[i].size_class = 40;
    }
    pool->frees_left = 1;
    pool->owner = 7;
    arenas_give(&arenas, pool, 5);
    assert_int_equal(pool->frees_left, 0);
    assert_int_equal(pool->owner, 0);
    assert_int_equal(pool->size_class, 40);
    for (size_t i = 0; i < 5; i++) assert_int_equal(pool[i].kind, i % 4 ? PAGE_UNUSED : PAGE_DIRTY);
    assert_covered(1);
}

/* ---- Extending -------------------------------------------------------------------- */

static void a_run_grows_where_it_stands(void **state) {
    (void)state;
    for (int returned = 0; returned < 2; returned++) {
        struct pool *first = take(4, 1), *second = take(4, 1);
        assert_ptr_equal(first + 4, second);
        take(1, 1);
        assert_false(arenas_extend(&arenas, first, 4, 5));
        give(second);
        if (returned) arenas_return_all(&arenas);
        assert_false(arenas_extend(&arenas, first, 4, 9));
        assert_covered(first->run_pages + 1 + (size_t)returned * 9);
        assert_true(arenas_extend(&arenas, first, 4, 6));
        become_large(first, 6);
        assert_int_equal(resident_here(), (size_t)returned * 9 + 7 + arenas.dirty_pages);
        assert_true(arenas_extend(&arenas, first, 6, 8)); /* all there is */
        become_large(first, 8);
        assert_int_equal(arenas.dirty_pages + arenas.clean_pages, 0);
        assert_covered(9 + (size_t)returned * 9);
        assert_int_equal(resident_here(), 9 + (size_t)returned * 9);
    }
}

/* The last run grows over the pages that were never used. */
static void the_top_run_grows(void **state) {
    struct pool *run = take(300, 1);
    (void)state;
    assert_non_null(run);
    assert_true(arenas_extend(&arenas, run, 300, 350));
    become_large(run, 350);
    assert_int_equal(arenas.arena[0].top, 350);
    assert_int_equal(resident_here(), 350);
    assert_true(pattern_is_zero(run_start(&arenas, run + 300), 50 * PAGE_BYTES));
    memset(run_start(&arenas, run), 1, 350 * PAGE_BYTES);
    assert_covered(350);
    assert_false(arenas_extend(&arenas, run, 350, arenas.arena[0].page_count + 1));
    os_fail_after = 0;
    assert_false(arenas_extend(&arenas, run, 350, 3000));
    os_fail_after = -1;
    assert_covered(350);
    give(run);
    assert_covered(0);
}

/* ---- Returning --------------------------------------------------------------------- */

/* More runs than go in one system call. */
static void returned_pages_are_counted_and_read_as_zero(void **state) {
    static struct pool *runs[400];
    static size_t lengths[COUNT_OF(runs)];
    size_t pages = 0, before = atomic_load(&counters.returned);
    (void)state;
    arenas.reserve.limit = PLENTY;
    for (size_t i = 0; i < COUNT_OF(runs); i++) pages += lengths[i] = 1 + i % 3;
    take_apart(lengths, COUNT_OF(runs), runs);
    for (size_t i = 0; i < COUNT_OF(runs); i++) give(runs[i]);
    assert_int_equal(arenas.dirty_pages, pages);
    assert_int_equal(arenas_return_all(&arenas), pages);
    assert_int_equal(arenas.dirty_pages, 0);
    assert_int_equal(arenas.clean_pages, pages);
    assert_int_equal(atomic_load(&counters.returned) - before, pages);
    assert_int_equal(resident_here(), COUNT_OF(runs));
    assert_covered(COUNT_OF(runs));
    for (size_t i = 0; i < COUNT_OF(runs); i++)
        assert_true(pattern_is_zero(run_start(&arenas, runs[i]), lengths[i] * PAGE_BYTES));
    assert_int_equal(arenas_return_all(&arenas), 0);
}

/* Of the runs of a length the oldest, and no page too many. */
static void what_exceeds_the_reserve_goes_oldest_first(void **state) {
    struct pool *runs[4];
    (void)state;
    take_apart((size_t[]){8, 8, 8, 2}, 4, runs);
    arenas.reserve.limit = 20;
    give(runs[3]);
    give(runs[1]);
    give(runs[0]);
    assert_int_equal(arenas.dirty_pages, 18);
    assert_int_equal(arenas.clean_pages, 0);
    give(runs[2]);
    assert_int_equal(arenas.dirty_pages, 10); /* half the limit */
    assert_int_equal(runs[1]->kind, PAGE_CLEAN);
    assert_int_equal(runs[1]->run_pages, 8);
    assert_int_equal(runs[0]->kind, PAGE_CLEAN);
    assert_int_equal(runs[2]->kind, PAGE_DIRTY);
    assert_int_equal(runs[3]->kind, PAGE_DIRTY);
    arenas.reserve.limit = 6;
    assert_ptr_equal(take(1, 1), runs[3]);
    assert_int_equal(arenas.dirty_pages, 3);
    assert_int_equal(runs[2]->kind, PAGE_DIRTY); /* of the longest only so much */
    assert_int_equal(runs[2]->run_pages, 2);
    assert_int_equal(runs[2][2].kind, PAGE_CLEAN);
    assert_covered(4 + 1);
}

/* Locked memory: what the system refuses is dirty as before, errno the caller's,
 * and nobody asks again until there is twice as much. */
static void what_the_system_refuses_stays(void **state) {
    struct pool *runs[3];
    (void)state;
    arenas.reserve.limit = PLENTY;
    take_apart((size_t[]){4, 4, 4}, 3, runs);
    char *locked = run_start(&arenas, runs[1]);
    /* By its number: a sanitizer's mlock does nothing. */
    if (syscall(SYS_mlock, locked, 4 * PAGE_BYTES) != 0) skip();
    for (size_t i = 0; i < 3; i++) give(runs[i]);
    errno = E2BIG;
    assert_int_equal(arenas_return_all(&arenas), 8);
    assert_int_equal(errno, E2BIG);
    assert_int_equal(arenas.dirty_pages, 4);
    assert_int_equal(runs[1]->kind, PAGE_DIRTY);
    assert_int_equal(locked[0] & 0xff, 0xee);
    assert_int_equal(resident_here(), 3 + 4);
    assert_covered(3);
    arenas.reserve.limit = 1;
    arenas_return_all(&arenas);
    assert_int_equal(arenas.reserve.limit, 8);
    syscall(SYS_munlock, locked, 4 * PAGE_BYTES);
    assert_int_equal(arenas_return_all(&arenas), 4);
    assert_true(pattern_is_zero(locked, 4 * PAGE_BYTES));
}

/* ---- Lazy pages --------------------------------------------------------------------- */

enum { A_WHILE = QUIET_MS + 15 };

/* A deep breath stays in a raised reserve, and becomes lazy at the first call after
 * a while; what is taken again holds what is written to it, and returning returns
 * both kinds. More runs than go in one system call. */
static void a_breath_that_stays_becomes_lazy(void **state) {
    static struct pool *runs[300];
    static size_t lengths[COUNT_OF(runs)];
    (void)state;
    arenas.reserve.limit = PLENTY;
    for (size_t i = 0; i < COUNT_OF(runs); i++) lengths[i] = 20;
    take_apart(lengths, COUNT_OF(runs), runs);
    for (int breath = 0; breath < 3; breath++) {
        for (size_t i = 0; i < COUNT_OF(runs); i++) give(runs[i]);
        assert_int_equal(arenas.dirty_pages, COUNT_OF(runs) * 20);
        clock_pass(A_WHILE);
        errno = E2BIG;
        runs[0] = take(20, 1);
        assert_int_equal(errno, E2BIG);
        assert_int_equal(arenas.lazy_pages, arenas.dirty_pages);
        assert_covered(COUNT_OF(runs) + 20);
        for (size_t i = 1; i < COUNT_OF(runs); i++) runs[i] = take(20, 1);
        assert_int_equal(arenas.dirty_pages + arenas.lazy_pages, 0);
        for (size_t i = 0; i < COUNT_OF(runs); i++)
            assert_int_equal(run_start(&arenas, runs[i])[20 * PAGE_BYTES - 1] & 0xff, 0xee);
    }
    for (size_t i = 0; i < COUNT_OF(runs); i++) give(runs[i]);
    assert_int_equal(arenas_return_all(&arenas), COUNT_OF(runs) * 20);
    assert_int_equal(arenas.lazy_pages, 0);
    assert_covered(COUNT_OF(runs));
}

/* A shallow one does not, however often; the system is not asked. */
static void a_shallow_breath_stays_as_it_is(void **state) {
    struct pool *runs[10];
    (void)state;
    arenas.reserve.limit = PLENTY;
    take_apart((size_t[]){20, 20, 20, 20, 20, 20, 20, 20, 20, 20}, COUNT_OF(runs), runs);
    for (int breath = 0; breath < 5; breath++) {
        for (size_t i = 0; i < COUNT_OF(runs); i++) give(runs[i]);
        clock_pass(A_WHILE);
        for (size_t i = 0; i < COUNT_OF(runs); i++) {
            runs[i] = take(20, 1);
            assert_int_equal(arenas.lazy_pages, 0);
        }
    }
}

/* ---- Records that say nothing ----------------------------------------------------------- */

static size_t resident_records(void) {
    size_t resident = 0;
    for (size_t i = 0; i < arenas.arena_count; i++)
        resident += os_resident(arenas.arena[i].records, arenas.arena[i].records_committed);
    return resident / PAGE_BYTES;
}

/* A pool a page, all of whose records are written to; each eighth of them stays. */
static void records_inside_of_returned_runs_go_too(void **state) {
    enum { EIGHTH = 8 * RECORDS_A_PAGE, COUNT = 8 * EIGHTH };
    static struct pool *runs[COUNT];
    (void)state;
    skip_emulated("mincore");
    arenas.reserve.limit = PLENTY;
    for (size_t i = 0; i < COUNT; i++) assert_non_null(runs[i] = take(1, 1));
    assert_in_range(resident_records(), COUNT / RECORDS_A_PAGE, COUNT / RECORDS_A_PAGE + 2);
    for (size_t i = 0; i < COUNT; i++)
        if (i % EIGHTH != 0) give(runs[i]);
    errno = E2BIG;
    assert_int_equal(arenas_return_all(&arenas), COUNT - 8);
    assert_int_equal(errno, E2BIG);
    assert_in_range(resident_records(), 8, 2 * 8 + 2);
    assert_covered(8);
    for (size_t i = 8; i < COUNT; i++) assert_non_null(take(1, 1));
    assert_covered(COUNT);
}

/* ---- Taking ahead --------------------------------------------------------------------- */

static struct pool *take_ahead(size_t most, size_t *pages, bool *zeroed) {
    struct pool *run = arenas_take_ahead(&arenas, most, pages, zeroed);
    if (!run) return NULL;
    assert_in_range(*pages, 1, most);
    if (*zeroed) assert_true(pattern_is_zero(run_start(&arenas, run), *pages * PAGE_BYTES));
    become_large(run, *pages);
    return run;
}

/* Then a returned run, if one is long enough, however few they are. */
static void dirty_pages_are_taken_ahead_first(void **state) {
    struct pool *runs[3];
    size_t pages;
    bool zeroed;
    (void)state;
    arenas.reserve.limit = PLENTY;
    take_apart((size_t[]){30, 3, 200}, 3, runs);
    give(runs[0]);
    arenas_return_all(&arenas);
    assert_ptr_equal(take_ahead(16, &pages, &zeroed), runs[0]); /* clean, cut */
    assert_true(zeroed);
    assert_int_equal(pages, 16);
    assert_int_equal(arenas.clean_pages, 14);
    size_t resident = resident_here();
    give(runs[1]);
    assert_ptr_equal(take_ahead(16, &pages, &zeroed), runs[1]); /* dirty, short */
    assert_false(zeroed);
    assert_int_equal(pages, 3);
    assert_int_equal(resident_here(), resident);
    assert_covered(3 + 16 + 3 + 200);
}

/* One that is long enough, the shortest such; else the longest. */
static void of_dirty_runs_the_one_that_fits(void **state) {
    struct pool *runs[3];
    size_t pages;
    bool zeroed;
    (void)state;
    arenas.reserve.limit = PLENTY;
    take_apart((size_t[]){5, 25, 60}, 3, runs);
    for (size_t i = 0; i < 3; i++) give(runs[i]);
    assert_ptr_equal(take_ahead(16, &pages, &zeroed), runs[1]);
    assert_int_equal(arenas.dirty_pages, 5 + 9 + 60);
    assert_ptr_equal(take_ahead(16, &pages, &zeroed), runs[2]);
    assert_int_equal(pages, 16);
    give(runs[2]);
    assert_non_null(take(60, 1));
    assert_ptr_equal(take_ahead(16, &pages, &zeroed), runs[1] + 16);
    assert_int_equal(pages, 9);
    assert_covered(3 + 60 + 16 + 9);
}

/* As long as they are few; else a heap in pieces would never be used again. */
static void new_pages_come_before_short_returned_ones(void **state) {
    static struct pool *runs[20];
    static size_t lengths[COUNT_OF(runs)];
    size_t pages;
    bool zeroed;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(runs); i++) lengths[i] = 4;
    take_apart(lengths, COUNT_OF(runs), runs);
    size_t top = arenas.arena[0].top, resident = resident_here();
    give(runs[0]);
    arenas_return_all(&arenas);
    struct pool *run = take_ahead(8, &pages, &zeroed);
    assert_ptr_equal(run, arenas.arena[0].records + top);
    assert_int_equal(pages, 8);
    assert_true(zeroed);
    assert_int_equal(arenas.arena[0].top, top + 8);
    assert_int_equal(resident_here(), resident - 4); /* not yet */
    for (size_t i = 1; i < 10; i++) give(runs[i]);
    arenas_return_all(&arenas);
    assert_non_null(take_ahead(8, &pages, &zeroed));
    assert_int_equal(pages, 4);
    assert_true(zeroed);
    assert_int_equal(arenas.arena[0].top, top + 8);
}

/* Where the system gives no more, short runs do, down to the last page. */
static void every_page_there_is_can_be_taken_ahead(void **state) {
    struct pool *short_run = take(2, 1);
    size_t pages, taken = 9;
    bool zeroed;
    (void)state;
    take(9, 1);
    give(short_run);
    arenas_return_all(&arenas);
    os_fail_after = 0;
    while (take_ahead(8, &pages, &zeroed)) taken += pages;
    assert_null(take(1, 1));
    os_fail_after = -1;
    assert_int_equal(arenas.clean_pages, 0);
    assert_int_equal(taken, arenas.arena[0].top);
    assert_covered(taken);
}

static void unused_pages_are_given_as_they_were(void **state) {
    size_t pages;
    bool zeroed;
    (void)state;
    struct pool *run = take_ahead(8, &pages, &zeroed);
    assert_int_equal(resident_here(), 0);
    arenas_give_unused(&arenas, run, pages, !zeroed);
    assert_int_equal(arenas.clean_pages, 8);
    assert_int_equal(resident_here(), 0);
    assert_covered(0);
    give(take(8, 1));
    run = take_ahead(8, &pages, &zeroed);
    arenas_give_unused(&arenas, run, pages, !zeroed);
    assert_int_equal(arenas.dirty_pages, 8);
    assert_int_equal(resident_here(), 8);
    assert_covered(0);
}

/* As a fork leaves them whose child lacks the thread that was returning them. */
static void busy_runs_are_recovered(void **state) {
    static const size_t lengths[] = {3, 40, 1};
    struct pool *runs[COUNT_OF(lengths)];
    (void)state;
    take_apart(lengths, COUNT_OF(lengths), runs);
    struct pool *neighbour = take(2, 1), *last = take(1, 1);
    for (size_t i = 0; i < COUNT_OF(runs); i++) run_set_busy(&arenas, runs[i], lengths[i]);
    run_set_busy(&arenas, neighbour, 2);
    run_set_busy(&arenas, last, 1);
    arenas_recover_busy(&arenas);
    assert_ptr_equal(arenas.busy.next, &arenas.busy);
    assert_int_equal(arenas.dirty_pages, 3 + 40 + 1 + 2 + 1);
    assert_covered(COUNT_OF(lengths)); /* the pages between them */
    arenas_recover_busy(&arenas);
    assert_int_equal(arenas.dirty_pages, 47);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_arenas, end_arenas)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(runs_cover_the_arena),
        TEST(a_dirty_run_serves_before_a_returned_one),
        TEST(cutting_leaves_both_sides),
        TEST(giving_clears_the_records),
        TEST(a_run_grows_where_it_stands),
        TEST(the_top_run_grows),
        TEST(returned_pages_are_counted_and_read_as_zero),
        TEST(what_exceeds_the_reserve_goes_oldest_first),
        TEST(what_the_system_refuses_stays),
        TEST(a_breath_that_stays_becomes_lazy),
        TEST(a_shallow_breath_stays_as_it_is),
        TEST(records_inside_of_returned_runs_go_too),
        TEST(dirty_pages_are_taken_ahead_first),
        TEST(of_dirty_runs_the_one_that_fits),
        TEST(new_pages_come_before_short_returned_ones),
        TEST(every_page_there_is_can_be_taken_ahead),
        TEST(unused_pages_are_given_as_they_were),
        TEST(busy_runs_are_recovered),
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
