/* flat_scan.c: tokens, names and columns. */
#include "flat_line.h"

static enum flat_token token_of(const char *text) {
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;
    enum flat_token token = flat_peek(&cursor);

    line_end(line);
    return token;
}

static void tokens_by_what_they_begin_with(void **state) {
    (void)state;
    assert_int_equal(token_of(""), FLAT_END);
    assert_int_equal(token_of(" \t\f"), FLAT_END);
    assert_int_equal(token_of("  # 1"), FLAT_END);
    assert_int_equal(token_of("1"), FLAT_NUMBER);
    assert_int_equal(token_of("+"), FLAT_NUMBER);
    assert_int_equal(token_of("."), FLAT_NUMBER);
    assert_int_equal(token_of(".."), FLAT_NUMBER);
    assert_int_equal(token_of("..."), FLAT_POINTS);
    assert_int_equal(token_of("b"), FLAT_NAME);
    assert_int_equal(token_of("br"), FLAT_NAME);
    assert_int_equal(token_of("b'"), FLAT_STRING);
    assert_int_equal(token_of("Rb\""), FLAT_STRING);
    assert_int_equal(token_of("u'"), FLAT_STRING);
    assert_int_equal(token_of("ub'"), FLAT_NAME);
    assert_int_equal(token_of("bb'"), FLAT_NAME);
    assert_int_equal(token_of("f'"), FLAT_NAME);
    assert_int_equal(token_of("\xc3\xa9"), FLAT_WRONG);
    assert_int_equal(token_of("*"), FLAT_WRONG);
    assert_int_equal(token_of(" ("), FLAT_OPEN_TUPLE);
    assert_int_equal(token_of("]"), FLAT_CLOSE_LIST);
    assert_int_equal(token_of(":"), FLAT_COLON);
}

static void names_are_whole_words(void **state) {
    static const struct {
        const char *text;
        int name; /* -1: none */
    } cases[] = {
        {"None", FLAT_NAME_NONE},
        {"True,", FLAT_NAME_TRUE},
        {"False]", FLAT_NAME_FALSE},
        {"Ellipsis", FLAT_NAME_ELLIPSIS},
        {"...", FLAT_NAME_ELLIPSIS},
        {"set(", FLAT_NAME_SET},
        {"frozenset (", FLAT_NAME_FROZENSET},
        {"None1", -1},
        {"Non", -1},
        {"none", -1},
        {"None\xc3\xa9", -1},
        {"sets", -1},
        {"", -1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flat_cursor line = line_of(cases[i].text, strlen(cases[i].text)), cursor = line;
        enum flat_name name;

        assert_int_equal(flat_scan_name(&cursor, &name), cases[i].name >= 0);
        if (cases[i].name >= 0)
            assert_int_equal(name, cases[i].name);
        else
            assert_failed(line, cursor, 1, "a value");
        line_end(line);
    }
}

static void one_character_is_taken_with_the_space_before_it(void **state) {
    struct flat_cursor line = line_of("  (]", 4), cursor = line;
    (void)state;

    assert_true(flat_take(&cursor, '(', "'('"));
    assert_false(flat_take(&cursor, ')', "')'"));
    assert_failed(line, cursor, 4, "')'");
    cursor.at++;
    assert_false(flat_take(&cursor, ')', "')'"));
    assert_failed(line, cursor, 5, "')'");
    line_end(line);
}

static void columns_are_characters(void **state) {
    const unsigned char *text = (const unsigned char *)"a\xc3\xa9\xf0\x9f\x98\x80z\xff\xc3";
    (void)state;

    assert_int_equal(flat_column(text, text), 1);
    assert_int_equal(flat_column(text, text + 1), 2);
    assert_int_equal(flat_column(text, text + 3), 3);
    assert_int_equal(flat_column(text, text + 7), 4);
    assert_int_equal(flat_column(text, text + 8), 5);
    assert_int_equal(flat_column(text, text + 10), 7);
}

static bool is_blank(const char *text) {
    const unsigned char *line = (const unsigned char *)text;

    return flat_is_blank(line, line + strlen(text));
}

static void blank_lines_and_comments(void **state) {
    (void)state;
    assert_true(is_blank(""));
    assert_true(is_blank(" \t"));
    assert_true(is_blank(" # 1"));
    assert_false(is_blank("1 # 1"));
    assert_false(is_blank("'#'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_by_what_they_begin_with),
        cmocka_unit_test(names_are_whole_words),
        cmocka_unit_test(one_character_is_taken_with_the_space_before_it),
        cmocka_unit_test(columns_are_characters),
        cmocka_unit_test(blank_lines_and_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
