/* interpreters.c: the tables of interpreters beside the main one. */
#include "inspect/interpreters.h"

#include "unit.h"

#include "inspect/arena_table.h"
#include "python_image.h"

static const uint64_t ARENAS_AT = 0x7f1000000000;
enum { ARENA = 1 << 20 };

static struct python_image python;
static uint64_t tables[INTERPRETERS_MAX], expected[4];

static size_t find(void) {
    for (size_t i = 0; i < REMOTE_CACHE; i++) python.remote.cache[i].page = 0;
    return interpreters_tables(&python.remote, &python.image.maps, python.layout,
                               python.data + 4096, tables);
}

static void begin(int minor, int others) {
    python_image_init(&python, minor);
    python_table(&python);
    for (int i = 0; i < others; i++) {
        python_interpreter(&python);
        expected[i] = python.table;
    }
}

static void the_tables_of_all_are_found(void **state) {
    (void)state;
    for (int minor = 12; minor <= PYTHON_NEWEST; minor++)
        for (int others = 0; others <= 3; others++) {
            begin(minor, others);
            assert_int_equal(find(), others);
            for (int i = 0; i < others; i++) assert_int_equal(tables[i], expected[others - 1 - i]);
            python_image_end(&python);
        }
}

static void older_versions_have_one_for_all(void **state) {
    (void)state;
    for (int minor = 9; minor <= 11; minor++) {
        begin(minor, 2);
        assert_int_equal(find(), 0);
        python_image_end(&python);
    }
}

static void their_arenas_are_counted_with_the_others(void **state) {
    struct arena_table table;
    (void)state;
    for (int minor = 12; minor <= PYTHON_NEWEST; minor++) {
        begin(minor, 0);
        python_arena(&python, 0, ARENAS_AT, 1);
        python_arena(&python, 1, ARENAS_AT + ARENA, 1);
        python_arena(&python, 2, ARENAS_AT + 2 * ARENA, 1);
        for (uint32_t i = 0; i < 2; i++) {
            python_interpreter(&python);
            python_arena(&python, 0, ARENAS_AT + (8 + i) * ARENA, 1);
        }
        assert_true(arena_table_find(&table, &python.remote, &python.image.maps, python.layout));
        assert_int_equal(table.count, 5);
        assert_int_equal(table.arenas[4].start, ARENAS_AT + 9 * ARENA);
        assert_int_equal(table.arenas[4].index, 0);
        arena_table_end(&table);
        python_image_end(&python);
    }
}

/* One that shares the main one's arenas has no table, or the main one's state. */
static void those_that_share_are_passed_over(void **state) {
    (void)state;
    begin(12, 2);
    image_put_word(&python.image, python.newest + 4096 - 1024, 0);
    assert_int_equal(find(), 1);
    assert_int_equal(tables[0], expected[0]);
    python_image_end(&python);
    begin(13, 2);
    image_put_word(&python.image, python.newest + 40, python.data + 4096 - 512);
    assert_int_equal(find(), 1);
    assert_int_equal(tables[0], expected[0]);
    python_image_end(&python);
}

static void a_build_without_the_lock_says_so(void **state) {
    (void)state;
    begin(13, 1);
    assert_false(interpreters_are_free_threaded(&python.remote, &python.image.maps));
    image_put_word(&python.image, python.data + 64 + 16, 1);
    for (size_t i = 0; i < REMOTE_CACHE; i++) python.remote.cache[i].page = 0;
    assert_true(interpreters_are_free_threaded(&python.remote, &python.image.maps));
    python_image_end(&python);
    begin(12, 1);
    assert_false(interpreters_are_free_threaded(&python.remote, &python.image.maps));
    python_image_end(&python);
}

static void a_list_without_end_ends(void **state) {
    (void)state;
    for (int minor = 12; minor <= PYTHON_NEWEST; minor++) {
        begin(minor, 3);
        image_put_word(&python.image, python.newest + (minor == 12 ? 0 : 24), python.newest);
        uint64_t looks = python.remote.looks_left;
        assert_int_equal(find(), 0);
        assert_true(looks - python.remote.looks_left < 1 << 20);
        python_image_end(&python);
    }
}

static void offsets_that_are_none_are_not_believed(void **state) {
    static const uint64_t values[] = {1ull << 23, UINT64_MAX, 1ull << 63, 4097};
    (void)state;
    for (size_t field = 5; field < 9; field++)
        for (size_t i = 0; i < COUNT_OF(values); i++) {
            begin(13, 1);
            image_put_word(&python.image, python.data + 64 + field * 8, values[i]);
            find(); /* what comes of it is not to be counted on; that it comes is */
            python_image_end(&python);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_of_all_are_found),
        cmocka_unit_test(older_versions_have_one_for_all),
        cmocka_unit_test(their_arenas_are_counted_with_the_others),
        cmocka_unit_test(those_that_share_are_passed_over),
        cmocka_unit_test(a_build_without_the_lock_says_so),
        cmocka_unit_test(a_list_without_end_ends),
        cmocka_unit_test(offsets_that_are_none_are_not_believed),
    };
    return cmocka_run_group_tests_name("interpreters", tests, NULL, NULL);
}
