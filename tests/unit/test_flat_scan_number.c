/* flat_scan_number.c: numbers of all kinds, and what is none. */
#include <math.h>

#include "flat_line.h"

/* Scans all of a text as one number. */
static struct flat_number number_of(const char *text) {
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;
    struct flat_number number;

    assert_int_equal(flat_peek(&cursor) == FLAT_NUMBER || flat_is_number_name(&cursor), true);
    if (!flat_scan_number(&cursor, &number)) fail_msg("%s: expected %s", text, cursor.expected);
    assert_ptr_equal(cursor.at, cursor.end);
    number.digits = number.digits_end = NULL;
    line_end(line);
    return number;
}

static void assert_int64(const char *text, int64_t expected) {
    struct flat_number number = number_of(text);
    int64_t value;

    assert_true(flat_number_int64(&number, &value));
    assert_int_equal(value, expected);
}

static void small_integers(void **state) {
    (void)state;
    assert_int64("0", 0);
    assert_int64("-0", 0);
    assert_int64("00_0", 0);
    assert_int64("7", 7);
    assert_int64("12345678", 12345678);
    assert_int64("123456789", 123456789);
    assert_int64("1234567890123456", 1234567890123456);
    assert_int64("- 12", -12);
    assert_int64("+12", 12);
    assert_int64("1_000_000", 1000000);
    assert_int64("0xFf", 255);
    assert_int64("-0b_1_1", -3);
    assert_int64("0o17", 15);
    assert_int64("9223372036854775807", INT64_MAX);
    assert_int64("-9223372036854775808", INT64_MIN);
}

static void every_length_of_digits(void **state) {
    char text[20] = "";
    int64_t expected = 0;
    (void)state;

    for (int length = 1; length <= 18; length++) {
        text[length - 1] = (char)('0' + length % 10);
        expected = expected * 10 + length % 10;
        assert_int64(text, expected);
    }
}

static void the_edges_of_64_bits(void **state) {
    struct flat_number number = number_of("18446744073709551615");
    int64_t value;
    (void)state;

    assert_int_equal(number.kind, FLAT_INT);
    assert_true(number.magnitude == UINT64_MAX);
    assert_false(flat_number_int64(&number, &value));
    number = number_of("9223372036854775808");
    assert_false(flat_number_int64(&number, &value));
    number = number_of("-9223372036854775809");
    assert_false(flat_number_int64(&number, &value));
    assert_int_equal(number_of("18446744073709551616").kind, FLAT_BIG_INT);
    assert_int_equal(number_of("28446744073709551615").kind, FLAT_BIG_INT);
    assert_int_equal(number_of("0x1_0000_0000_0000_0000").kind, FLAT_BIG_INT);
    assert_int_equal(number_of("0xffff_ffff_ffff_ffff").kind, FLAT_INT);
}

static void big_integers_say_where_their_digits_are(void **state) {
    const char *text = "-1_23456789012345678901234567890";
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;
    struct flat_number number;
    (void)state;

    assert_true(flat_scan_number(&cursor, &number));
    assert_int_equal(number.kind, FLAT_BIG_INT);
    assert_true(number.negative);
    assert_ptr_equal(number.digits, line.at + 1);
    assert_ptr_equal(number.digits_end, line.end);
    assert_int_equal(number.digit_count, 30);
    assert_int_equal(number.base, 10);
    line_end(line);
}

static void assert_float(const char *text, double expected) {
    struct flat_number number = number_of(text);

    assert_int_equal(number.kind, FLAT_FLOAT);
    assert_memory_equal(&number.real, &expected, sizeof expected);
}

static void floats(void **state) {
    (void)state;
    assert_float("0.0", 0.0);
    assert_float("-0.0", -0.0);
    assert_float("1.", 1.0);
    assert_float(".5", 0.5);
    assert_float("1e3", 1000.0);
    assert_float("1E+3", 1000.0);
    assert_float("007.5e-1", 0.75);
    assert_float("1_0.2_5e1_0", 10.25e10);
    assert_float("5e-324", 5e-324);
    assert_float("1.7976931348623157e308", 1.7976931348623157e308);
    assert_float("1e999", INFINITY);
    assert_float("-1e400", -INFINITY);
    assert_float("1e-400", 0.0);
    assert_float("inf", INFINITY);
    assert_true(isnan(number_of("nan").real));
    assert_true(isnan(number_of("-nan").real));
}

static void assert_complex(const char *text, double real, double imaginary) {
    struct flat_number number = number_of(text);

    assert_int_equal(number.kind, FLAT_COMPLEX);
    assert_memory_equal(&number.real, &real, sizeof real);
    assert_memory_equal(&number.imaginary, &imaginary, sizeof imaginary);
}

static void complex_numbers(void **state) {
    (void)state;
    assert_complex("2j", 0.0, 2.0);
    assert_complex("-2J", 0.0, -2.0);
    assert_complex("007j", 0.0, 7.0);
    assert_complex("1+2j", 1.0, 2.0);
    assert_complex("-0-0j", -0.0, -0.0);
    assert_complex("1.5 - .5j", 1.5, -0.5);
    assert_complex("inf-1e999j", INFINITY, -INFINITY);
    assert_complex("18446744073709551616+1j", 18446744073709551616.0, 1.0);
    assert_complex("1_8446744073709551616+1_0j", 18446744073709551616.0, 10.0);
}

static void what_is_no_number(void **state) {
    static const struct {
        const char *text, *expected;
        size_t column;
    } cases[] = {
        {"-", "a digit", 2},
        {"--1", "a digit", 2},
        {".", "a digit", 1},
        {"..", "a digit", 1},
        {"1_", "a digit", 3},
        {"1__0", "a digit", 3},
        {"1_.5", "a digit", 3},
        {"1._5", "a digit or the end of the number", 3},
        {"1e", "a digit", 3},
        {"1e-", "a digit", 4},
        {"0x", "a digit", 3},
        {"0b2", "a digit", 3},
        {"1+", "a digit", 3},
        {"1+2", "'j'", 4},
        {"01", "an integer without leading zeros", 1},
        {"0xg", "a digit", 3},
        {"1x", "a digit or the end of the number", 2},
        {"1jj", "a digit or the end of the number", 3},
        {"1.5.", "a digit or the end of the number", 4},
        {"1\xc3\xa9", "a digit or the end of the number", 2},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flat_cursor line = line_of(cases[i].text, strlen(cases[i].text)), cursor = line;
        struct flat_number number;

        assert_false(flat_scan_number(&cursor, &number));
        assert_failed(line, cursor, cases[i].column, cases[i].expected);
        line_end(line);
    }
}

static void floats_have_a_longest(void **state) {
    char text[FLAT_LONGEST_FLOAT + 3] = "1.";
    (void)state;

    memset(text + 2, '3', FLAT_LONGEST_FLOAT);
    for (size_t size = FLAT_LONGEST_FLOAT; size <= FLAT_LONGEST_FLOAT + 1; size++) {
        struct flat_cursor line = line_of(text, size), cursor = line;
        struct flat_number number;
        bool fits = flat_scan_number(&cursor, &number);

        assert_int_equal(fits, size == FLAT_LONGEST_FLOAT);
        if (!fits) assert_failed(line, cursor, 1, "a float of at most 1024 characters");
        line_end(line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_integers),
        cmocka_unit_test(every_length_of_digits),
        cmocka_unit_test(the_edges_of_64_bits),
        cmocka_unit_test(big_integers_say_where_their_digits_are),
        cmocka_unit_test(floats),
        cmocka_unit_test(complex_numbers),
        cmocka_unit_test(what_is_no_number),
        cmocka_unit_test(floats_have_a_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
