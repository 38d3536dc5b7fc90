/* flat_output.c, flat_output_text.c: numbers and strings as repr writes them. */
#include "shoal/flat_output.h"

#include <math.h>
#include <stdio.h>

#include "unit.h"

enum { ROOM = 2000 };

static unsigned char buffer[ROOM];
static size_t allowed; /* bytes that make_room gives out in all */

static bool make_room(struct flat_output *output, size_t more) {
    if ((size_t)(output->at - output->start) + more > allowed) return false;
    output->end = output->start + allowed;
    return true;
}

/* A Unicode of our own: printable is what is even. */
static bool is_printable(uint32_t point) { return point % 2 == 0; }

static struct flat_output fresh(size_t room) {
    allowed = room;
    return (struct flat_output){buffer, buffer, buffer, make_room, is_printable};
}

static void assert_output(const struct flat_output *output, const char *expected) {
    assert_int_equal(output->at - output->start, strlen(expected));
    assert_memory_equal(buffer, expected, strlen(expected));
}

static void integers(void **state) {
    static const struct {
        uint64_t magnitude;
        const char *text;
    } cases[] = {{0, "0"},
                 {9, "9"},
                 {10, "10"},
                 {99999999, "99999999"},
                 {100000000, "100000000"},
                 {12345678901234567u, "12345678901234567"},
                 {UINT64_MAX, "18446744073709551615"}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flat_output output = fresh(ROOM);

        assert_true(flat_put_int(&output, false, cases[i].magnitude));
        assert_output(&output, cases[i].text);
    }
    for (uint64_t power = 1, i = 1; i < 20; i++, power *= 10) {
        struct flat_output output = fresh(ROOM);
        char text[30];

        snprintf(text, sizeof text, "-%llu", (unsigned long long)power - (i > 1));
        assert_true(flat_put_int(&output, true, power - (i > 1)));
        assert_output(&output, text);
    }
}

static void floats_without_a_literal(void **state) {
    struct flat_output output = fresh(ROOM);
    (void)state;

    assert_true(flat_put_float(&output, INFINITY) && flat_put_byte(&output, ' ') &&
                flat_put_float(&output, -INFINITY) && flat_put_byte(&output, ' ') &&
                flat_put_float(&output, -(double)NAN) && flat_put_byte(&output, ' ') &&
                flat_put_float(&output, 1e16) && flat_put_byte(&output, ' ') &&
                flat_put_float(&output, -0.0));
    assert_output(&output, "1e999 -1e999 nan 1e+16 -0.0");
}

static void assert_complex(double real, double imaginary, const char *expected) {
    struct flat_output output = fresh(ROOM);

    assert_true(flat_put_complex(&output, real, imaginary));
    assert_output(&output, expected);
}

static void complex_numbers(void **state) {
    (void)state;
    assert_complex(0.0, 2.0, "2j");
    assert_complex(0.0, -2.5, "-2.5j");
    assert_complex(-0.0, 2.0, "(-0+2j)");
    assert_complex(1.0, -0.0, "(1-0j)");
    assert_complex(1e16, 1e-5, "(1e+16+1e-05j)");
    assert_complex(NAN, NAN, "(nan+nanj)");
    assert_complex(0.0, -INFINITY, "-1e999j");
}

static void assert_text(const void *points, size_t length, unsigned width, const char *expected) {
    struct flat_output output = fresh(ROOM);

    assert_true(flat_put_text(&output, (struct shoal_text){points, length, width}));
    assert_output(&output, expected);
}

static void quotes(void **state) {
    (void)state;
    assert_text("", 0, 1, "''");
    assert_text("it's", 4, 1, "\"it's\"");
    assert_text("a\"b", 3, 1, "'a\"b'");
    assert_text("'\"", 2, 1, "'\\'\"'");
}

static void what_is_escaped(void **state) {
    const uint16_t two[] = {0x100, 0x101, 0xd801};
    const uint32_t four[] = {0x10000, 0x10001};
    (void)state;

    assert_text("\\\t\n\r", 4, 1, "'\\\\\\t\\n\\r'");
    assert_text("\0\x1f\x7f ~", 5, 1, "'\\x00\\x1f\\x7f ~'");
    assert_text("\x80\x81\xfe", 3, 1, "'\xc2\x80\\x81\xc3\xbe'");
    assert_text(two, 3, 2, "'\xc4\x80\\u0101\\ud801'");
    assert_text(four, 2, 4, "'\xf0\x90\x80\x80\\U00010001'");
}

static void a_special_byte_is_seen_at_every_place(void **state) {
    static const char special[] = {'\'', '\\', 0x1f, 0x7f};
    (void)state;

    for (size_t kind = 0; kind < sizeof special; kind++) {
        for (size_t place = 0; place < 30; place++) {
            static const char *const shown[] = {"'", "\\\\", "\\x1f", "\\x7f"};
            char text[30], expected[100];
            const char *quote = special[kind] == '\'' ? "\"" : "'";

            memset(text, 'x', sizeof text);
            text[place] = special[kind];
            snprintf(expected, sizeof expected, "%s%.*s%s%.*s%s", quote, (int)place, text,
                     shown[kind], (int)(29 - place), text + place + 1, quote);
            assert_text(text, sizeof text, 1, expected);
        }
    }
}

static void long_text_is_escaped_in_pieces(void **state) {
    char text[200], expected[500] = "'";
    (void)state;

    memset(text, '\n', sizeof text);
    for (int i = 0; i < 200; i++) strcat(expected, "\\n");
    strcat(expected, "'");
    assert_text(text, sizeof text, 1, expected);
}

static void bytes(void **state) {
    struct flat_output output = fresh(ROOM);
    (void)state;

    assert_true(flat_put_bytes(&output, (const unsigned char *)"a'\"\\\n\0\xff", 7));
    assert_output(&output, "b'a\\'\"\\\\\\n\\x00\\xff'");
    output = fresh(ROOM);
    assert_true(flat_put_bytes(&output, (const unsigned char *)"it's", 4));
    assert_output(&output, "b\"it's\"");
}

static void without_room_nothing_is_written_beyond(void **state) {
    (void)state;
    for (size_t room = 0; room < 60; room++) {
        struct flat_output output = fresh(room);
        struct shoal_text text = {"it's a \n string of letters, more than one", 41, 1};

        memset(buffer, 0x55, sizeof buffer);
        (void)(flat_put_int(&output, true, 12345) && flat_put_float(&output, 0.5) &&
               flat_put_text(&output, text) && flat_put_bytes(&output, text.points, 20));
        assert_true(output.at <= output.start + room);
        for (size_t i = room; i < sizeof buffer; i++) assert_int_equal(buffer[i], 0x55);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(floats_without_a_literal),
        cmocka_unit_test(complex_numbers),
        cmocka_unit_test(quotes),
        cmocka_unit_test(what_is_escaped),
        cmocka_unit_test(a_special_byte_is_seen_at_every_place),
        cmocka_unit_test(long_text_is_escaped_in_pieces),
        cmocka_unit_test(bytes),
        cmocka_unit_test(without_room_nothing_is_written_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
