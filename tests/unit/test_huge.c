/* huge.c: regions that an arena grows into come as huge pages, and go as small ones. */
#include "heap/arena.h"
#include "heap/huge.h"
#include "heap/pages.h"

#include <stdio.h>
#include <stdlib.h>

#include "own_arenas.h"

enum { REGIONS = 20, RUN = 16, RUNS = REGIONS * HUGE_PAGES / RUN };

static struct pool *runs[RUNS];

static struct arena *arena(void) { return &arenas.arena[0]; }

static size_t resident_pages(void) {
    return os_resident((void *)arena()->pages, arena()->committed << PAGE_SHIFT) / PAGE_BYTES;
}

/* KiB of the process in huge pages. */
static size_t in_huge_pages(void) {
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[200];
    size_t found = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) sscanf(line, "AnonHugePages: %zu kB", &found);
    fclose(file);
    return found;
}

/* Grows in runs of 16 pages, and writes to each page. Skips the test where the machine has no
 * huge pages. */
static void grow(size_t least, uint64_t dear) {
    size_t pages;
    bool zeroed;
    arenas.huge.least = least;
    arenas.huge.dear = dear;
    arenas.reserve.limit = SIZE_MAX / 4;
    for (size_t i = 0; i < RUNS; i++) {
        runs[i] = arenas_take_ahead(&arenas, RUN, &pages, &zeroed);
        assert_non_null(runs[i]);
        assert_true(zeroed && pages == RUN);
        arenas_grew(&arenas, RUN);
        char *start = run_start(&arenas, runs[i]);
        assert_true(pattern_is_zero(start, RUN * PAGE_BYTES));
        memset(start, 0xee, RUN * PAGE_BYTES);
        runs[i]->kind = PAGE_LARGE;
    }
}

static void grow_huge(void) {
    skip_emulated("huge pages");
    size_t before = in_huge_pages();
    grow(1, UINT64_MAX);
    if (in_huge_pages() == before) {
        print_message("this machine gives no huge pages now\n");
        skip();
    }
    assert_in_range(huge_bytes(arena()), (REGIONS - 3) * 2 << 20, (REGIONS + 1) * 2 << 20);
}

static void a_small_arena_grows_by_small_pages(void **state) {
    (void)state;
    grow(HUGE_LEAST, UINT64_MAX);
    assert_int_equal(huge_bytes(arena()), 0);
    assert_int_equal(huge_ahead(arena()), 0);
    assert_int_equal(resident_pages(), arena()->top);
}

static void one_that_grows_comes_in_huge_pages(void **state) {
    (void)state;
    grow_huge();
    assert_true(huge_ahead(arena()) < HUGE_PAGES);
    assert_int_equal(resident_pages(), arena()->top + huge_ahead(arena()));
    assert_covered(RUNS * RUN);
}

static void one_with_much_that_is_free_does_not(void **state) {
    size_t pages;
    bool zeroed;
    (void)state;
    grow(1, UINT64_MAX);
    size_t huge = huge_bytes(arena());
    for (size_t i = 0; i < RUNS; i += 8) arenas_give(&arenas, runs[i], RUN);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(arenas_take_ahead(&arenas, HUGE_PAGES, &pages, &zeroed));
    assert_int_equal(huge_bytes(arena()), huge);
}

/* Of twenty regions the first, the third and the ninth. */
static void where_they_are_dear_regions_are_left_out(void **state) {
    (void)state;
    skip_emulated("huge pages");
    grow(1, 0);
    if (huge_bytes(arena()) == 0) skip();
    assert_in_range(huge_bytes(arena()), 2 * 2 << 20, 4 * 2 << 20);
    assert_true(arenas.huge.pause >= 5);
    arenas.huge.left = 0;
    arenas.huge.dear = UINT64_MAX;
    size_t pages;
    bool zeroed;
    for (int i = 0; i < 3; i++)
        assert_non_null(arenas_take_ahead(&arenas, HUGE_PAGES, &pages, &zeroed));
    assert_int_equal(arenas.huge.pause, 0);
}

/* All but one run of a region go: so do their pages, and the others' contents stay. */
static void what_goes_back_leaves_small_pages(void **state) {
    (void)state;
    grow_huge();
    for (size_t i = 0; i < RUNS; i++)
        if (i % 32 != 5) arenas_give(&arenas, runs[i], RUN);
    assert_true(arenas_return_all(&arenas) >= (RUNS - RUNS / 32) * RUN);
    assert_int_equal(resident_pages(), RUNS / 32 * RUN);
    assert_int_equal(huge_bytes(arena()), 0);
    for (size_t i = 5; i < RUNS; i += 32) {
        const char *start = run_start(&arenas, runs[i]);
        for (size_t k = 0; k < RUN * PAGE_BYTES; k += 64) assert_int_equal(start[k] & 0xff, 0xee);
    }
    assert_covered(RUNS / 32 * RUN);
}

/* Nobody may ever write to all of a large block. */
static void large_blocks_are_not_filled(void **state) {
    (void)state;
    grow_huge();
    bool zeroed;
    size_t resident = resident_pages(), huge = huge_bytes(arena());
    for (int i = 0; i < 8; i++) {
        struct pool *run = arenas_take(&arenas, HUGE_PAGES, HUGE_PAGES / 2, &zeroed);
        assert_true(zeroed);
        run->kind = PAGE_LARGE;
    }
    assert_int_equal(huge_bytes(arena()), huge);
    assert_int_equal(resident_pages(), resident);
    arenas_return_all(&arenas); /* what lies between them, and was filled, too */
    assert_true(resident_pages() <= resident);
    assert_covered(RUNS * RUN + 8 * HUGE_PAGES);
}

/* The system has as much memory again as is not resident any more. */
static void what_is_filled_ahead_goes_back_too(void **state) {
    (void)state;
    grow_huge();
    arenas_return_all(&arenas);
    assert_int_equal(huge_ahead(arena()), 0);
    assert_int_equal(resident_pages(), arena()->top);
    bool zeroed;
    struct pool *run = arenas_take(&arenas, RUN, 1, &zeroed);
    assert_true(zeroed && pattern_is_zero(run_start(&arenas, run), RUN * PAGE_BYTES));
}

static void the_environment_asks_for_it(void **state) {
    (void)state;
    huge_init(&arenas);
    assert_true(arenas.huge.least == SIZE_MAX);
    setenv("SHOAL_HUGE", "1", 1);
    huge_init(&arenas);
    assert_true(arenas.huge.least == (os_has_huge_pages() ? HUGE_LEAST : SIZE_MAX));
    unsetenv("SHOAL_HUGE");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_arenas, end_arenas)
    const struct CMUnitTest tests[] = {
        TEST(a_small_arena_grows_by_small_pages),  TEST(one_that_grows_comes_in_huge_pages),
        TEST(one_with_much_that_is_free_does_not), TEST(where_they_are_dear_regions_are_left_out),
        TEST(large_blocks_are_not_filled),         TEST(what_goes_back_leaves_small_pages),
        TEST(what_is_filled_ahead_goes_back_too),  TEST(the_environment_asks_for_it),
    };
    return cmocka_run_group_tests_name("huge", tests, NULL, NULL);
}
