/* belongings.c: who has a block, by pointers into it. */
#include "inspect/belongings.h"

#include <stdlib.h>

#include "unit.h"

#include "python_image.h"

static struct python_image python;
static struct type_table table;
static struct belongings belongings;

static int begin(void **state) {
    (void)state;
    python_image_init(&python, 13);
    belongings_init(&belongings, &python.remote);
    return !type_table_init(&table, &python.remote, python.layout);
}

static int end(void **state) {
    (void)state;
    belongings_end(&belongings);
    type_table_end(&table);
    python_image_end(&python);
    return 0;
}

static void forget_pages(void) {
    for (size_t page = 0; page < REMOTE_CACHE; page++) python.remote.cache[page].page = 0;
}

static int32_t type_named(const char *name) {
    uint64_t at = python_type(&python, name, 16, 0);
    forget_pages();
    int32_t type = type_table_find(&table, at);
    assert_int_not_equal(type, TYPE_NONE);
    return type;
}

/* Tells of an object whose pointer, so many bytes into it, leads to an address. */
static void add(int32_t type, uint32_t at, uint64_t to) {
    uint8_t copy[128] = {0};
    memcpy(copy + at, &to, sizeof to);
    belongings_add(&belongings, &table, type, copy, 0, sizeof copy);
}

static void a_block_is_whose_pointer_leads_into_it(void **state) {
    enum { COUNT = 5000 };
    uint64_t seed = 3;
    (void)state;
    int32_t list = type_named("list"), dict = type_named("dict");
    for (uint64_t i = 0; i < COUNT; i++) {
        uint64_t place = i * 7919 % COUNT;
        uint64_t at = 0x7f0000000000 + place * 100;
        add(place % 2 ? list : dict, place % 2 ? 24 : 32, at + random_next(&seed) % 64);
    }
    assert_true(belongings_sort(&belongings));
    for (int round = 0; round < 2; round++)
        for (uint64_t i = 0; i < COUNT; i++) {
            uint64_t place = round ? i * 31 % COUNT : i; /* in order, and not */
            uint64_t at = 0x7f0000000000 + place * 100;
            assert_int_equal(belongings_owner(&belongings, at, 64), place % 2 ? list : dict);
            assert_int_equal(belongings_owner(&belongings, at + 64, 36), TYPE_NONE);
        }
}

static void nothing_is_nobodys(void **state) {
    (void)state;
    add(type_named("list"), 24, 0);
    add(type_named("list"), 24, UINT64_MAX);
    add(type_named("float"), 24, 0x7f0000000000);
    assert_int_equal(belongings.count, 0);
    assert_true(belongings_sort(&belongings));
    assert_int_equal(belongings_owner(&belongings, 0x7f0000000000, 64), TYPE_NONE);
}

/* Blocks of a deque: the word 520 bytes into each leads to the next. */
static void chains_are_followed_and_left(void **state) {
    enum { BLOCKS = 4, BYTES = 528 };
    uint8_t deque[64] = {0};
    (void)state;
    int32_t type = type_named("collections.deque");
    uint64_t blocks = python.next, last = blocks + (BLOCKS - 1) * BYTES;
    for (uint64_t i = 0; i + 1 < BLOCKS; i++)
        image_put_word(&python.image, blocks + i * BYTES + 520, blocks + (i + 1) * BYTES);
    forget_pages();
    memcpy(deque + 24, &blocks, 8);
    memcpy(deque + 32, &last, 8);
    belongings_add(&belongings, &table, type, deque, 0, sizeof deque);
    assert_int_equal(belongings.count, BLOCKS);
    image_put_word(&python.image, last + 520, blocks); /* a circle without an end */
    memset(deque + 32, 1, 8);
    forget_pages();
    belongings_add(&belongings, &table, type, deque, 0, sizeof deque);
    assert_true(belongings.count <= (1 << 20) + BLOCKS);
    assert_int_equal(belongings.links_left, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_block_is_whose_pointer_leads_into_it, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_nobodys, begin, end),
        cmocka_unit_test_setup_teardown(chains_are_followed_and_left, begin, end),
    };
    return cmocka_run_group_tests_name("belongings", tests, NULL, NULL);
}
