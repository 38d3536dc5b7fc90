/* reserve.c: how much freed memory stays, and for how long. */
#include "heap/reserve.h"

#include <stdlib.h>

#include "clock.h"
#include "unit.h"

/* A page is given, or taken, and `kept` are there then. */
static size_t given(struct reserve *reserve, size_t kept) {
    return reserve_note_given(reserve, kept, 1);
}

static size_t taken(struct reserve *reserve, size_t kept, size_t taken_back) {
    return reserve_note_taken(reserve, kept, 1, taken_back);
}

static void what_is_within_the_limit_stays(void **state) {
    struct reserve reserve = {0};
    (void)state;
    reserve_init(&reserve, 100);
    assert_int_equal(given(&reserve, 0), 0);
    assert_int_equal(given(&reserve, 100), 100);
    assert_int_equal(taken(&reserve, 60, 0), 60);
}

/* Down to less than the limit, so that the next page is not the next call. */
static void what_exceeds_it_goes_in_batches(void **state) {
    struct reserve reserve = {0};
    (void)state;
    reserve_init(&reserve, 100);
    size_t stay = given(&reserve, 101);
    assert_true(stay <= 100 - 100 / 4);
}

/* A program that takes pages back again and again gets to keep them. */
static void taking_back_raises_the_limit(void **state) {
    struct reserve reserve = {0};
    (void)state;
    reserve_init(&reserve, 100);
    for (int i = 0; i < 100; i++) taken(&reserve, 0, 5000);
    assert_true(given(&reserve, 5000) == 5000);
}

/* Far more is given than the reserve holds: a program drops what it had. */
static void a_surge_ends_the_reserve(void **state) {
    struct reserve reserve = {0};
    size_t stay = 0;
    (void)state;
    reserve_init(&reserve, 100);
    for (int i = 0; i < 100; i++) taken(&reserve, 0, 5000);
    assert_true(given(&reserve, 1000) == 1000);
    for (int i = 0; i < 5000; i++) stay = reserve_note_given(&reserve, stay + 1000, 1000);
    assert_true(stay <= RESERVE_LEAST);
}

/* What lay there for a whole window without need goes, at the next looks. */
static void quiet_lowers_it_again(void **state) {
    struct reserve reserve = {0};
    size_t kept = 20000, stay = kept;
    (void)state;
    reserve_init(&reserve, 100);
    for (int i = 0; i < 100; i++) taken(&reserve, 0, 5000);
    for (int i = 0; i < 14; i++) {
        for (int k = 0; k < EVENTS_A_LOOK + 1; k++) stay = given(&reserve, kept);
        kept = stay;
        clock_pass(200);
    }
    assert_true(stay < 20000);
}

/* ---- Surges ---------------------------------------------------------------- */

/* A limit that taking back has raised, and a surge of `pages` in steps of 100. */
static struct reserve raised(void) {
    struct reserve reserve = {0};
    reserve_init(&reserve, 100);
    while (reserve.limit < 5000) taken(&reserve, 0, 5000);
    return reserve;
}

static void surge(struct reserve *reserve, size_t pages) {
    for (size_t i = 0; i < pages; i += 100) reserve_note_given(reserve, 0, 100);
}

static void a_surge_is_more_than_twice_the_limit(void **state) {
    struct reserve reserve = raised();
    size_t limit = reserve.limit;
    (void)state;
    reserve_note_given(&reserve, 0, SURGE_FACTOR * limit);
    assert_int_equal(reserve.limit, limit);
    assert_int_equal(reserve.ended_by, 0);
    reserve_note_given(&reserve, 0, SURGE_FACTOR);
    assert_int_equal(reserve.limit, RESERVE_LEAST);
    assert_int_equal(reserve.ended_by, SURGE_FACTOR * (limit + 1));
}

/* A program that gives and takes in turn gives as much in the end; no surge. */
static void breathing_is_no_surge(void **state) {
    struct reserve reserve = raised();
    size_t limit = reserve.limit;
    (void)state;
    for (int i = 0; i < 100; i++) {
        surge(&reserve, limit);
        reserve_note_taken(&reserve, 0, limit + 100, 0);
        assert_int_equal(reserve.surge, 0);
    }
    assert_true(reserve.limit >= limit);
    assert_int_equal(reserve.ended_by, 0);
}

/* What ended the raise comes to all that the surge gave, also after the end. */
static void what_was_given_is_what_the_limit_rises_to(void **state) {
    struct reserve reserve = raised();
    size_t all = SURGE_FACTOR * reserve.limit + 70000;
    (void)state;
    surge(&reserve, all);
    assert_int_equal(reserve.limit, RESERVE_LEAST);
    assert_int_equal(reserve.ended_by, reserve.surge);
    assert_true(reserve.ended_by >= all);
    reserve_note_taken(&reserve, 0, 5000, 5000);
    assert_true(reserve.limit >= all);
    assert_int_equal(given(&reserve, all), all);
}

/* Taking back within the credit is free, also after a surge. */
static void credit_comes_first(void **state) {
    struct reserve reserve = {0};
    (void)state;
    reserve_init(&reserve, 100);
    surge(&reserve, 9000);
    taken(&reserve, 0, CREDIT_MAX);
    assert_int_equal(reserve.limit, RESERVE_LEAST);
    taken(&reserve, 0, 5000);
    assert_true(reserve.limit >= 9000);
}

/* The next window knows nothing of it: the program may do something else. */
static void a_surge_is_forgotten_with_its_window(void **state) {
    struct reserve reserve = raised();
    (void)state;
    surge(&reserve, SURGE_FACTOR * reserve.limit + 1000);
    assert_true(reserve.ended_by > 0);
    reserve.window_start -= WINDOW_MS;
    for (int i = 0; i < EVENTS_A_LOOK; i++) taken(&reserve, 0, 0);
    assert_int_equal(reserve.ended_by, 0);
    reserve.credit = 0;
    reserve_note_taken(&reserve, 0, 5000, 5000);
    assert_true(reserve.limit <= RESERVE_LEAST + 5000);
}

/* ---- Lazy pages ------------------------------------------------------------ */

/* As if the time had passed that what was given in a row is to lie there. */
static void wait_for_quiet(struct reserve *reserve) {
    assert_true(reserve->quiet_at > os_milliseconds());
    clock_pass(QUIET_MS);
}

static void what_is_given_in_a_row_becomes_lazy_when_it_is_quiet(void **state) {
    struct reserve reserve = raised();
    (void)state;
    reserve_note_given(&reserve, 1000, ROW_PAGES - 1);
    assert_int_equal(reserve.quiet_at, 0);
    given(&reserve, 1000);
    assert_int_equal(reserve_grant_lazy(&reserve, 5000, 1), 0);
    wait_for_quiet(&reserve);
    assert_int_equal(reserve_grant_lazy(&reserve, 5000, 1), 5000);
    assert_int_equal(reserve_grant_lazy(&reserve, 5000, 1), 0); /* once */
    reserve_note_given(&reserve, 1000, 1);
    wait_for_quiet(&reserve);
    assert_int_equal(reserve_grant_lazy(&reserve, 99, 100), 0); /* too few to be worth it */
    reserve_note_taken(&reserve, 999, 1, 0);
    given(&reserve, 1000);
    assert_int_equal(reserve.quiet_at, 0); /* a row begins anew */
}

/* Takings of an eighth and more begin the wait anew, smaller ones do not. */
static void who_breathes_on_has_no_lazy_pages(void **state) {
    struct reserve reserve = raised();
    (void)state;
    reserve_note_given(&reserve, 4000, 4000);
    for (size_t kept = 3900; kept > 1000; kept -= 100) {
        bool is_long_ago = kept % 500 != 400;
        if (is_long_ago) reserve.quiet_at = 1;
        size_t least = reserve.quiet_least;
        reserve_note_taken(&reserve, kept, 100, 0);
        assert_true(reserve.quiet_at == 1 || reserve.quiet_at > os_milliseconds());
        if (is_long_ago) assert_int_equal(reserve.quiet_at == 1, kept >= least);
    }
}

static void its_credit_runs_out_and_comes_again(void **state) {
    struct reserve reserve = raised();
    size_t twice = (size_t)LAZY_MAX * 2;
    (void)state;
    reserve_note_given(&reserve, 4000, 4000);
    reserve.quiet_at = 1;
    assert_int_equal(reserve_grant_lazy(&reserve, twice, LAZY_MAX), LAZY_MAX);
    reserve.quiet_at = 1;
    assert_int_equal(reserve_grant_lazy(&reserve, LAZY_MAX, LAZY_MAX), 0);
    reserve.lazy_credit = 0;
    clock_pass(100);
    reserve.quiet_at = 1;
    size_t grant = reserve_grant_lazy(&reserve, LAZY_MAX, 1);
    assert_int_equal(grant, 100 * LAZY_PER_MS);
    reserve.lazy_time = 0; /* however long ago */
    reserve.quiet_at = 1;
    assert_int_equal(reserve_grant_lazy(&reserve, LAZY_MAX, 1), LAZY_MAX);
}

/* ---- Refusals -------------------------------------------------------------- */

/* Until there is twice as much to return, nobody asks the system again. */
static void refused_pages_stay(void **state) {
    struct reserve reserve = {0};
    (void)state;
    reserve_init(&reserve, 100);
    reserve_note_refused(&reserve, 500);
    assert_int_equal(given(&reserve, 1000), 1000);
    assert_int_equal(given(&reserve, 1001), 500);
    reserve_note_refused(&reserve, 10); /* lowers nothing */
    assert_int_equal(given(&reserve, 1000), 1000);
}

static void the_environment_can_fix_it(void **state) {
    struct reserve reserve = {0};
    (void)state;
    setenv("SHOAL_RELEASE", "never", 1);
    reserve_init(&reserve, 100);
    assert_true(given(&reserve, 1000000) == 1000000);
    surge(&reserve, 1000000);
    assert_int_equal(reserve.quiet_at, 0);
    setenv("SHOAL_RELEASE", "always", 1);
    memset(&reserve, 0, sizeof(reserve));
    reserve_init(&reserve, 100);
    assert_int_equal(given(&reserve, 1), 0);
    unsetenv("SHOAL_RELEASE");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_within_the_limit_stays),
        cmocka_unit_test(what_exceeds_it_goes_in_batches),
        cmocka_unit_test(taking_back_raises_the_limit),
        cmocka_unit_test(a_surge_ends_the_reserve),
        cmocka_unit_test(quiet_lowers_it_again),
        cmocka_unit_test(a_surge_is_more_than_twice_the_limit),
        cmocka_unit_test(breathing_is_no_surge),
        cmocka_unit_test(what_was_given_is_what_the_limit_rises_to),
        cmocka_unit_test(credit_comes_first),
        cmocka_unit_test(a_surge_is_forgotten_with_its_window),
        cmocka_unit_test(what_is_given_in_a_row_becomes_lazy_when_it_is_quiet),
        cmocka_unit_test(who_breathes_on_has_no_lazy_pages),
        cmocka_unit_test(its_credit_runs_out_and_comes_again),
        cmocka_unit_test(refused_pages_stay),
        cmocka_unit_test(the_environment_can_fix_it),
    };
    return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}
