/* reserve.c: how much freed memory stays, and for how long. */
#include "heap/reserve.h"

#include <stdlib.h>
#include <time.h>

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
    struct timespec nap = {.tv_nsec = 200000000};
    size_t kept = 20000, stay = kept;
    (void)state;
    reserve_init(&reserve, 100);
    for (int i = 0; i < 100; i++) taken(&reserve, 0, 5000);
    for (int i = 0; i < 14; i++) {
        for (int k = 0; k < EVENTS_A_LOOK + 1; k++) stay = given(&reserve, kept);
        kept = stay;
        nanosleep(&nap, NULL);
    }
    assert_true(stay < 20000);
}

static void the_environment_can_fix_it(void **state) {
    struct reserve reserve = {0};
    (void)state;
    setenv("SHOAL_RELEASE", "never", 1);
    reserve_init(&reserve, 100);
    assert_true(given(&reserve, 1000000) == 1000000);
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
        cmocka_unit_test(the_environment_can_fix_it),
    };
    return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}
