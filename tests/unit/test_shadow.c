/* shadow.c: notes beside every 16 bytes. */
#include "profile/shadow.h"

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
        cmocka_unit_test(without_memory_a_block_is_unknown),
    };
    return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
