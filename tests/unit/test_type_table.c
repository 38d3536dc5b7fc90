/* type_table.c: what is a type object, and what only looks like one. */
#include "inspect/type_table.h"

#include <stdlib.h>

#include "unit.h"

#include "python_image.h"

static struct python_image python;
static struct type_table table;

static void begin(int minor) {
    python_image_init(&python, minor);
    assert_true(type_table_init(&table, &python.remote, python.layout));
}

static void end(void) {
    type_table_end(&table);
    python_image_end(&python);
}

static const struct type *found(uint64_t address) {
    int32_t index = type_table_find(&table, address);
    return index == TYPE_NONE ? NULL : &table.types[index];
}

static void types_are_found_by_address(void **state) {
    (void)state;
    begin(11);
    uint64_t list = python_type(&python, "list", 40, TYPE_FLAG_GC);
    uint64_t number = python_type(&python, "float", 24, 0);
    assert_string_equal(found(list)->name, "list");
    assert_true(found(list)->is_gc && !found(number)->is_gc);
    assert_int_equal(found(list)->basic_bytes, 40);
    assert_int_equal(found(list)->header_bytes, 16);
    assert_int_equal(found(number)->header_bytes, 0);
    assert_string_equal(found(python.type)->name, "type");
    assert_int_equal(type_table_find(&table, list), type_table_find(&table, list));
    assert_int_equal(table.type_count, 3);
    end();
}

/* An ASCII str has less than its type says. */
static void an_str_may_be_small(void **state) {
    (void)state;
    for (int minor = 9; minor <= PYTHON_NEWEST; minor++) {
        begin(minor);
        uint64_t name = python_class(&python, "Name", "app", "Name", TYPE_FLAG_STR);
        image_put_word(&python.image, name + TYPE_BASIC_SIZE_AT, 72);
        assert_int_equal(found(python.str)->basic_bytes, minor < 12 ? 48 : 40);
        assert_int_equal(found(name)->basic_bytes, 72);
        end();
    }
}

static void headers_are_those_of_the_version(void **state) {
    static const struct {
        int minor;
        uint64_t flags;
        uint32_t bytes;
    } cases[] = {
        {9, TYPE_FLAG_GC | TYPE_FLAG_MANAGED_DICT, 16},
        {10, TYPE_FLAG_GC | TYPE_FLAG_MANAGED_WEAKREF, 16},
        {11, TYPE_FLAG_GC | TYPE_FLAG_MANAGED_DICT, 32},
        {11, TYPE_FLAG_GC | TYPE_FLAG_MANAGED_WEAKREF, 16},
        {12, TYPE_FLAG_GC | TYPE_FLAG_MANAGED_WEAKREF, 32},
        {13, TYPE_FLAG_GC | TYPE_FLAG_MANAGED_WEAKREF | TYPE_FLAG_MANAGED_DICT, 32},
        {13, TYPE_FLAG_GC | TYPE_FLAG_INLINE_VALUES, 16},
        {13, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(cases[i].minor);
        assert_int_equal(found(python_type(&python, "t", 16, cases[i].flags))->header_bytes,
                         cases[i].bytes);
        end();
    }
}

/* A class that is being made, or was one, says what no object of it can have. */
static void values_need_room_before_the_object(void **state) {
    (void)state;
    for (int minor = 11; minor <= 15; minor++) {
        begin(minor);
        uint64_t alone = python_type(&python, "a", 16, TYPE_FLAG_MANAGED_DICT);
        uint64_t whole = python_type(&python, "b", 16, TYPE_FLAG_MANAGED_DICT | TYPE_FLAG_GC);
        assert_false(found(alone)->has_values);
        assert_true(found(whole)->has_values);
        end();
    }
}

static void a_metatype_may_have_its_own(void **state) {
    (void)state;
    begin(12);
    uint64_t meta = python_class(&python, "Meta", "app", "Meta", TYPE_FLAG_OF_TYPES);
    uint64_t class = python_class(&python, "Session", "app", "Session", 0);
    image_put_word(&python.image, class + OBJECT_TYPE_AT, meta);
    assert_string_equal(found(class)->name, "app.Session");
    end();
}

static void what_is_not_quite_a_type_is_none(void **state) {
    uint64_t kinds[7];
    (void)state;
    begin(11);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        kinds[i] = python_type(&python, "list", 40, TYPE_FLAG_GC);
    image_put_word(&python.image, kinds[0] + TYPE_FLAGS_AT, TYPE_FLAG_GC); /* not ready */
    image_put_word(&python.image, kinds[1] + TYPE_BASIC_SIZE_AT, 0);
    image_put_word(&python.image, kinds[2] + TYPE_BASIC_SIZE_AT, 1ull << 40);
    image_put_word(&python.image, kinds[3] + TYPE_NAME_AT, 0x1000);
    image_put_word(&python.image, kinds[4] + TYPE_NAME_AT, python.next); /* "" */
    image_put_word(&python.image, kinds[5] + OBJECT_TYPE_AT, kinds[5]);  /* no metatype */
    image_put_word(&python.image, kinds[6] + OBJECT_TYPE_AT, python.str); /* one of strs */
    for (size_t i = 0; i < COUNT_OF(kinds); i++) assert_null(found(kinds[i]));
    assert_null(found(0));
    assert_null(found(16));
    assert_null(found(UINT64_MAX - 7));
    assert_null(found(python.type + 4));
    assert_null(found(python.str + 8));
    assert_null(found(0x7fff00000000));
    end();
}

static void what_is_none_is_remembered(void **state) {
    (void)state;
    begin(11);
    assert_null(found(0x7fff00000000));
    uint64_t reads = python.image.reads;
    for (int i = 0; i < 10; i++) assert_null(found(0x7fff00000000));
    assert_int_equal(python.image.reads, reads);
    end();
}

/* More addresses than there is room for, then a type: it is found all the same. */
static void a_flood_of_addresses_drowns_no_type(void **state) {
    (void)state;
    begin(13);
    python.remote.looks_left = 1ull << 40;
    for (uint64_t i = 0; i < 600000; i++)
        assert_int_equal(type_table_find(&table, 0x7fff00000000 + i * 8), TYPE_NONE);
    assert_true(table.slot_count <= 1 << 20);
    assert_true(table.used * 2 <= table.slot_count);
    uint64_t list = python_type(&python, "list", 40, TYPE_FLAG_GC);
    assert_string_equal(found(list)->name, "list");
    assert_int_equal(type_table_find(&table, list), type_table_find(&table, list));
    assert_int_equal(table.type_count, 1);
    end();
}

/* Addresses whose hashes meet cost no more than any. */
static void crowded_hashes_do_not_slow_it(void **state) {
    (void)state;
    begin(13);
    uint64_t inverse = 1; /* of the hash's factor, modulo 2^64 */
    for (int i = 0; i < 6; i++) inverse *= 2 - 0x9E3779B97F4A7C15ull * inverse;
    size_t asked = 0;
    for (uint64_t low = 0; low < 1u << 22; low++) {
        uint64_t address = ((low * 1023) * inverse) << 3;
        if (address >= 1ull << 56 || address < 1 << 16) continue;
        assert_int_equal(type_table_find(&table, address), TYPE_NONE);
        asked++;
    }
    assert_true(asked > 10000);
    uint64_t list = python_type(&python, "list", 40, TYPE_FLAG_GC);
    python.remote.looks_left = 1 << 20;
    assert_string_equal(found(list)->name, "list");
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_found_by_address),
        cmocka_unit_test(an_str_may_be_small),
        cmocka_unit_test(headers_are_those_of_the_version),
        cmocka_unit_test(values_need_room_before_the_object),
        cmocka_unit_test(a_metatype_may_have_its_own),
        cmocka_unit_test(what_is_not_quite_a_type_is_none),
        cmocka_unit_test(what_is_none_is_remembered),
        cmocka_unit_test(a_flood_of_addresses_drowns_no_type),
        cmocka_unit_test(crowded_hashes_do_not_slow_it),
    };
    return cmocka_run_group_tests_name("type_table", tests, NULL, NULL);
}
