/* balance.c: figures of lines that are possible for the process. */
#include "profile/balance.h"

#include <stdbool.h>
#include <stdlib.h>

#include "unit.h"

enum { LINES = 6, WHO = LINES + 1 };

static int64_t shown[LINES], level;
static struct balance *balance;

static void begin(enum balance_of of, int64_t at) {
    memset(shown, 0, sizeof shown);
    level = at;
    balance_begin(balance, of, LINES, shown, sizeof *shown);
    balance_change(balance, 0, 0, level);
}

static int set_up(void **state) {
    (void)state;
    balance = malloc(balance_bytes(LINES));
    return balance == NULL;
}

static int tear_down(void **state) {
    (void)state;
    free(balance);
    return 0;
}

static void change(size_t line, int64_t by) {
    level += by;
    balance_change(balance, line, by, level);
}

/* Somebody else; it is told of with the next change. */
static void outside(int64_t by) { level += by; }

static int64_t sum(void) {
    int64_t all = 0;
    for (int i = 0; i < LINES; i++) all += shown[i];
    return all;
}

static void what_happens_once_is_as_it_was(void **state) {
    (void)state;
    begin(BALANCE_OF_WHAT_WAS_DONE, 1000);
    change(0, 300);
    change(1, 50);
    change(2, -320);
    change(3, 0);
    assert_int_equal(shown[0], 300);
    assert_int_equal(shown[1], 50);
    assert_int_equal(shown[2], -320);
    assert_int_equal(shown[3], 0);
}

static void what_the_next_line_undoes_again_and_again_is_no_sum(void **state) {
    (void)state;
    begin(BALANCE_OF_WHAT_WAS_DONE, 1000);
    for (int i = 0; i < 1000; i++) {
        change(0, 50);
        change(1, -50);
    }
    assert_int_equal(shown[0], 50);
    assert_int_equal(shown[1], -50);
    for (int i = 0; i < 1000; i++) {
        change(2, -16);
        change(3, 16);
    }
    assert_in_range(-shown[2], 16, 32);
    assert_int_equal(shown[3], 16);
}

static void nor_is_what_is_undone_elsewhere(void **state) {
    (void)state;
    begin(BALANCE_OF_WHAT_WAS_DONE, 1000);
    for (int i = 0; i < 1000; i++) {
        change(0, 50);
        outside(-50);
    }
    assert_int_equal(shown[0], 50);
    for (int i = 0; i < 1000; i++) {
        change(1, -8);
        outside(8);
    }
    assert_in_range(-shown[1], 8, 16);
}

static void what_stays_is_the_lines_that_made_it(void **state) {
    (void)state;
    begin(BALANCE_OF_WHAT_WAS_DONE, 1000);
    for (int i = 0; i < 100; i++) {
        change(0, 7); /* stays */
        change(1, 50);
        change(2, -50);
    }
    assert_int_equal(shown[0], 700);
    assert_int_equal(shown[1], 50);
    assert_int_equal(shown[2], -50);
    assert_int_equal(sum(), level - 1000);
}

static void of_what_stays_only_what_is_there_counts(void **state) {
    (void)state;
    begin(BALANCE_OF_WHAT_STAYS, 0);
    change(0, 30);
    change(1, 500);
    for (int i = 0; i < 100; i++) {
        change(2, -500);
        change(1, 500);
    }
    assert_int_equal(shown[0], 30);
    assert_int_equal(shown[1], 500);
    assert_int_equal(shown[2], 0);
    change(2, -520);
    assert_int_equal(shown[0], 10);
    assert_int_equal(shown[1], 0);
    change(3, -30);
    assert_int_equal(shown[0], 0);
    assert_int_equal(shown[3], -20); /* below the beginning */
    change(4, 25);
    assert_int_equal(shown[3], 0);
    assert_int_equal(shown[4], 5);
}

static uint32_t next_random(void) {
    static uint32_t seed = 2013;
    return seed = seed * 1664525 + 1013904223;
}

/* Whatever the lines do, and whoever else. */
static void no_figure_is_more_than_there_ever_was(void **state) {
    (void)state;
    for (int of = BALANCE_OF_WHAT_STAYS; of <= BALANCE_OF_WHAT_WAS_DONE; of++) {
        begin((enum balance_of)of, 5000);
        int64_t lowest = 5000, highest = 5000;
        for (int i = 0; i < 200000; i++) {
            uint32_t who = (next_random() >> 10) % WHO;
            int64_t by = (int64_t)((next_random() >> 8) % 400) - 200;
            if (level + by < 0 || level + by > 20000) by = -by;
            if (who == LINES)
                outside(by);
            else
                change(who, by);
            if (level < lowest) lowest = level;
            if (level > highest) highest = level;
            for (int line = 0; line < LINES; line++)
                assert_true(llabs(shown[line]) <= highest - lowest);
            if (of != BALANCE_OF_WHAT_STAYS || who == LINES) continue;
            for (int line = 0; line < LINES; line++)
                assert_true(shown[line] == 0 || ((shown[line] < 0) == (level < 5000) &&
                                                 llabs(shown[line]) <= llabs(level - 5000)));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happens_once_is_as_it_was),
        cmocka_unit_test(what_the_next_line_undoes_again_and_again_is_no_sum),
        cmocka_unit_test(nor_is_what_is_undone_elsewhere),
        cmocka_unit_test(what_stays_is_the_lines_that_made_it),
        cmocka_unit_test(of_what_stays_only_what_is_there_counts),
        cmocka_unit_test(no_figure_is_more_than_there_ever_was),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
