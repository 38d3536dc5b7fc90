/* flat_float.cc: the shortest digits, in repr's layout, and exact reading. */
#include "shoal/flat_float.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static void assert_text(double value, const char *expected) {
    char room[FLAT_FLOAT_ROOM], *end = flat_float_write(value, true, room);

    assert_int_equal(end - room, strlen(expected));
    assert_memory_equal(room, expected, strlen(expected));
}

static void layouts(void **state) {
    (void)state;
    assert_text(0.0, "0.0");
    assert_text(-0.0, "-0.0");
    assert_text(1.0, "1.0");
    assert_text(0.5, "0.5");
    assert_text(0.0001, "0.0001");
    assert_text(0.00001, "1e-05");
    assert_text(1.5e-7, "1.5e-07");
    assert_text(123456.789, "123456.789");
    assert_text(1e15, "1000000000000000.0");
    assert_text(1234567890123456.7, "1234567890123456.8");
    assert_text(9999999999999998.0, "9999999999999998.0");
    assert_text(1e16, "1e+16");
    assert_text(-1.2345e100, "-1.2345e+100");
    assert_text(5e-324, "5e-324");
    assert_text(1.7976931348623157e308, "1.7976931348623157e+308");
}

static void parts_of_complex_have_no_point(void **state) {
    char room[FLAT_FLOAT_ROOM];
    (void)state;

    assert_int_equal(flat_float_write(1.0, false, room) - room, 1);
    assert_int_equal(flat_float_write(-0.0, false, room) - room, 2);
    assert_int_equal(flat_float_write(1.5, false, room) - room, 3);
}

/* Any bits: what is written is read as the same, by us and by libc. */
static void random_bits_come_back(void **state) {
    uint64_t bits = 6;
    (void)state;

    for (int i = 0; i < 200000; i++) {
        char room[FLAT_FLOAT_ROOM + 1], *end;
        double value, back;

        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        end = flat_float_write(value, true, room);
        assert_in_range(end - room, 1, FLAT_FLOAT_ROOM);
        *end = '\0';
        assert_true(strtod(room, NULL) == value);
        if (room[0] != '-') {
            assert_int_equal(flat_float_read((unsigned char *)room, (size_t)(end - room), &back),
                             end - room);
            assert_memory_equal(&back, &value, sizeof value);
        }
    }
}

static void reading_says_where_the_number_ends(void **state) {
    static const struct {
        const char *text;
        size_t used;
    } cases[] = {{"1.5,", 3},  {"1.", 2},   {".5)", 2},   {"1e5j", 3},  {"1e", 1},
                 {"1.5e+", 3}, {"12_3", 2}, {"1e400", 5}, {"1e-400", 6}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const unsigned char *text = (const unsigned char *)cases[i].text;
        double value = -1;

        assert_int_equal(flat_float_read(text, strlen(cases[i].text), &value), cases[i].used);
        assert_true(value == strtod(cases[i].text, NULL));
    }
}

/* Digits times a power of ten: as libc reads them, wherever there is an answer, and there
 * is one for all of these but where this build has no quick way at all. */
static void digits_and_an_exponent(void **state) {
    bool can = false;
    uint64_t bits = 7;
    (void)state;

    for (int round = 0; round < 200000; round++) {
        char text[40];
        double value = -1, expected;
        uint64_t digits = 0;
        int exponent = -(round % 31);
        bool told;

        for (int count = round % 19; count >= 0; count--) {
            bits = bits * 6364136223846793005u + 1442695040888963407u;
            digits = digits * 10 + (bits >> 33) % 10;
        }
        snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, exponent);
        expected = strtod(text, NULL);
        told = flat_float_of_digits(digits, exponent, &value);
        if (round == 0) can = told;
        assert_int_equal(told, can);
        if (told) assert_memory_equal(&value, &expected, sizeof value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),
        cmocka_unit_test(parts_of_complex_have_no_point),
        cmocka_unit_test(random_bits_come_back),
        cmocka_unit_test(reading_says_where_the_number_ends),
        cmocka_unit_test(digits_and_an_exponent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
