/* os.c: what the operating system gives and takes. */
#include "base/os.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lazy_free.h"
#include "unit.h"

enum { PAGES = 40 };

static size_t resident_pages(void *start, size_t pages) {
    unsigned char present[PAGES];
    size_t count = 0;
    assert_true(pages <= PAGES);
    assert_int_equal(mincore(start, pages * OS_PAGE, present), 0);
    for (size_t i = 0; i < pages; i++) count += present[i] & 1;
    return count;
}

static void reserved_pages_are_committed_as_zeros(void **state) {
    char *start = os_reserve(PAGES * OS_PAGE);
    (void)state;
    skip_emulated("mincore");
    assert_non_null(start);
    assert_int_equal((uintptr_t)start % OS_PAGE, 0);
    assert_true(os_commit(start + OS_PAGE, 3 * OS_PAGE));
    assert_int_equal(resident_pages(start, PAGES), 0);
    assert_true(pattern_is_zero(start + OS_PAGE, 3 * OS_PAGE));
    memset(start + OS_PAGE, 1, 3 * OS_PAGE);
    assert_int_equal(resident_pages(start, PAGES), 3);
    os_unmap(start, PAGES * OS_PAGE);
}

/* Under a sanitizer no address can be chosen. */
static void memory_comes_where_it_is_wished(void **state) {
    char *start = os_place(PAGES * OS_PAGE);
    (void)state;
    assert_int_equal((uintptr_t)start % OS_PAGE, 0);
    assert_true((char *)os_place(OS_PAGE) >= start + PAGES * OS_PAGE);
    if (!os_map_at(start, 2 * OS_PAGE)) {
        assert_int_equal(errno, EEXIST);
        skip();
    }
    assert_true(pattern_is_zero(start, 2 * OS_PAGE));
    memset(start, 1, 2 * OS_PAGE);
    assert_true(os_map_at(start + 2 * OS_PAGE, OS_PAGE));
    os_unmap(start, 3 * OS_PAGE);
}

static void what_is_mapped_is_not_mapped_over(void **state) {
    char *taken = os_map(3 * OS_PAGE);
    (void)state;
    assert_non_null(taken);
    memset(taken, 7, 3 * OS_PAGE);
    errno = 0;
    assert_false(os_map_at(taken + OS_PAGE, OS_PAGE));
    assert_int_equal(errno, EEXIST);
    assert_false(os_map_at(taken - OS_PAGE, 2 * OS_PAGE));
    assert_int_equal(errno, EEXIST);
    for (size_t i = 0; i < 3 * OS_PAGE; i++) assert_int_equal(taken[i], 7);
    os_unmap(taken, 3 * OS_PAGE);
}

/* However many are asked for, they stay where nothing else is mapped. */
static void places_stay_below_a_third_of_the_addresses(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        uintptr_t place = (uintptr_t)os_place((size_t)512 << 30);
        assert_in_range(place, (uintptr_t)32 << 40, ((uintptr_t)40 << 40) - 1);
    }
}

/* In one call for many ranges and in one for one; untouched pages stay. */
static void purged_pages_are_gone_and_read_as_zeros(void **state) {
    (void)state;
    for (size_t count = 1; count <= PAGES / 2; count += 6) {
        struct os_range ranges[PAGES / 2];
        char *start = os_map(PAGES * OS_PAGE);
        assert_non_null(start);
        memset(start, 1, PAGES * OS_PAGE);
        for (size_t i = 0; i < count; i++)
            ranges[i] = (struct os_range){start + 2 * i * OS_PAGE, OS_PAGE};
        os_purge(ranges, count);
        assert_int_equal(resident_pages(start, PAGES), PAGES - count);
        for (size_t i = 0; i < PAGES; i++)
            assert_int_equal(start[i * OS_PAGE], i % 2 || i / 2 >= count);
        os_unmap(start, PAGES * OS_PAGE);
    }
}

static void ranges_of_many_pages_are_purged(void **state) {
    char *start = os_map(PAGES * OS_PAGE);
    (void)state;
    assert_non_null(start);
    memset(start, 1, PAGES * OS_PAGE);
    struct os_range ranges[] = {{start, 7 * OS_PAGE}, {start + 20 * OS_PAGE, 20 * OS_PAGE}};
    os_purge(ranges, 2);
    assert_int_equal(resident_pages(start, PAGES), PAGES - 27);
    os_unmap(start, PAGES * OS_PAGE);
}

/* Locked memory: its range says so, the contents stay, the others go. */
static void a_refused_range_has_no_bytes_left(void **state) {
    (void)state;
    for (size_t locked = 0; locked < 3; locked++) {
        struct os_range ranges[3];
        char *start = os_map(PAGES * OS_PAGE);
        assert_non_null(start);
        memset(start, 1, PAGES * OS_PAGE);
        for (size_t i = 0; i < 3; i++)
            ranges[i] = (struct os_range){start + 10 * i * OS_PAGE, 2 * OS_PAGE};
        /* By its number: a sanitizer's mlock does nothing. */
        if (syscall(SYS_mlock, ranges[locked].start, OS_PAGE) != 0) skip();
        os_purge(ranges, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(ranges[i].bytes, i == locked ? 0 : 2 * OS_PAGE);
            assert_int_equal(start[10 * i * OS_PAGE], i == locked);
        }
        os_unmap(start, PAGES * OS_PAGE);
    }
}

/* They stay, and keep what they hold while the system has memory; what is written
 * to is no longer the system's to take. */
static void lazily_purged_pages_are_the_systems_until_written_to(void **state) {
    (void)state;
    skip_emulated("memory that the system may take (MADV_FREE)");
    for (size_t count = 1; count <= 3; count += 2) {
        enum { LONG = 1024 }; /* the kernel puts them in its list in batches */
        char *start = os_map(LONG * OS_PAGE);
        assert_non_null(start);
        memset(start, 7, LONG * OS_PAGE);
        size_t before = lazy_free_bytes();
        struct os_range ranges[3];
        for (size_t i = 0; i < 3; i++)
            ranges[i] = (struct os_range){start + i * 300 * OS_PAGE, 200 * OS_PAGE};
        os_purge_lazily(ranges, count);
        size_t purged = lazy_free_bytes() - before;
        assert_in_range(purged, count * 200 * OS_PAGE * 3 / 4, count * 200 * OS_PAGE);
        for (size_t i = 0; i < LONG; i++)
            assert_true(start[i * OS_PAGE] == 7 || start[i * OS_PAGE] == 0);
        memset(start, 8, LONG * OS_PAGE);
        assert_int_equal(lazy_free_bytes(), before);
        os_unmap(start, LONG * OS_PAGE);
    }
}

static void a_mapping_grows_and_shrinks_with_its_contents(void **state) {
    unsigned char *start = os_map(4 * OS_PAGE);
    (void)state;
    assert_non_null(start);
    pattern_fill(start, 4 * OS_PAGE, 5);
    start = os_remap(start, 4 * OS_PAGE, PAGES * OS_PAGE);
    assert_non_null(start);
    assert_true(pattern_holds(start, 4 * OS_PAGE, 4 * OS_PAGE, 5));
    assert_true(pattern_is_zero(start + 4 * OS_PAGE, (PAGES - 4) * OS_PAGE));
    start = os_remap(start, PAGES * OS_PAGE, OS_PAGE);
    assert_non_null(start);
    assert_true(pattern_holds(start, 4 * OS_PAGE, OS_PAGE - PATTERN_END, 5));
    os_unmap(start, OS_PAGE);
}

static void what_there_is_not_is_refused_with_enomem(void **state) {
    size_t huge = (size_t)1 << 62;
    (void)state;
    errno = 0;
    assert_null(os_reserve(huge));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(os_map(huge));
    assert_int_equal(errno, ENOMEM);
}

static void the_address_limit_is_the_processs(void **state) {
    struct rlimit old, limited;
    (void)state;
    skip_emulated("a limit on address space");
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    limited = old;
    limited.rlim_cur = (rlim_t)1 << 40;
    if (old.rlim_max != RLIM_INFINITY && old.rlim_max < limited.rlim_cur) skip();
    if (setrlimit(RLIMIT_AS, &limited) != 0) skip(); /* a sanitizer's shadow memory is larger */
    size_t limit = os_address_limit();
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_true(limit == (size_t)1 << 40);
    if (old.rlim_cur == RLIM_INFINITY) assert_true(os_address_limit() == SIZE_MAX);
}

static void the_clock_does_not_go_back(void **state) {
    uint64_t before = os_milliseconds();
    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t now = os_milliseconds();
        assert_true(now >= before);
        before = now;
    }
}

static void random_words_differ(void **state) {
    uintptr_t first = os_random_word(), second = os_random_word();
    (void)state;
    assert_true(first != 0 && second != 0);
}

static void a_test_can_make_it_fail(void **state) {
    void *starts[3];
    (void)state;
    os_fail_after = 2;
    for (int i = 0; i < 3; i++) starts[i] = os_map(OS_PAGE);
    assert_false(os_commit(starts[0], OS_PAGE));
    os_fail_after = -1;
    assert_non_null(starts[0]);
    assert_non_null(starts[1]);
    assert_null(starts[2]);
    os_unmap(starts[0], OS_PAGE);
    os_unmap(starts[1], OS_PAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserved_pages_are_committed_as_zeros),
        cmocka_unit_test(memory_comes_where_it_is_wished),
        cmocka_unit_test(what_is_mapped_is_not_mapped_over),
        cmocka_unit_test(places_stay_below_a_third_of_the_addresses),
        cmocka_unit_test(purged_pages_are_gone_and_read_as_zeros),
        cmocka_unit_test(ranges_of_many_pages_are_purged),
        cmocka_unit_test(a_refused_range_has_no_bytes_left),
        cmocka_unit_test(lazily_purged_pages_are_the_systems_until_written_to),
        cmocka_unit_test(a_mapping_grows_and_shrinks_with_its_contents),
        cmocka_unit_test(what_there_is_not_is_refused_with_enomem),
        cmocka_unit_test(the_address_limit_is_the_processs),
        cmocka_unit_test(the_clock_does_not_go_back),
        cmocka_unit_test(random_words_differ),
        cmocka_unit_test(a_test_can_make_it_fail),
    };
    return cmocka_run_group_tests_name("os", tests, NULL, NULL);
}
