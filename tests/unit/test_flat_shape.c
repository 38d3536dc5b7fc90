/* flat_columns.c: the shape of records. */
#include "flat_line.h"
#include "shoal/flat_columns.h"

struct keys {
    char text[64]; /* with a bar behind each */
    size_t most;   /* how many to take */
};

static bool note_key(void *user, const struct flat_string *key) {
    struct keys *keys = user;

    if (keys->most-- == 0) return false;
    strncat(keys->text, (const char *)key->body, (size_t)(key->body_end - key->body));
    strcat(keys->text, "|");
    return true;
}

static void shapes(void **state) {
    static const struct {
        const char *text;
        enum flat_shape shape;
        size_t count;
        const char *keys;
    } cases[] = {
        {"(1, 'a', None)", FLAT_SHAPE_ITEMS, 3, ""},
        {"(1,)", FLAT_SHAPE_ITEMS, 1, ""},
        {" [ b'', nan, - inf, True, ] # four", FLAT_SHAPE_ITEMS, 4, ""},
        {"{'a': 1, \"b\\x63\":2.5 , '' : '' }", FLAT_SHAPE_KEYS, 3, "a|b\\x63||"},
        {"7", FLAT_SHAPE_VALUE, 1, ""},
        {"  '(1, 2)'", FLAT_SHAPE_VALUE, 1, ""},
        {"None", FLAT_SHAPE_VALUE, 1, ""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flat_cursor line = line_of(cases[i].text, strlen(cases[i].text)), cursor = line;
        struct keys keys = {"", 9};
        enum flat_shape shape;
        size_t count;

        assert_true(flat_columns_shape(&cursor, &shape, &count, note_key, &keys));
        assert_int_equal(shape, cases[i].shape);
        assert_int_equal(count, cases[i].count);
        assert_string_equal(keys.text, cases[i].keys);
        assert_ptr_equal(cursor.at, line.at); /* nothing is taken */
        line_end(line);
    }
}

static void what_has_no_shape(void **state) {
    static const char leaf[] = "a number, a string, bytes, True, False or None";
    static const struct {
        const char *text, *expected;
        size_t column;
    } cases[] = {
        {"()", "at least one value", 2},
        {"[ ]", "at least one value", 3},
        {"{}", "at least one value", 2},
        {"", leaf, 1},
        {"(1, (2,))", leaf, 5},
        {"[[1]]", leaf, 2},
        {"...", leaf, 1},
        {"{'a': {}}", leaf, 7},
        {"{1: 2}", "a string as the key", 2},
        {"{b'a': 2}", "a string as the key", 2},
        {"{'a', 2}", "':'", 5},
        {"(1 2)", "',' or the end of the record", 4},
        {"(1,", leaf, 4},
        {"(1]", "',' or the end of the record", 3},
        {"(,)", leaf, 2},
        {"'a", "the closing quote", 3},
        {"(1, nope)", leaf, 5},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flat_cursor line = line_of(cases[i].text, strlen(cases[i].text)), cursor = line;
        struct keys keys = {"", 9};
        enum flat_shape shape;
        size_t count;

        assert_false(flat_columns_shape(&cursor, &shape, &count, note_key, &keys));
        assert_failed(line, cursor, cases[i].column, cases[i].expected);
        line_end(line);
    }
}

static void the_names_may_be_refused(void **state) {
    struct flat_cursor line = line_of("{'a': 1, 'b': 2}", 16), cursor = line;
    struct keys keys = {"", 1};
    enum flat_shape shape;
    size_t count;
    (void)state;

    assert_false(flat_columns_shape(&cursor, &shape, &count, note_key, &keys));
    assert_string_equal(keys.text, "a|");
    line_end(line);
}

static void there_are_at_most_so_many_columns(void **state) {
    size_t size = 2 * (FLAT_MOST_COLUMNS + 1) + 1, count;
    char *text = malloc(size);
    struct flat_cursor line, cursor;
    enum flat_shape shape;
    (void)state;

    assert_non_null(text);
    for (size_t at = 0; at < size; at++) text[at] = at % 2 ? '0' : ',';
    text[0] = '[';
    text[size - 1] = ']';
    cursor = line = line_of(text, size);
    assert_false(flat_columns_shape(&cursor, &shape, &count, note_key, NULL));
    assert_failed(line, cursor, size - 1, "at most 65536 columns");
    line_end(line);

    text[size - 3] = ']';
    cursor = line = line_of(text, size - 2);
    assert_true(flat_columns_shape(&cursor, &shape, &count, note_key, NULL));
    assert_int_equal(count, FLAT_MOST_COLUMNS);
    line_end(line);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(what_has_no_shape),
        cmocka_unit_test(the_names_may_be_refused),
        cmocka_unit_test(there_are_at_most_so_many_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
