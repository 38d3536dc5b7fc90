/* flat_column.c and flat_column.h: texts and bytes in a column, in UTF-8. */
#include "flat_table.h"

static void texts_are_end_to_end(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    put(&table, "'one'");
    put(&table, "\"\"");
    put(&table, "'it\\'s \"'");
    assert_memory_equal(table.columns->ends, ((int32_t[]){0, 3, 3, 9}), 4 * sizeof(int32_t));
    assert_memory_equal(table.columns->text, "oneit's \"", 9);
    assert_int_equal(table.columns->text_size, 9);
    assert_int_equal(table.text_size, 9);
    table_drop(&table);
}

static void texts_are_utf8_whatever_their_spelling(void **state) {
    static const struct {
        const char *text, *utf8;
        size_t size;
    } cases[] = {
        {"'\xc3\xa9'", "\xc3\xa9", 2},
        {"'\\xe9'", "\xc3\xa9", 2},
        {"'\\u20ac'", "\xe2\x82\xac", 3},
        {"'\\U0001f600x'", "\xf0\x9f\x98\x80x", 5},
        {"'\\ud7ff\\ue000'", "\xed\x9f\xbf\xee\x80\x80", 6},
        {"'\\uffff\xed\x9f\xbf'", "\xef\xbf\xbf\xed\x9f\xbf", 6},
        {"r'\\ud800'", "\\ud800", 6},
        {"'a\\\\'", "a\\", 2},
        {"'\\0'", "\0", 1},
    };
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        put(&table, cases[i].text);
        assert_text_at(table.columns, i, cases[i].utf8, cases[i].size);
    }
    table_drop(&table);
}

static void what_is_no_utf8_is_refused(void **state) {
    static const char lone[] = "a str without lone surrogates";
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    assert_refused(&table, "'\\ud800'", 1, lone);
    assert_refused(&table, " '\\ud7ff\xed\x9f\xbf\\udfff'", 2, lone);
    assert_refused(&table, "'\\ud83d\\ude00'", 1, lone); /* a pair is no character, in Python */
    assert_refused(&table, "'a\xed\xa0\x80'", 3, "valid UTF-8");
    assert_refused(&table, "'a\xff'", 3, "valid UTF-8");
    assert_refused(&table, "'\\N{DASH}'", 2, "an escape other than \\N");
    assert_int_equal(table.columns->text_size, 0);
    table_drop(&table);
}

static void bytes_are_as_they_are(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    put(&table, "b'\\xed\\xa0\\x80\\377'");
    put(&table, "b'plain'");
    assert_text_at(table.columns, 0, "\xed\xa0\x80\xff", 4);
    assert_text_at(table.columns, 1, "plain", 5);
    assert_refused(&table, "b'\xc3\xa9'", 3, "an ASCII character, or an escape");
    table_drop(&table);
}

static void padded_texts_do_not_end_in_nul(void **state) {
    static const char expected[] = "a text that does not end in NUL, which NumPy takes away";
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    table.columns->padded = true;
    put(&table, "''");
    put(&table, "'a\\0b'");
    assert_refused(&table, "'a\\0'", 1, expected);
    assert_refused(&table, "'\\x00'", 1, expected);
    assert_text_at(table.columns, 1, "a\0b", 3);
    table.columns->padded = false;
    put(&table, "'a\\0'");
    assert_text_at(table.columns, 2, "a\0", 2);
    table_drop(&table);
}

static void a_given_width_is_in_bytes(void **state) {
    static const char expected[] = "a text no longer than the schema allows, in UTF-8 bytes";
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    give(table.columns, FLAT_KIND_TEXT, false, 3);
    put(&table, "'abc'");
    put(&table, "'\\u20ac'");
    assert_refused(&table, "'abcd'", 1, expected);
    assert_refused(&table, "'\\u20ac!'", 1, expected);
    assert_refused(&table, "b'abc'", 1, "a str");
    assert_int_equal(table.columns->longest, 3);
    table_drop(&table);
}

/* Whether texts of these lengths are told from each other, and the longest. */
static void assert_lengths(const char *const *texts, bool uneven, size_t longest) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);

    for (; *texts != NULL; texts++) put(&table, *texts);
    assert_int_equal(table.columns->uneven, uneven);
    assert_int_equal(table.columns->longest, longest);
    table_drop(&table);
}

static void whether_all_are_equally_long(void **state) {
    (void)state;
    assert_lengths((const char *[]){"''", NULL}, false, 0);
    assert_lengths((const char *[]){"'ab'", "'cd'", NULL}, false, 2);
    assert_lengths((const char *[]){"''", "'a'", NULL}, true, 1);
    assert_lengths((const char *[]){"'a'", "''", NULL}, true, 1);
    assert_lengths((const char *[]){"'a'", "'abc'", "'abc'", NULL}, true, 3);
}

static void no_memory_is_told_from_a_wrong_line(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    table.make_room = make_no_room;
    assert_refused(&table, "1j", 1, "a number, a str, bytes, True, False or None");
    assert_false(table.no_memory);
    assert_refused(&table, "'a'", 1, "less");
    assert_true(table.no_memory);

    table.no_memory = false;
    table.columns->fill = (struct flat_value){
        .kind = FLAT_KIND_TEXT, .bytes = (const unsigned char *)"n/a", .size = 3};
    assert_refused(&table, "None", 1, "less");
    assert_true(table.no_memory);
    table_drop(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_end_to_end),
        cmocka_unit_test(texts_are_utf8_whatever_their_spelling),
        cmocka_unit_test(what_is_no_utf8_is_refused),
        cmocka_unit_test(bytes_are_as_they_are),
        cmocka_unit_test(padded_texts_do_not_end_in_nul),
        cmocka_unit_test(a_given_width_is_in_bytes),
        cmocka_unit_test(whether_all_are_equally_long),
        cmocka_unit_test(no_memory_is_told_from_a_wrong_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
