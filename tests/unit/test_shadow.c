/* shadow.c: notes beside every 16 bytes. */
#include "profile/shadow.h"

#include <shoal/profile.h>
#include <stdlib.h>

#include "base/os.h"

#include "unit.h"

/* Sizes at every change of form. */
static const size_t SIZES[] = {
    1, 2, 15, 16, 17, 32, 512, 65534, 65535, 65536, 1 << 20, (size_t)5 << 30, SIZE_MAX / 2};

static void *granule(size_t index) { return (void *)(((uintptr_t)3 << 42) + index * 16); }

static void a_note_is_what_was_noted(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(SIZES); i++)
        for (unsigned site = 1; site <= SHORT_SITES_MAX; site += 341) {
            struct note note = {SIZES[i], site}, found;
            assert_false(shadow_look(granule(i * 8), &found));
            assert_true(shadow_note(granule(i * 8), &note));
            assert_true(shadow_look(granule(i * 8), &found));
            assert_true(found.bytes == SIZES[i] && found.site == site);
            assert_true(shadow_forget(granule(i * 8), &found));
            assert_true(found.bytes == SIZES[i] && found.site == site);
            assert_false(shadow_forget(granule(i * 8), &found));
        }
}

static void sites_end_where_they_do_not_fit(void **state) {
    struct note small = {16, SITES_MAX}, large = {17, SITES_MAX}, found;
    (void)state;
    assert_true(shadow_note(granule(100), &small));
    assert_int_equal(small.site, SHORT_SITES_MAX);
    assert_true(shadow_note(granule(101), &large));
    assert_int_equal(large.site, SITES_MAX);
    assert_true(shadow_forget(granule(100), &found) && found.site == SHORT_SITES_MAX);
    assert_true(shadow_forget(granule(101), &found) && found.site == SITES_MAX);
}

/* Neighbours as close as an allocator can place them, over the end of a leaf. */
static void neighbours_do_not_meet(void **state) {
    const uintptr_t leaf = (uintptr_t)1 << 26, end = ((uintptr_t)3 << 42) + leaf;
    (void)state;
    for (uintptr_t at = end - 20 * 16; at < end + 20 * 16; at += 16) {
        struct note two = {at % 32 ? 16 : 9, 5}, found;
        assert_true(shadow_note((void *)at, &two));
        assert_true(shadow_look((void *)at, &found));
        assert_int_equal(found.bytes, two.bytes);
    }
    for (uintptr_t at = end - 20 * 16; at < end + 20 * 16; at += 16) {
        struct note found;
        assert_true(shadow_forget((void *)at, &found));
        assert_int_equal(found.bytes, at % 32 ? 16 : 9);
    }
    for (size_t before = 1; before < 8; before++) {
        struct note huge = {(size_t)100 << 20, 77}, found;
        void *block = (void *)(end - before * 16);
        assert_true(shadow_note(block, &huge));
        assert_true(shadow_forget(block, &found));
        assert_true(found.bytes == huge.bytes && found.site == 77);
    }
}

static void far_addresses_are_unknown(void **state) {
    struct note found;
    (void)state;
    assert_false(shadow_look(NULL, &found));
    assert_false(shadow_look((void *)((uintptr_t)1 << 40), &found));
    assert_false(shadow_look((void *)~(uintptr_t)15, &found));
    struct note note = {5, 1};
    assert_false(shadow_note((void *)~(uintptr_t)15, &note));
}

/* A page whose blocks were large may have small ones next, which nobody notes. */
static void a_forgotten_note_leaves_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        struct note note = {SIZES[i], 321}, found;
        assert_true(shadow_note(granule(3000), &note));
        assert_true(shadow_forget(granule(3000), &found));
        for (size_t k = 0; k < 8; k++) assert_false(shadow_look(granule(3000 + k), &found));
    }
}

/* Every noted block, near and far, and nothing else. */
static void noted_blocks_are_found_in_order(void **state) {
    static const size_t PLACES[] = {0,       1,      2, 4, 7, 8, 9, 63, 64, 500, (1 << 22) - 1,
                                    1 << 22, 9 << 22};
    const uintptr_t start = (uintptr_t)9 << 42;
    const char *end = (const char *)(start + ((uintptr_t)10 << 26));
    struct note note = {1, 9}, found;
    (void)state;
    assert_null(shadow_next((void *)start, end, &found));
    for (size_t i = 0; i < COUNT_OF(PLACES); i++)
        assert_true(shadow_note((void *)(start + PLACES[i] * 16), &note));
    const char *at = (const char *)start;
    for (size_t i = 0; i < COUNT_OF(PLACES); i++, at += 16) {
        at = shadow_next(at, end, &found);
        assert_ptr_equal(at, start + PLACES[i] * 16);
        assert_int_equal(found.site, 9);
    }
    assert_null(shadow_next(at, end, &found));
    assert_null(shadow_next((void *)(start + 2 * 16), (void *)(start + 2 * 16), &found));
    assert_ptr_equal(shadow_next((void *)(start + 16), (void *)(start + 32), &found), start + 16);
    for (size_t i = 0; i < COUNT_OF(PLACES); i++)
        shadow_forget((void *)(start + PLACES[i] * 16), &found);
}

static void sites_are_found_with_what_they_have(void **state) {
    enum { ROOM = 4 };
    struct shoal_presence sites[ROOM];
    size_t at = 4000, most = 0;
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        struct note note = {SIZES[i % 8], 1 + i % 3 * 1000};
        most += SIZES[i % 8];
        assert_true(shadow_note(granule(at), &note));
        at += (SIZES[i % 8] + 15) / 16;
    }
    assert_int_equal(shoal_profile_sites_in(granule(4000), (at - 4000) * 16, sites, ROOM), 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sites[i].site, 1 + i * 1000);
        assert_int_equal(sites[i].blocks, 100);
        most -= sites[i].bytes;
    }
    assert_int_equal(most, 0);
    assert_int_equal(shoal_profile_sites_in(granule(4000), (at - 4000) * 16, sites, 2), 3);
    assert_int_equal(shoal_profile_sites_in(granule(4000), 16, sites, ROOM), 1);
    assert_true(sites[0].site == 1 && sites[0].blocks == 1 && sites[0].bytes == 1);
    assert_int_equal(shoal_profile_sites_in(granule(4000), 0, sites, ROOM), 0);
    assert_int_equal(shoal_profile_sites_in((void *)((uintptr_t)11 << 42), 1 << 30, sites, ROOM),
                     0);
}

/* A page of cells is for 32 KiB. */
static void only_touched_pages_count_as_resident(void **state) {
    const uintptr_t start = (uintptr_t)13 << 42;
    struct note note = {8, 1}, found;
    assert_true(shadow_note((void *)start, &note));
    size_t before = shadow_resident();
    (void)state;
    for (uintptr_t at = start; at < start + (100 << 15); at += 48)
        assert_true(shadow_note((void *)(at & ~(uintptr_t)15), &note));
    assert_int_equal(shadow_resident() - before, 99 * 4096);
    for (uintptr_t at = start; at < start + (100 << 15); at += 48)
        assert_true(shadow_forget((void *)(at & ~(uintptr_t)15), &found));
    assert_int_equal(shadow_resident() - before, 99 * 4096);
    assert_true(shadow_resident() < shadow_bytes());
    assert_true(shadow_resident() <= shoal_profile_own_resident());
}

static void without_memory_a_block_is_unknown(void **state) {
    struct note note = {40, 3}, found;
    void *block = (void *)((uintptr_t)5 << 40);
    (void)state;
    os_fail_after = 0;
    bool noted = shadow_note(block, &note);
    os_fail_after = -1;
    assert_false(noted);
    assert_false(shadow_look(block, &found));
    assert_true(shadow_note(block, &note));
    assert_true(shadow_forget(block, &found));
    assert_true(shadow_bytes() > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_is_what_was_noted),
        cmocka_unit_test(sites_end_where_they_do_not_fit),
        cmocka_unit_test(neighbours_do_not_meet),
        cmocka_unit_test(far_addresses_are_unknown),
        cmocka_unit_test(a_forgotten_note_leaves_nothing),
        cmocka_unit_test(noted_blocks_are_found_in_order),
        cmocka_unit_test(sites_are_found_with_what_they_have),
        cmocka_unit_test(only_touched_pages_count_as_resident),
        cmocka_unit_test(without_memory_a_block_is_unknown),
    };
    return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
