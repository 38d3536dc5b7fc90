/* mark.c and ledger.c: what the whole process took since a mark. */
#include <pthread.h>
#include <shoal/profile.h>

#include "profile/mark.h"
#include "unit.h"

static struct shoal_function *function;

static int begin(void **state) {
    (void)state;
    function = shoal_profile_function(10, 5);
    shoal_profile_mark();
    return function == NULL;
}

static void *block(size_t index) { return (void *)(((uintptr_t)9 << 42) + index * 4096); }

static void took(size_t index, size_t bytes) { shoal_profile_took(block(index), bytes, 1); }
static void gave(size_t index) { shoal_profile_gave(block(index), 1); }

#define assert_marked(live_bytes, high_bytes) \
    do { \
        struct shoal_marked marked = shoal_profile_marked(); \
        assert_int_equal(marked.live, live_bytes); \
        assert_int_equal(marked.high, high_bytes); \
    } while (0)

static void the_most_at_once(void **state) {
    (void)state;
    took(1, 100);
    took(2, 30);
    gave(1);
    took(3, 56);
    assert_marked(86, 130);
    gave(2), gave(3);
    assert_marked(0, 130);
}

static void older_blocks_count_neither_way(void **state) {
    (void)state;
    took(1, 100000);
    shoal_profile_mark();
    assert_marked(0, 0);
    took(2, 50);
    gave(1);
    took(3, 1);
    assert_marked(51, 51);
    gave(2), gave(3);
}

static void a_resized_block_is_new(void **state) {
    (void)state;
    took(1, 100);
    shoal_profile_mark();
    struct shoal_profile_note note = shoal_profile_resizing(block(1), 1);
    shoal_profile_resized(note, block(1), NULL, 1 << 30, 1);
    assert_marked(0, 0);
    note = shoal_profile_resizing(block(1), 1);
    shoal_profile_resized(note, block(1), block(2), 300, 1);
    assert_marked(300, 300);
    gave(2);
    assert_marked(0, 300);
}

/* What lines make is theirs, and the mark's too. */
static void lines_keep_their_blocks(void **state) {
    (void)state;
    took(1, 7);
    shoal_profile_enter(function, 0);
    shoal_profile_line(function, 11);
    took(2, 1000);
    shoal_profile_leave(function);
    assert_marked(1007, 1007);
    assert_int_equal(shoal_profile_account(function->lines[1].site).live, 1000);
    gave(1), gave(2);
    assert_int_equal(shoal_profile_account(function->lines[1].site).live, 0);
    assert_marked(0, 1007);
}

static void *work(void *argument) {
    (void)argument;
    shoal_profile_took(block(10), 5000, 0);
    shoal_profile_gave(block(10), 0);
    shoal_profile_took(block(11), 64, 0);
    return NULL;
}

static void all_threads_count(void **state) {
    pthread_t thread;
    (void)state;
    took(1, 36);
    assert_int_equal(pthread_create(&thread, NULL, work, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_marked(100, 5036);
    took(2, 4936);
    assert_marked(5036, 5036);
    took(3, 1);
    assert_marked(5037, 5037);
    gave(1), gave(2), gave(3);
    shoal_profile_gave(block(11), 0);
    assert_marked(0, 5037);
}

/* There are fewer sites than marks: that of the fewest survivors is used again. */
static void marks_do_not_run_out(void **state) {
    enum { SMALL = 7 };
    (void)state;
    for (size_t i = 0; i < MARK_SITES; i++) {
        shoal_profile_mark();
        took(100 + i, i == SMALL ? 16 : 1 << 20);
    }
    for (size_t i = 0; i < MARK_SITES; i++) {
        shoal_profile_mark();
        took(1, 5);
        assert_marked(5, 5);
        gave(1);
    }
    for (size_t i = 0; i < MARK_SITES; i++) gave(100 + i);
    assert_marked(-16, 5);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_most_at_once),       TEST(older_blocks_count_neither_way),
        TEST(a_resized_block_is_new), TEST(lines_keep_their_blocks),
        TEST(all_threads_count),      TEST(marks_do_not_run_out),
    };
    return cmocka_run_group_tests_name("mark", tests, NULL, NULL);
}
