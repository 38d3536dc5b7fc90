/* flat_plain.h and flat_column_plain.h: the quick way to read what repr writes. It may
 * leave a value to the scanner, but not where it is plain; what it reads must be right. */
#include "serial/flat_column_plain.h"

#include <stdio.h>

#include "flat_table.h"

static uint64_t next_random(uint64_t *bits) {
    *bits = *bits * 6364136223846793005u + 1442695040888963407u;
    return *bits ^ *bits >> 32;
}

static void write_digits(char *text, size_t count, uint64_t *bits) {
    for (size_t i = 0; i < count; i++) text[i] = (char)('0' + next_random(bits) % 10);
    text[count] = '\0';
}

/* ---- Ints ---------------------------------------------------------------- */

/* Reads the int that a text begins with. False: it is left to the scanner. */
static bool plain_int(const char *text, size_t length, struct flat_number *number) {
    struct flat_cursor line = line_of(text, strlen(text));
    const unsigned char *behind = flat_plain_int(line.at, line.end, number);

    if (behind != NULL) {
        assert_int_equal(number->kind, FLAT_INT);
        assert_int_equal(behind - line.at, length);
    }
    line_end(line);
    return behind != NULL;
}

/* Digits of every length: with nothing behind them but a bracket, up to the end of the
 * memory, and with more. */
static void ints_of_every_length(void **state) {
    static const char *const behind[] = {")", ", 'more')"};
    uint64_t bits = 3;
    (void)state;

    for (int round = 0; round < 20000; round++) {
        char text[48], digits[32];
        size_t count = 1 + (size_t)round % 22, length;
        bool negative = round & 64, more = round & 128, fits, taken;
        struct flat_number number;

        write_digits(digits, count, &bits);
        if (digits[0] == '0' && count > 1) digits[0] = '1';
        length = (size_t)snprintf(text, sizeof text, "%s%s", negative ? "-" : "", digits);
        strcat(text, behind[more]);
        errno = 0;
        strtoull(digits, NULL, 10);
        fits = errno == 0;
        taken = plain_int(text, length, &number);
        assert_int_equal(taken, fits && strlen(text) >= 9);
        if (!taken) continue;
        assert_int_equal(number.negative, negative);
        assert_true(number.magnitude == strtoull(digits, NULL, 10));
    }
}

static void what_is_no_plain_int(void **state) {
    static const char *const cases[] = {
        "007, 'more')",    "1_000, 'more')", "0x10, 'more')", "12.5, 'more')", "12e5, 'more')",
        "12 , 'more')",    "12j, 'more')",   "- 1, 'more')",  "--1, 'more')",  "+1, 'more')",
        "-, 'more')",      ", 'more')more",  "12345678",      "123456789",     "1234567890123456",
        "12345678: more)", "00, 'more')",
    };
    struct flat_number number;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (plain_int(cases[i], 0, &number)) fail_msg("%s is plain", cases[i]);
    assert_true(plain_int("18446744073709551615)", 20, &number));
    assert_true(number.magnitude == UINT64_MAX);
    assert_false(plain_int("18446744073709551616)", 0, &number));
    assert_true(plain_int("-0, 'more')", 2, &number));
    assert_int_equal(number.magnitude, 0);
}

/* ---- Floats -------------------------------------------------------------- */

static bool plain_float(const char *text, size_t length, double *value) {
    struct flat_cursor line = line_of(text, strlen(text));
    const unsigned char *behind = flat_plain_float(line.at, line.end, value);

    if (behind != NULL) assert_int_equal(behind - line.at, length);
    line_end(line);
    return behind != NULL;
}

/* Up to four digits before the point and 25 behind it, with and without an exponent. */
static void floats_of_every_length(void **state) {
    static const char *const behind[] = {"]", ", 'more')"};
    static const char *const exponents[] = {"", "e-300", "e+22", "E7"};
    uint64_t bits = 4;
    (void)state;

    for (int round = 0; round < 50000; round++) {
        char text[80], before[8], after[32];
        size_t length;
        double value, expected;

        write_digits(before, 1 + (size_t)next_random(&bits) % 4, &bits);
        write_digits(after, (size_t)round % 26, &bits);
        length = (size_t)snprintf(text, sizeof text, "%s%s.%s%s", next_random(&bits) & 1 ? "-" : "",
                                  before, after, round & 64 ? exponents[round >> 7 & 3] : "");
        expected = strtod(text, NULL);
        strcat(text, behind[round & 1]);
        if (!plain_float(text, length, &value)) fail_msg("%s is not plain", text);
        assert_memory_equal(&value, &expected, sizeof value);
    }
}

static void what_is_no_plain_float(void **state) {
    static const char *const cases[] = {
        "..5, 'more')",
        "-..5, 'more')",
        "x.5, 'more')",
        "1, 'more')",
        "1e5, 'more')",
        ".5, 'more')",
        "-.5, 'more')",
        "1.5j, 'more')",
        "1.5 , 'more')",
        "1_0.5, 'more)",
        "- 1.5, 'mo)",
        "1.5+2j, 'mo)",
        "nan, 'more')",
        "-inf, 'more')",
        "1.5",
        "-1.5",
        "12345.678",
        "1.5e, 'more')",
        "1.5e+, 'mor)",
        "1.5.5, 'more)",
        "-",
        ".",
        "1.",
    };
    double value;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (plain_float(cases[i], 0, &value)) fail_msg("%s is plain", cases[i]);
}

/* ---- Texts --------------------------------------------------------------- */

/* A text of each length with each byte at each place, between quotes, in room for what is
 * left of the line and eight bytes. */
static void texts_of_every_length(void **state) {
    static const unsigned char bytes[] = {'x', '\'', '\\', 0x80, 0xff, 0, 0x7f, '"'};
    (void)state;

    for (size_t length = 0; length <= 40; length++)
        for (size_t place = 0; place <= length; place++)
            for (size_t i = 0; i < COUNT_OF(bytes); i++) {
                char text[48];
                unsigned char *room = malloc(length + 9);
                bool closes = bytes[i] == '\'' && place < length;
                bool escapes = bytes[i] == '\\' || bytes[i] >= 0x80;
                const unsigned char *behind;
                struct flat_cursor line;

                assert_non_null(room);
                memset(text, '(', length);
                if (place < length) text[place] = (char)bytes[i];
                text[length] = '\'';
                line = line_of(text, length + 1);
                behind = flat_plain_text(line.at, line.end, room);
                if (place < length && escapes) {
                    assert_null(behind);
                } else {
                    assert_ptr_equal(behind, line.at + (closes ? place : length));
                    assert_memory_equal(room, text, closes ? place : length);
                }
                assert_null(flat_plain_text(line.at, line.at + (closes ? place : length), room));
                line_end(line);
                free(room);
            }
}

/* ---- Whole lines --------------------------------------------------------- */

/* Reads every beginning of a record, and in the end all of it. */
static void read_beginnings(struct flat_columns *table, const char *record) {
    for (size_t size = 0; size <= strlen(record); size++) {
        struct flat_cursor line = line_of(record, size), cursor = line;

        table->columns[2].text_size = table->rows * 8; /* without that of the line before */
        assert_int_equal(flat_columns_line(table, &cursor), size == strlen(record));
        if (size < strlen(record)) assert_in_range(cursor.wrong - line.at, 0, size);
        line_end(line);
    }
}

/* Whatever room there is for texts. The kinds are known from the second row on. */
static void lines_of_every_length(void **state) {
    (void)state;
    for (spare_room = 0; spare_room <= 64; spare_room += 64) {
        struct flat_columns table = table_make(FLAT_SHAPE_ITEMS, 4);

        for (size_t row = 0; row < 3; row++)
            read_beginnings(&table, "(1.5, -12345678, 'abcdefgh', 0.12345678)");
        assert_int_equal(table.rows, 3);
        for (size_t row = 0; row < 3; row++) {
            double last;

            assert_float_at(&table, row, 1.5);
            assert_text_at(&table.columns[2], row, "abcdefgh", 8);
            memcpy(&last, table.columns[3].values + 8 * row, sizeof last);
            assert_true(last == 0.12345678);
        }
        table_drop(&table);
    }
    spare_room = 0;
}

/* Reads a value by the quick way into the first column. */
static bool put_plain(struct flat_columns *table, const char *text) {
    struct flat_cursor line = line_of(text, strlen(text)), cursor = line;
    bool taken = flat_column_read_plain(table, table->columns, &cursor);

    if (taken) table->rows++;
    assert_int_equal(cursor.at != line.at, taken);
    line_end(line);
    return taken;
}

static void what_a_column_has_counts_for_the_quick_way_too(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    assert_false(put_plain(&table, "12345678)")); /* no kind yet */
    put(&table, "1");
    assert_true(put_plain(&table, "9007199254740993)"));
    assert_true(table.columns->inexact);
    assert_false(table.columns->big);
    assert_true(put_plain(&table, "18446744073709551615)"));
    assert_true(table.columns->big);
    assert_false(put_plain(&table, "-12345678)"));
    assert_int_at(&table, 2, -1);
    table_drop(&table);

    table = table_make(FLAT_SHAPE_VALUE, 1);
    give(table.columns, FLAT_KIND_INT, true, 1);
    assert_true(put_plain(&table, "-128, 'more')"));
    assert_false(put_plain(&table, "128, 'more')"));
    assert_int_equal(table.columns->values[0], 0x80);
    table_drop(&table);

    table = table_make(FLAT_SHAPE_VALUE, 1);
    give(table.columns, FLAT_KIND_FLOAT, true, 4);
    assert_true(put_plain(&table, "0.1, 'more')"));
    assert_false(put_plain(&table, "1.0e39, 'more')"));
    assert_memory_equal(table.columns->values, &(float){0.1f}, 4);
    table_drop(&table);
}

static void a_quick_text_takes_room_and_fits(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    give(table.columns, FLAT_KIND_TEXT, false, 5);
    table.columns->padded = true;
    assert_false(put_plain(&table, "'short')"));
    spare_room = 64;
    assert_true(make_room(&table, table.columns, 0));
    spare_room = 0;
    assert_true(put_plain(&table, "'short')"));
    assert_false(put_plain(&table, "'longer')"));
    assert_false(put_plain(&table, "\"other\")"));
    assert_false(put_plain(&table, "'open"));
    assert_false(put_plain(&table, ""));
    assert_true(put_plain(&table, "''"));
    assert_text_at(table.columns, 0, "short", 5);
    assert_text_at(table.columns, 1, "", 0);
    assert_int_equal(table.text_size, 5);
    table_drop(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_of_every_length),
        cmocka_unit_test(what_is_no_plain_int),
        cmocka_unit_test(floats_of_every_length),
        cmocka_unit_test(what_is_no_plain_float),
        cmocka_unit_test(texts_of_every_length),
        cmocka_unit_test(lines_of_every_length),
        cmocka_unit_test(what_a_column_has_counts_for_the_quick_way_too),
        cmocka_unit_test(a_quick_text_takes_room_and_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
