/* flat_column_numbers.c: the ranges of numbers, and how they are stored. */
#include <math.h>

#include "flat_table.h"

static void given_ints_up_to_both_ends(void **state) {
    static const struct {
        bool is_signed;
        unsigned width;
        const char *below, *least, *most, *above, *expected;
    } cases[] = {
        {true, 1, "-129", "-128", "127", "128", "an integer that fits int8"},
        {true, 2, "-32769", "-32768", "32767", "32768", "an integer that fits int16"},
        {true, 4, "-2147483649", "-2147483648", "2147483647", "2147483648",
         "an integer that fits int32"},
        {true, 8, "-9223372036854775809", "-9223372036854775808", "9223372036854775807",
         "9223372036854775808", "an integer that fits int64"},
        {false, 1, "-1", "0", "255", "256", "an integer that fits uint8"},
        {false, 2, "-1", "0", "65535", "65536", "an integer that fits uint16"},
        {false, 4, "-1", "0", "4294967295", "4294967296", "an integer that fits uint32"},
        {false, 8, "-1", "0", "18446744073709551615", "18446744073709551616",
         "an integer that fits uint64"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
        unsigned char high = cases[i].is_signed ? 0x80 : 0, *values;
        unsigned width = cases[i].width;

        give(table.columns, FLAT_KIND_INT, cases[i].is_signed, width);
        put(&table, cases[i].least);
        put(&table, cases[i].most);
        put(&table, "-0");
        for (size_t row = 3; row < TABLE_ROWS; row++) put(&table, "1");
        table.rows--; /* what is refused is for a row that is there */
        assert_refused(&table, cases[i].below, 1, cases[i].expected);
        assert_refused(&table, cases[i].above, 1, cases[i].expected);
        assert_refused(&table, "-99999999999999999999", 1, cases[i].expected);

        /* The least is one bit or none, the most all others, in the machine's order. */
        values = table.columns->values;
        for (unsigned byte = 0; byte < width; byte++) {
            bool is_high = byte == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 0 : width - 1);

            assert_int_equal(values[byte], is_high ? high : 0);
            assert_int_equal(values[width + byte], is_high ? 0xff ^ high : 0xff);
            assert_int_equal(values[2 * width + byte], 0);
        }
        table_drop(&table);
    }
}

static void inferred_ints_are_int64(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    put(&table, "-9223372036854775808");
    put(&table, "9223372036854775807");
    put(&table, "0");
    assert_int_at(&table, 0, INT64_MIN);
    assert_int_at(&table, 1, INT64_MAX);
    assert_true(table.columns->negative && !table.columns->big);
    table_drop(&table);
}

static void inferred_ints_become_uint64_where_none_is_below_0(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    put(&table, "5");
    put(&table, "9223372036854775807");
    assert_false(table.columns->big);
    put(&table, "9223372036854775808");
    put(&table, "18446744073709551615");
    put(&table, "-0");
    assert_true(table.columns->big && !table.columns->negative);
    assert_int_at(&table, 0, 5);
    assert_int_at(&table, 2, INT64_MIN);
    assert_int_at(&table, 3, -1);
    assert_int_at(&table, 4, 0);
    table_drop(&table);
}

static void inferred_ints_that_no_type_has_room_for(void **state) {
    static const struct {
        const char *first, *second;
    } cases[] = {
        {"-1", "9223372036854775808"},  {"18446744073709551615", "-1"},
        {"0", "18446744073709551616"},  {"0", "-9223372036854775809"},
        {"0", "-18446744073709551615"}, {"0", "0x1_0000_0000_0000_0000"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
        struct flat_column before;

        put(&table, cases[i].first);
        before = *table.columns;
        assert_refused(&table, cases[i].second, 1,
                       "an integer that fits int64 or uint64 as all of its column do");
        assert_memory_equal(table.columns, &before, sizeof before);
        table_drop(&table);
    }
}

static void floats_are_kept_to_the_bit(void **state) {
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    (void)state;

    put(&table, "-0.0");
    put(&table, "5e-324");
    put(&table, "1e999");
    put(&table, "0.1");
    put(&table, "nan");
    assert_float_at(&table, 0, -0.0);
    assert_float_at(&table, 1, 5e-324);
    assert_float_at(&table, 2, INFINITY);
    assert_float_at(&table, 3, 0.1);
    table_drop(&table);
}

static void float32_is_rounded_and_has_a_range(void **state) {
    static const float expected[] = {0.1f, 3.40282347e38f, -INFINITY, 0.0f, -16777216.0f};
    struct flat_columns table = table_make(FLAT_SHAPE_VALUE, 1);
    float narrow;
    (void)state;

    give(table.columns, FLAT_KIND_FLOAT, false, 4);
    put(&table, "0.1");
    put(&table, "3.4028234663852886e38");
    put(&table, "-1e400");
    put(&table, "1e-46");
    put(&table, "-16777217");
    put(&table, "nan");
    assert_memory_equal(table.columns->values, expected, sizeof expected);
    memcpy(&narrow, table.columns->values + sizeof expected, sizeof narrow);
    assert_true(isnan(narrow));
    assert_refused(&table, "3.4028235677973366e38", 1, "a float that fits float32");
    assert_refused(&table, " -1e39", 2, "a float that fits float32");
    table_drop(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_ints_up_to_both_ends),
        cmocka_unit_test(inferred_ints_are_int64),
        cmocka_unit_test(inferred_ints_become_uint64_where_none_is_below_0),
        cmocka_unit_test(inferred_ints_that_no_type_has_room_for),
        cmocka_unit_test(floats_are_kept_to_the_bit),
        cmocka_unit_test(float32_is_rounded_and_has_a_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
