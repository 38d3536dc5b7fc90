/* lines.c and ledger.c: figures of lines, from made-up events and blocks. */
#include <pthread.h>
#include <shoal/profile.h>
#include <stdbool.h>

#include "made_up_blocks.h"
#include "unit.h"

static struct shoal_gauge gauge;
static struct shoal_function *outer, *inner;

static void read_gauge(struct shoal_gauge *to) { *to = gauge; }

static int begin(void **state) {
    (void)state;
    gauge = (struct shoal_gauge){1000, 100, 10};
    shoal_profile_read_gauge_by(read_gauge);
    outer = shoal_profile_function(10, 5);
    inner = shoal_profile_function(50, 5);
    return outer == NULL || inner == NULL;
}

static int end(void **state) {
    (void)state;
    shoal_profile_leave_all();
    return shoal_profile_depth() != 0;
}

static void a_line_has_what_happened_in_it(void **state) {
    (void)state;
    took(0, 999);
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 56);
    took(2, 1000);
    gave(2);
    gauge = (struct shoal_gauge){6000, 300, 15};
    shoal_profile_line(outer, 12);
    gave(1);
    shoal_profile_leave(outer);
    took(3, 5);
    assert_int_equal(outer->calls, 1);
    assert_int_equal(line(outer, 11)->hits, 1);
    assert_int_equal(line(outer, 11)->net, 56);
    assert_int_equal(line(outer, 11)->peak, 1056);
    assert_int_equal(line(outer, 11)->held, 200);
    assert_int_equal(line(outer, 11)->returned, 5);
    assert_int_equal(line(outer, 11)->rss, 6000);
    assert_int_equal(line(outer, 11)->rss_growth, 5000);
    assert_int_equal(line(outer, 12)->net, -56);
    assert_int_equal(line(outer, 12)->peak, 0);
    assert_int_equal(live(outer, 11), 0);
    assert_int_equal(line(outer, 13)->hits, 0);
    assert_int_equal(line(outer, 13)->rss, -1);
    gave(0), gave(3);
}

static int64_t hits_after(const int *lines, size_t count) {
    shoal_profile_reset(outer);
    shoal_profile_enter(outer, 0);
    for (size_t i = 0; i < count; i++) shoal_profile_line(outer, lines[i]);
    shoal_profile_leave(outer);
    return line(outer, 11)->hits;
}

/* Lines 11 to 13; 14 is another. */
static void a_statement_that_comes_back_to_a_line_has_not_begun_it_again(void **state) {
    static const int comes_back[] = {11, 12, 11, 13, 11}, again[] = {11, 12, 11, 14, 11, 12, 11};
    static const int at_once[] = {11, 12, 11, 11, 12, 11};
    (void)state;
    assert_int_equal(hits_after(comes_back, COUNT_OF(comes_back)), 3);
    shoal_profile_statement(outer, 11, 13);
    assert_int_equal(hits_after(comes_back, COUNT_OF(comes_back)), 1);
    assert_int_equal(line(outer, 12)->hits, 1);
    assert_int_equal(hits_after(again, COUNT_OF(again)), 2);
    assert_int_equal(line(outer, 14)->hits, 1);
    assert_int_equal(hits_after(at_once, COUNT_OF(at_once)), 2);
    shoal_profile_enter(outer, 12);
    shoal_profile_line(outer, 11);
    shoal_profile_line(outer, 13);
    assert_int_equal(line(outer, 11)->hits, 2);
    assert_int_equal(line(outer, 13)->hits, 1);
}

static void lines_that_are_not_there_are_no_statement(void **state) {
    (void)state;
    shoal_profile_statement(outer, 1, 11);
    shoal_profile_statement(outer, 14, 1000);
    assert_int_equal(line(outer, 11)->statement, 2);
    assert_int_equal(line(outer, 14)->statement, 5);
}

static void live_is_the_makers(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 100);
    shoal_profile_line(outer, 12);
    took(2, 10);
    shoal_profile_leave(outer);
    assert_int_equal(live(outer, 11), 100);
    assert_int_equal(live(outer, 12), 10);
    gave(1); /* by nobody that is watched */
    assert_int_equal(live(outer, 11), 0);
    assert_int_equal(live(outer, 12), 10);
    struct shoal_account account = shoal_profile_account(line(outer, 11)->site);
    assert_int_equal(account.made, 100);
    assert_int_equal(account.made_blocks, 1);
    assert_int_equal(account.live_blocks, 0);
    gave(2);
}

static void a_resized_block_is_whose_line_did_it(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 100);
    shoal_profile_line(outer, 12);
    struct shoal_profile_note note = shoal_profile_resizing(block(1), 1);
    shoal_profile_resized(note, block(1), block(2), 300, 1);
    assert_int_equal(live(outer, 11), 0);
    assert_int_equal(live(outer, 12), 300);
    note = shoal_profile_resizing(block(2), 1);
    shoal_profile_resized(note, block(2), NULL, 1 << 30, 1);
    assert_int_equal(live(outer, 12), 300);
    shoal_profile_leave(outer);
    assert_int_equal(line(outer, 12)->net, 200);
    note = shoal_profile_resizing(block(2), 1);
    shoal_profile_resized(note, block(2), block(2), 40, 1);
    assert_int_equal(live(outer, 12), 40);
    gave(2);
    assert_int_equal(live(outer, 12), 0);
}

/* The caller's line has the callee's, and the highest point within it. */
static void a_call_is_part_of_its_line(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 5);
    shoal_profile_enter(inner, 0);
    shoal_profile_line(inner, 51);
    took(2, 1000);
    shoal_profile_line(inner, 52);
    gave(2);
    took(3, 7);
    shoal_profile_leave(inner);
    took(4, 1);
    shoal_profile_leave(outer);
    assert_int_equal(line(outer, 11)->net, 13);
    assert_int_equal(line(outer, 11)->peak, 1005);
    assert_int_equal(live(outer, 11), 6);
    assert_int_equal(line(inner, 51)->net, 1000);
    assert_int_equal(line(inner, 52)->net, 7 - 1000);
    assert_int_equal(line(inner, 52)->peak, 0);
    assert_int_equal(live(inner, 52), 7);
    gave(1), gave(3), gave(4);
}

static void recurse(int depth) {
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took((size_t)depth, 10);
    shoal_profile_line(outer, 12);
    if (depth > 1) recurse(depth - 1);
    took((size_t)depth + 100, 1);
    shoal_profile_leave(outer);
}

static void recursion_counts_once(void **state) {
    (void)state;
    recurse(40);
    assert_int_equal(outer->calls, 40);
    assert_int_equal(line(outer, 11)->net, 400);
    assert_int_equal(line(outer, 12)->net, 40);
    assert_int_equal(live(outer, 11), 400);
    for (size_t i = 1; i <= 40; i++) gave(i), gave(i + 100);
}

/* Two generators of the same code: what one does while the other waits is its own. */
static void pauses_are_nobodys(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 10);
    shoal_profile_leave(outer);
    took(2, 5000);
    shoal_profile_enter(outer, 11);
    took(3, 1);
    shoal_profile_line(outer, 12);
    shoal_profile_leave(outer);
    assert_int_equal(outer->calls, 1);
    assert_int_equal(line(outer, 11)->hits, 1);
    assert_int_equal(line(outer, 11)->net, 11);
    gave(1), gave(2), gave(3);
}

/* Events that were never told, as of frames that a foreign library switched. */
static void what_was_left_silently_is_closed(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    shoal_profile_enter(inner, 0);
    shoal_profile_line(inner, 51);
    took(1, 10);
    shoal_profile_line(outer, 12);
    assert_int_equal(shoal_profile_depth(), 1);
    assert_int_equal(line(inner, 51)->net, 10);
    assert_int_equal(line(outer, 11)->net, 10);
    shoal_profile_leave(inner); /* in nothing: changes nothing */
    shoal_profile_line(inner, 52);
    assert_int_equal(shoal_profile_depth(), 1);
    shoal_profile_line(outer, 99); /* no line of it */
    took(2, 10);
    assert_int_equal(live(outer, 12), 0);
    shoal_profile_leave(outer);
    gave(1), gave(2);
}

static void *work(void *argument) {
    (void)argument;
    shoal_profile_enter(inner, 0);
    shoal_profile_line(inner, 51);
    shoal_profile_took(block(500), 64, 0);
    shoal_profile_gave(block(1), 0); /* the other thread's */
    shoal_profile_leave(inner);
    return NULL;
}

static void threads_have_stacks_of_their_own(void **state) {
    pthread_t thread;
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    shoal_profile_took(block(1), 32, 0);
    assert_int_equal(pthread_create(&thread, NULL, work, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    shoal_profile_leave(outer);
    assert_int_equal(line(outer, 11)->net, 32);
    assert_int_equal(line(inner, 51)->net, 32);
    assert_int_equal(live(outer, 11), 0);
    assert_int_equal(live(inner, 51), 64);
    shoal_profile_gave(block(500), 0);
}

static void figures_begin_anew(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 3);
    shoal_profile_reset(outer);
    shoal_profile_leave(outer);
    assert_int_equal(outer->calls, 0);
    assert_int_equal(line(outer, 11)->hits, 0);
    gave(1);
}

static int begun;

static void begin_telling(void) { begun++; }

/* Only what has a note matters then, and that it ends is told beforehand. */
static void it_is_idle_outside_of_functions(void **state) {
    (void)state;
    begun = 0;
    shoal_profile_begin_by(begin_telling);
    int64_t noted = shoal_profile_noted_blocks();
    assert_true(shoal_profile_is_idle());
    shoal_profile_enter(outer, 0);
    assert_false(shoal_profile_is_idle());
    shoal_profile_line(outer, 11);
    took(1, 100);
    shoal_profile_enter(inner, 0);
    shoal_profile_leave(inner);
    assert_int_equal(begun, 1);
    shoal_profile_leave(outer);
    assert_true(shoal_profile_is_idle());
    assert_true(shoal_profile_is_noted(block(1)));
    assert_false(shoal_profile_is_noted(block(2)));
    assert_int_equal(shoal_profile_noted_blocks(), noted + 1);
    gave(1);
    assert_false(shoal_profile_is_noted(block(1)));
    assert_int_equal(shoal_profile_noted_blocks(), noted);
    assert_int_equal(live(outer, 11), 0);
    shoal_profile_begin_by(NULL);
}

/* A block that was resized by another line is not made again there. */
static void what_is_made_is_what_a_line_adds(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 100);
    shoal_profile_line(outer, 12);
    struct shoal_profile_note note = shoal_profile_resizing(block(1), 1);
    shoal_profile_resized(note, block(1), block(1), 130, 1);
    note = shoal_profile_resizing(block(1), 1);
    shoal_profile_resized(note, block(1), block(1), 10, 1);
    shoal_profile_leave(outer);
    struct shoal_account first = shoal_profile_account(line(outer, 11)->site);
    struct shoal_account second = shoal_profile_account(line(outer, 12)->site);
    assert_int_equal(first.made, 100);
    assert_int_equal(first.live_blocks, 0);
    assert_int_equal(second.made, 30);
    assert_int_equal(second.live, 10);
    assert_int_equal(second.live_blocks, 1);
    gave(1);
}

static void what_a_profiler_does_itself_is_no_lines(void **state) {
    struct shoal_profile_pause pause, within;
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    shoal_profile_enter(inner, 0);
    shoal_profile_line(inner, 51);
    took(1, 10);
    shoal_profile_pause(&pause);
    took(2, 5000);
    took(3, 700);
    gave(3);
    shoal_profile_pause(&within);
    gauge = (struct shoal_gauge){9000, 900, 90};
    shoal_profile_resume(&within);
    gave(1);
    shoal_profile_resume(&pause);
    took(4, 20);
    gauge.rss += 1, gauge.held += 2, gauge.returned += 3;
    shoal_profile_leave(inner);
    shoal_profile_leave(outer);
    const struct shoal_line *lines[] = {line(outer, 11), line(inner, 51)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(lines[i]->net, 30);
        assert_int_equal(lines[i]->peak, 30);
        assert_int_equal(lines[i]->rss_growth, 1);
        assert_int_equal(lines[i]->held, 2);
        assert_int_equal(lines[i]->returned, 3);
    }
    assert_int_equal(live(inner, 51), 20);
    assert_int_equal(shoal_profile_account(line(inner, 51)->site).made, 30);
    gave(2), gave(4);
}

/* What is set aside goes on as if nothing had been. */
static void a_strand_has_only_its_own(void **state) {
    (void)state;
    struct shoal_profile_strand strand, other;
    assert_false(shoal_profile_set_aside(&strand));
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 100);
    gauge.held += 5;
    assert_true(shoal_profile_set_aside(&strand));
    assert_int_equal(shoal_profile_depth(), 0);
    took(2, 7000);
    gauge.held += 900, gauge.rss += 900;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 12);
    took(3, 30);
    assert_true(shoal_profile_set_aside(&other));
    shoal_profile_take_up(&strand);
    took(4, 20);
    shoal_profile_line(outer, 13);
    shoal_profile_leave(outer);
    shoal_profile_take_up(&other);
    gauge.held += 1;
    shoal_profile_leave(outer);
    assert_int_equal(line(outer, 11)->net, 120);
    assert_int_equal(line(outer, 11)->peak, 120);
    assert_int_equal(line(outer, 11)->held, 5);
    assert_int_equal(line(outer, 11)->rss_growth, 0);
    assert_int_equal(live(outer, 11), 120);
    assert_int_equal(line(outer, 12)->net, 30);
    assert_int_equal(line(outer, 12)->held, 1);
    assert_int_equal(shoal_profile_depth(), 0);
    assert_true(shoal_profile_is_idle());
    gave(1), gave(2), gave(3), gave(4);
}

/* ---- Threads that take turns ------------------------------------------------------- */

static void *makes_elsewhere(void *unused) {
    shoal_profile_runs();
    gauge.held += 700, gauge.rss += 900, gauge.returned += 50;
    return unused;
}

static void *makes_in_a_line(void *unused) {
    shoal_profile_enter(inner, 0);
    shoal_profile_line(inner, 51);
    makes_elsewhere(NULL);
    shoal_profile_leave(inner);
    return unused;
}

static void in_turn(void *(*function)(void *)) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, NULL), 0);
    pthread_join(thread, NULL);
}

static void what_another_thread_did_is_not_the_line_that_waits(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    gauge.held += 3;
    in_turn(makes_elsewhere);
    shoal_profile_runs();
    gauge.held += 4;
    in_turn(makes_in_a_line);
    shoal_profile_leave(outer);
    assert_int_equal(line(outer, 11)->held, 7);
    assert_int_equal(line(outer, 11)->rss_growth, 0);
    assert_int_equal(line(outer, 11)->returned, 0);
    assert_int_equal(line(inner, 51)->held, 700);
    assert_int_equal(line(inner, 51)->rss_growth, 900);
    assert_int_equal(line(inner, 51)->returned, 50);
}

static void resident_memory_before_and_at_its_most(void **state) {
    (void)state;
    assert_int_equal(outer->rss_before, -1);
    assert_int_equal(line(outer, 11)->rss_peak, -1);
    const int64_t after[] = {2000, 8000, 3000};
    for (int i = 0; i < 3; i++) {
        shoal_profile_enter(outer, 0);
        shoal_profile_line(outer, 11);
        gauge.rss = after[i];
        shoal_profile_leave(outer);
    }
    assert_int_equal(outer->rss_before, 8000); /* of the last call */
    assert_int_equal(line(outer, 11)->rss, 3000);
    assert_int_equal(line(outer, 11)->rss_peak, 8000);
}

static void only_the_uppermost_is_in(void **state) {
    (void)state;
    assert_false(shoal_profile_is_in(outer));
    shoal_profile_enter(outer, 0);
    assert_true(shoal_profile_is_in(outer));
    shoal_profile_enter(inner, 0);
    assert_false(shoal_profile_is_in(outer));
    assert_true(shoal_profile_is_in(inner));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_what_happened_in_it),
        TEST(a_statement_that_comes_back_to_a_line_has_not_begun_it_again),
        TEST(lines_that_are_not_there_are_no_statement),
        TEST(live_is_the_makers),
        TEST(a_resized_block_is_whose_line_did_it),
        TEST(a_call_is_part_of_its_line),
        TEST(recursion_counts_once),
        TEST(pauses_are_nobodys),
        TEST(what_was_left_silently_is_closed),
        TEST(threads_have_stacks_of_their_own),
        TEST(figures_begin_anew),
        TEST(it_is_idle_outside_of_functions),
        TEST(what_is_made_is_what_a_line_adds),
        TEST(what_a_profiler_does_itself_is_no_lines),
        TEST(resident_memory_before_and_at_its_most),
        TEST(a_strand_has_only_its_own),
        TEST(what_another_thread_did_is_not_the_line_that_waits),
        TEST(only_the_uppermost_is_in),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
