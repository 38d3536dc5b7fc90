/* flat_scan_string.c: literals, their escapes and their UTF-8. */
#include "flat_line.h"

/* Scans a literal and checks its code points, as UTF-32, and its UTF-8. */
static void assert_string(const char *text, const char *utf8, size_t size, size_t length) {
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;
    struct flat_string string;
    struct flat_text measured;
    unsigned char room[200];
    uint32_t points[100];
    uint32_t widest = 0;

    assert_true(flat_scan_string(&cursor, &string));
    assert_ptr_equal(cursor.at, cursor.end);
    assert_true(flat_string_measure(&cursor, &string, &measured));
    assert_int_equal(measured.length, length);
    flat_string_write(&string, points, 4);
    for (size_t i = 0; i < length; i++)
        if (points[i] > widest) widest = points[i];
    assert_in_range(measured.widest, widest, widest < 0x80 ? 0x7f : widest);
    assert_int_equal(flat_string_write_utf8(&string, room), size);
    assert_memory_equal(room, utf8, size);
    if (measured.widest <= 0xff) {
        flat_string_write(&string, room, 1);
        for (size_t i = 0; i < length; i++) assert_int_equal(room[i], points[i]);
    }
    line_end(line);
}

static void plain_strings_of_every_length(void **state) {
    char text[40];
    (void)state;

    for (int length = 0; length <= 30; length++) {
        text[0] = text[length + 1] = '\'';
        memset(text + 1, 'x', (size_t)length);
        text[length + 2] = '\0';
        assert_string(text, text + 1, (size_t)length, (size_t)length);
    }
}

static void the_other_quote_is_plain(void **state) {
    (void)state;
    assert_string("\"it's\"", "it's", 4, 4);
    assert_string("'a\"b'", "a\"b", 3, 3);
}

static void escapes(void **state) {
    (void)state;
    assert_string("'\\\\\\'\\\"\\a\\b\\f\\n\\r\\t\\v'", "\\'\"\a\b\f\n\r\t\v", 10, 10);
    assert_string("'\\x41\\u00e9\\U0001f600'", "A\xc3\xa9\xf0\x9f\x98\x80", 7, 3);
    assert_string("'\\ud800'", "\xed\xa0\x80", 3, 1);
    assert_string("'\\0\\18\\101\\777'",
                  "\0\001"
                  "8A\xc7\xbf",
                  6, 5);
    assert_string("'\\d\\ '", "\\d\\ ", 4, 4);
    assert_string("b'\\xff\\u0041\\777'", "\xff\\u0041\xff", 8, 8);
    assert_string("r'\\n\\''", "\\n\\'", 4, 4);
    assert_string("'\\\xc3\xa9'", "\\\xc3\xa9", 3, 2);
}

static void utf8(void **state) {
    (void)state;
    assert_string("'\xc3\xa9'", "\xc3\xa9", 2, 1);
    assert_string("'abcdefgh\xe2\x82\xac'", "abcdefgh\xe2\x82\xac", 11, 9);
    assert_string("'\xf4\x8f\xbf\xbf'", "\xf4\x8f\xbf\xbf", 4, 1);
}

static void what_is_not_closed(void **state) {
    static const char *const cases[] = {"'", "'a", "'a\\", "'a\\'", "\"'", "'0123456\\"};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flat_cursor line = line_of(cases[i], strlen(cases[i])), cursor = line;
        struct flat_string string;

        assert_false(flat_scan_string(&cursor, &string));
        assert_failed(line, cursor, strlen(cases[i]) + 1, "the closing quote");
        line_end(line);
    }
}

static void what_is_no_text(void **state) {
    static const struct {
        const char *text, *expected;
        size_t column;
    } cases[] = {
        {"'\\x4'", "a hexadecimal digit", 5},
        {"'\\x'", "a hexadecimal digit", 4},
        {"'\\u004'", "a hexadecimal digit", 7},
        {"'\\U00110000'", "a code point up to 10ffff", 4},
        {"'a\\N{DASH}'", "an escape other than \\N", 3},
        {"'a\xff'", "valid UTF-8", 3},
        {"'\xc3'", "valid UTF-8", 2},
        {"'\xc3\xa9\x80'", "valid UTF-8", 3},
        {"'\xc0\xaf'", "valid UTF-8", 2},
        {"'\xe0\x80\xaf'", "valid UTF-8", 2},
        {"'\xed\xa0\x80'", "valid UTF-8", 2},
        {"'\xf4\x90\x80\x80'", "valid UTF-8", 2},
        {"b'a\xc3\xa9'", "an ASCII character, or an escape", 4},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flat_cursor line = line_of(cases[i].text, strlen(cases[i].text)), cursor = line;
        struct flat_string string;
        struct flat_text text;

        assert_true(flat_scan_string(&cursor, &string));
        assert_false(flat_string_measure(&cursor, &string, &text));
        assert_failed(line, cursor, cases[i].column, cases[i].expected);
        line_end(line);
    }
}

static void the_first_stop_is_found_at_every_place(void **state) {
    (void)state;
    for (size_t place = 1; place < 30; place++) {
        char text[40];
        struct flat_cursor line, cursor;
        struct flat_string string;

        memset(text, 'x', sizeof text);
        text[0] = text[place] = '\'';
        if (place + 1 < sizeof text) text[place + 1] = '\xff'; /* behind: not looked at */
        line = cursor = line_of(text, sizeof text);
        assert_true(flat_scan_string(&cursor, &string));
        assert_int_equal(string.body_end - string.body, place - 1);
        assert_true(string.is_ascii);
        assert_false(string.has_escapes);
        line_end(line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_strings_of_every_length),
        cmocka_unit_test(the_other_quote_is_plain),
        cmocka_unit_test(escapes),
        cmocka_unit_test(utf8),
        cmocka_unit_test(what_is_not_closed),
        cmocka_unit_test(what_is_no_text),
        cmocka_unit_test(the_first_stop_is_found_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
