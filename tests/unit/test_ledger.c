/* ledger.c: blocks that are nobody's, or no line's any more, and the usual way of both. */
#include <shoal/profile.h>
#include <stdbool.h>

#include "clock.h"
#include "made_up_blocks.h"
#include "unit.h"

static struct shoal_function *outer;

static int begin(void **state) {
    (void)state;
    outer = shoal_profile_function(10, 5);
    return outer == NULL;
}

static int end(void **state) {
    (void)state;
    shoal_profile_leave_all();
    return shoal_profile_depth() != 0;
}

/* The number of the very first line, say: the first test, as nothing is mapped yet. */
static void disowned_before_any_line_began(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    int64_t noted = shoal_profile_noted_blocks();
    took(1, 32);
    shoal_profile_disown(block(1), 28);
    assert_int_equal(shoal_profile_noted_blocks(), noted + 1);
    gave(1);
    assert_int_equal(shoal_profile_noted_blocks(), noted);
    shoal_profile_leave(outer);
}

static void what_is_disowned_was_never_taken(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    took(1, 56);
    took(2, 32);
    shoal_profile_disown(block(2), 28);
    shoal_profile_disown(block(2), 28);
    took(3, 6);
    shoal_profile_disown(block(3), 0);
    assert_true(shoal_profile_is_nobodys(block(2)));
    assert_false(shoal_profile_is_nobodys(block(1)));
    int64_t pooled = shoal_profile_pooled();
    gave(2);
    assert_int_equal(shoal_profile_pooled(), pooled);
    assert_false(shoal_profile_is_nobodys(block(2)));
    shoal_profile_line(outer, 12);
    struct shoal_account account = shoal_profile_account(line(outer, 11)->site);
    assert_int_equal(line(outer, 11)->net, 56);
    assert_int_equal(line(outer, 11)->peak, 56);
    assert_int_equal(account.made, 56);
    assert_int_equal(account.made_blocks, 1);
    assert_int_equal(account.live, 56);
    assert_int_equal(account.live_blocks, 1);
    gave(1);
    shoal_profile_leave(outer);
}

static void what_is_forgotten_is_there_and_no_lines(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    struct shoal_account before = shoal_profile_account(line(outer, 11)->site);
    took(1, 56);
    int64_t pooled = shoal_profile_pooled();
    shoal_profile_forget(block(1));
    shoal_profile_forget(block(1));
    struct shoal_account account = shoal_profile_account(line(outer, 11)->site);
    assert_int_equal(account.live, before.live);
    assert_int_equal(account.live_blocks, before.live_blocks);
    assert_int_equal(account.made, before.made + 56);
    assert_int_equal(shoal_profile_pooled(), pooled);
    gave(1);
    shoal_profile_leave(outer);
}

static bool took_usual(size_t index, size_t bytes) {
    return shoal_profile_took_usual(block(index), bytes);
}

static bool gave_usual(size_t index) { return shoal_profile_gave_usual(block(index)); }

/* Blocks of every form, which go in another order, one way or the other. */
static void take_and_give(size_t index, bool as_usual) {
    static const size_t sizes[] = {1, 16, 17, 40, 511, 512, 513, 65534, 65535, 1 << 20};
    for (size_t i = 0; i < 3 * COUNT_OF(sizes); i++) {
        size_t bytes = sizes[i % COUNT_OF(sizes)], gone = (i * 7) % (3 * COUNT_OF(sizes));
        if (!as_usual || !took_usual(index + i, bytes)) took(index + i, bytes);
        if (gone < i && (!as_usual || !gave_usual(index + gone))) gave(index + gone);
    }
}

static void the_usual_way_is_the_same(void **state) {
    (void)state;
    shoal_profile_enter(outer, 0);
    for (int number = 11; number <= 12; number++) {
        shoal_profile_line(outer, number);
        take_and_give(100, number == 12);
        shoal_profile_line(outer, 13);
        for (size_t i = 0; i < 30; i++) gave(100 + i);
    }
    shoal_profile_leave(outer);
    const struct shoal_line *one = line(outer, 11), *other = line(outer, 12);
    assert_true(one->peak > 1 << 20);
    assert_int_equal(one->peak, other->peak);
    assert_int_equal(one->net, other->net);
    struct shoal_account its = shoal_profile_account(one->site);
    struct shoal_account others = shoal_profile_account(other->site);
    assert_memory_equal(&its, &others, sizeof its);
    assert_int_equal(its.live_blocks, 0);
}

static void only_the_usual_goes_that_way(void **state) {
    (void)state;
    assert_false(shoal_profile_has_line());
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    assert_true(shoal_profile_has_line());
    took(0, 40);
    assert_true(took_usual(1, 17));
    assert_true(took_usual(2, 512));
    assert_false(took_usual(3, 16));
    assert_false(took_usual(3, 513));
    assert_false(took_usual(3, 0));
    assert_false(took_usual((size_t)1 << 20, 40)); /* no block was noted there */
    assert_false(shoal_profile_took_usual(NULL, 40));
    assert_false(gave_usual(3));
    assert_int_equal(live(outer, 11), 40 + 17 + 512);
    for (size_t i = 0; i < 3; i++) assert_true(gave_usual(i));
    assert_false(gave_usual(0));
    took(3, 16), took(4, 513);
    assert_false(gave_usual(3));
    assert_false(gave_usual(4));
    gave(3), gave(4);
    shoal_profile_leave(outer);
    assert_int_equal(line(outer, 11)->net, 0);
    assert_false(shoal_profile_has_line());
}

/* ---- What came and went while nobody told of it ---- */

static struct shoal_profile_live said;
static size_t times_asked;

static void ask(struct shoal_profile_live *live) {
    times_asked++;
    *live = said;
}

static size_t size_of(const void *block) { return block ? 496 : 0; }

/* What is live when a line has ended that freed a block of others. */
static int64_t all_after_a_call(void) {
    shoal_profile_enter(outer, 0);
    shoal_profile_line(outer, 11);
    gave(7); /* made by others, meanwhile */
    shoal_profile_line(outer, 12);
    shoal_profile_leave(outer);
    return line(outer, 11)->all_after;
}

static void what_others_make_and_a_line_frees_is_known(void **state) {
    enum { CALLS = 50, WAIT_MS = 5 }; /* a hundred times as long as asking takes, and more */
    (void)state;
    said = (struct shoal_profile_live){5000, SHOAL_NOT_KNOWN};
    times_asked = 0;
    clock_stop();
    os_time_tick = 1000;
    shoal_profile_ask_live_by(ask);
    shoal_profile_size_blocks_by(size_of);
    assert_int_equal(shoal_profile_pooled(), 5000);
    int64_t first = all_after_a_call();
    for (int i = 0; i < CALLS; i++) {
        clock_pass(WAIT_MS);
        assert_int_equal(all_after_a_call(), first);
    }
    assert_in_range(times_asked, CALLS, CALLS + 3);
    assert_int_equal(shoal_profile_pooled(), 5000 - 496);
    said.pooled = 7000;
    clock_pass(WAIT_MS);
    assert_int_equal(all_after_a_call(), first + 2000);
    shoal_profile_size_blocks_by(NULL);
}

static void what_no_line_takes_counts_as_it_will_when_it_goes(void **state) {
    (void)state;
    shoal_profile_size_blocks_by(size_of);
    shoal_profile_enter(outer, 0);
    int64_t pooled = shoal_profile_pooled();
    took(8, 470);
    assert_int_equal(shoal_profile_pooled(), pooled + 496);
    gave(8);
    assert_int_equal(shoal_profile_pooled(), pooled);
    shoal_profile_leave(outer);
    shoal_profile_size_blocks_by(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(disowned_before_any_line_began),
        TEST(what_is_disowned_was_never_taken),
        TEST(what_is_forgotten_is_there_and_no_lines),
        TEST(the_usual_way_is_the_same),
        TEST(only_the_usual_goes_that_way),
        TEST(what_no_line_takes_counts_as_it_will_when_it_goes),
        TEST(what_others_make_and_a_line_frees_is_known),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
