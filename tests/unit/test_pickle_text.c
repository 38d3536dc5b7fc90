/* pickle_text.c: UTF-8 and the escaped form. */
#include "shoal/pickle_text.h"

#include "unit.h"

static void assert_written(struct shoal_text text, const char *utf8, size_t utf8_size,
                           const char *escaped) {
    unsigned char room[100];

    assert_int_equal(shoal_utf8_length(text), utf8_size);
    assert_ptr_equal(shoal_utf8_write(text, room), room + utf8_size);
    assert_memory_equal(room, utf8, utf8_size);
    assert_int_equal(shoal_escaped_length(text), strlen(escaped));
    assert_ptr_equal(shoal_escaped_write(text, room), room + strlen(escaped));
    assert_memory_equal(room, escaped, strlen(escaped));
}

static void one_byte(void **state) {
    const uint8_t points[] = {'a', 0x7f, 0x80, 0xff};
    (void)state;

    assert_written((struct shoal_text){points, 4, 1}, "a\x7f\xc2\x80\xc3\xbf", 6, "a\x7f\x80\xff");
}

static void two_bytes(void **state) {
    const uint16_t points[] = {'a', 0x7ff, 0x800, 0xd800, 0xffff};
    (void)state;

    assert_written((struct shoal_text){points, 5, 2},
                   "a\xdf\xbf\xe0\xa0\x80\xed\xa0\x80\xef\xbf\xbf", 12,
                   "a\\u07ff\\u0800\\ud800\\uffff");
}

static void four_bytes(void **state) {
    const uint32_t points[] = {0x10000, 'z', 0x10ffff};
    (void)state;

    assert_written((struct shoal_text){points, 3, 4}, "\xf0\x90\x80\x80z\xf4\x8f\xbf\xbf", 9,
                   "\\U00010000z\\U0010ffff");
}

static void what_ends_a_line_is_escaped(void **state) {
    const uint8_t points[] = {'\\', '\0', '\n', '\r', 0x1a, '\t'};
    (void)state;

    assert_written((struct shoal_text){points, 6, 1}, "\\\0\n\r\x1a\t", 6,
                   "\\u005c\\u0000\\u000a\\u000d\\u001a\t");
}

static void ascii_is_told_at_every_place(void **state) {
    unsigned char bytes[40];
    (void)state;

    for (size_t size = 0; size <= sizeof bytes; size++) {
        memset(bytes, 'a', sizeof bytes);
        assert_true(shoal_is_ascii(bytes, size));
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = 0x80;
            assert_int_equal(shoal_is_ascii(bytes, size), i >= size);
            bytes[i] = 'a';
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte),
        cmocka_unit_test(two_bytes),
        cmocka_unit_test(four_bytes),
        cmocka_unit_test(what_ends_a_line_is_escaped),
        cmocka_unit_test(ascii_is_told_at_every_place),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
