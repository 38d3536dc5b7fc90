/* ahead.c: pages taken for a class before it needs them. */
#include "heap/ahead.h"

#include "own_heap.h"

enum { CLASS = 8, OTHER_CLASS = 20, LONGEST = 16 };

/* Takes a page for a class as a pool does, and makes a run of it that
 * assert_covered knows. */
static struct pool *take(unsigned class) {
    struct pool *page = ahead_take(&heap, class);
    if (!page) return NULL;
    char *start = run_start(&arenas, page);
    if (!heap.ahead[class].is_dirty) assert_true(pattern_is_zero(start, PAGE_BYTES));
    memset(start, 0xee, PAGE_BYTES);
    page->kind = PAGE_LARGE;
    page->run_pages = 1;
    page->owner = HEAP_ID;
    return page;
}

static void give(struct pool *page) { arenas_give(&arenas, page, 1); }

/* Leaves `count` dirty pages, in one run. */
static void leave_dirty(size_t count) {
    static struct pool *pages[100];
    assert_true(count <= COUNT_OF(pages));
    arenas.reserve.limit = COUNT_OF(pages);
    for (size_t i = 0; i < count; i++) pages[i] = take(OTHER_CLASS);
    for (size_t i = 0; i < count; i++) give(pages[i]);
    ahead_give_all(&heap);
    assert_int_equal(arenas.dirty_pages, count);
}

/* With two classes in turn: each has its pages in rows, of 1 page, 2, 3 ... 16. */
static void pages_come_in_order_in_longer_and_longer_runs(void **state) {
    static const unsigned classes[] = {CLASS, OTHER_CLASS};
    struct pool *last[2] = {0};
    size_t length[2] = {0}, left[2] = {0};
    (void)state;
    for (int i = 0; i < 400; i++) {
        int which = i % 2;
        struct pool *page = take(classes[which]);
        if (left[which] > 0) {
            assert_ptr_equal(page, last[which] + 1);
        } else {
            if (length[which] < LONGEST) length[which]++;
            left[which] = length[which];
        }
        assert_int_equal(heap.ahead[classes[which]].left, --left[which]);
        last[which] = page;
    }
    assert_int_equal(length[0], LONGEST);
    assert_covered(400 + pages_ahead());
}

/* The record of the first page that is left speaks for all of them. */
static void the_rest_has_a_record(void **state) {
    (void)state;
    leave_dirty(8); /* for the second round */
    arenas_return_all(&arenas);
    for (int dirty = 0; dirty < 2; dirty++) {
        for (int i = 0; i < 30; i++) {
            struct pool *rest = take(CLASS) + 1;
            size_t left = heap.ahead[CLASS].left;
            if (left == 0) continue;
            if (left > 1) rest[1].frees_left = 9; /* records may be as they were left */
            assert_int_equal(rest->kind, PAGE_AHEAD);
            assert_int_equal(rest->run_pages, left);
            assert_int_equal(rest->owner, HEAP_ID);
            assert_int_equal(rest->frees_left, 0);
            assert_int_equal(rest->carved, dirty);
            assert_int_equal(heap.ahead[CLASS].is_dirty, dirty);
        }
        ahead_give_all(&heap);
        leave_dirty(60);
    }
}

/* What is taken ahead costs no memory until it is used. */
static void pages_taken_ahead_do_not_count_as_resident(void **state) {
    (void)state;
    for (unsigned class = 0; class < SMALL_CLASSES; class++)
        for (size_t i = 0; i < 5; i++) assert_non_null(take(class));
    assert_true(pages_ahead() > 0);
    assert_int_equal(resident_here(), 5 * SMALL_CLASSES);
    size_t ahead = pages_ahead(), clean = arenas.clean_pages, dirty = arenas.dirty_pages;
    ahead_give_all(&heap);
    assert_int_equal(pages_ahead(), 0);
    assert_int_equal(arenas.clean_pages, clean + ahead); /* as they were taken */
    assert_int_equal(arenas.dirty_pages, dirty);
    assert_int_equal(resident_here(), 5 * SMALL_CLASSES);
    assert_covered(5 * SMALL_CLASSES);
}

/* Pages that are resident serve before fresh ones, count once, and stay what
 * they are. */
static void dirty_pages_ahead_are_given_back_dirty(void **state) {
    (void)state;
    leave_dirty(40);
    size_t top = arenas.arena[0].top, resident = resident_here();
    heap.ahead[CLASS].length = LONGEST - 1;
    assert_non_null(take(CLASS));
    assert_int_equal(heap.ahead[CLASS].left, LONGEST - 1);
    assert_true(heap.ahead[CLASS].is_dirty);
    assert_int_equal(arenas.arena[0].top, top);
    assert_int_equal(arenas.dirty_pages, 40 - LONGEST);
    assert_int_equal(resident_here(), resident);
    ahead_give_all(&heap);
    assert_int_equal(pages_ahead(), 0);
    assert_int_equal(arenas.dirty_pages, 40 - 1);
    assert_int_equal(resident_here(), resident);
    assert_covered(1);
}

/* NULL, and nothing ahead, until the system gives again. */
static void a_refusal_leaves_nothing_ahead(void **state) {
    (void)state;
    os_fail_after = 0;
    assert_null(ahead_take(&heap, CLASS));
    os_fail_after = -1;
    assert_int_equal(heap.ahead[CLASS].left, 0);
    assert_int_equal(resident_here(), 0);
    assert_non_null(take(CLASS));
    assert_covered(1);
    os_fail_after = 0;
    size_t count = 1;
    while (take(CLASS)) count++; /* what is mapped already is used up */
    os_fail_after = -1;
    assert_int_equal(resident_here(), count);
    assert_covered(count);
    assert_non_null(take(CLASS));
}

/* Whatever is taken, given, handed back and returned in between: no page is two
 * classes', zero pages are zero (take looks), and resident is what is not clean. */
static void no_page_is_lost_or_given_twice(void **state) {
    static struct pool *pages[300];
    uint64_t seed = 23;
    size_t taken = 0;
    (void)state;
    for (int step = 0; step < 30000 / SLOWNESS; step++) {
        size_t i = random_next(&seed) % COUNT_OF(pages), dirty_ahead = 0;
        if (pages[i]) {
            give(pages[i]);
            pages[i] = NULL;
            taken--;
        } else {
            pages[i] = take(random_next(&seed) % 6);
            assert_non_null(pages[i]);
            taken++;
        }
        if (step % 300 == 0) ahead_give_all(&heap);
        if (step % 701 == 0) arenas_return_all(&arenas);
        for (unsigned class = 0; class < SMALL_CLASSES; class++)
            if (heap.ahead[class].is_dirty) dirty_ahead += heap.ahead[class].left;
        assert_int_equal(resident_here(), taken + dirty_ahead + arenas.dirty_pages);
        if (step % 50 == 0) assert_covered(taken + pages_ahead());
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_heap, end_arenas)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pages_come_in_order_in_longer_and_longer_runs),
        TEST(the_rest_has_a_record),
        TEST(pages_taken_ahead_do_not_count_as_resident),
        TEST(dirty_pages_ahead_are_given_back_dirty),
        TEST(a_refusal_leaves_nothing_ahead),
        TEST(no_page_is_lost_or_given_twice),
    };
    return cmocka_run_group_tests_name("pages ahead", tests, NULL, NULL);
}
