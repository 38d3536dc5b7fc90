/* arena_table.c: the table of arenas is found among words that look like it. */
#include "inspect/arena_table.h"

#include "unit.h"

#include "python_image.h"

static const uint64_t ARENAS_AT = 0x7f1000000000;

static struct python_image python;
static struct arena_table table;

static void begin(int minor) {
    python_image_init(&python, minor);
    python_table(&python);
}

static void find(void) {
    assert_true(arena_table_find(&table, &python.remote, &python.image.maps, python.layout));
}

static void end(void) {
    arena_table_end(&table);
    python_image_end(&python);
}

static void put_table_half(uint32_t index, size_t at, uint32_t half) {
    image_put_half(&python.image, python.table + index * ARENA_OBJECT_BYTES + at, half);
}

static void arenas_are_found_by_address(void **state) {
    (void)state;
    for (int minor = 9; minor <= PYTHON_NEWEST; minor++) {
        begin(minor);
        uint32_t bytes = python.layout->arena_bytes, pool_bytes = python.layout->pool_bytes;
        python_arena(&python, 0, ARENAS_AT + 5ull * bytes, 3);
        python_arena(&python, 1, ARENAS_AT, bytes / pool_bytes);
        python_arena(&python, 4, ARENAS_AT + 9ull * bytes + 4096, 0); /* between pools since 3.10 */
        find();
        assert_int_equal(table.count, 3);
        assert_int_equal(table.arenas[0].start, ARENAS_AT);
        assert_int_equal(table.arenas[0].index, 1);
        assert_int_equal(table.arenas[0].carved_end, ARENAS_AT + bytes);
        assert_int_equal(table.arenas[1].start, ARENAS_AT + 5ull * bytes);
        assert_int_equal(table.arenas[1].carved_end, ARENAS_AT + 5ull * bytes + 3 * pool_bytes);
        assert_int_equal(table.arenas[2].index, 4);
        end();
    }
}

/* As it is built --with-pymalloc-hugepages. */
static void arenas_of_3_15_may_be_twice_as_large(void **state) {
    (void)state;
    for (int minor = 14; minor <= 15; minor++) {
        begin(minor);
        python.arena_bytes = 2 << 20;
        python_arena(&python, 0, ARENAS_AT, 100);
        python_arena(&python, 1, ARENAS_AT + (4 << 20) + 4096, 0);
        find();
        assert_int_equal(table.count, minor == 15 ? 2 : 0);
        assert_int_equal(table.arena_bytes, minor == 15 ? 2 << 20 : 0);
        end();
    }
}

static void all_arenas_of_a_table_are_of_one_size(void **state) {
    (void)state;
    begin(15);
    python_arena(&python, 0, ARENAS_AT, 3);
    python_arena(&python, 1, ARENAS_AT + (8 << 20), 3);
    python.arena_bytes = 2 << 20;
    python_arena(&python, 2, ARENAS_AT + (16 << 20), 3);
    find();
    assert_int_equal(table.count, 2);
    assert_int_equal(table.arena_bytes, 1 << 20);
    end();
}

static void all_of_a_table_is_read(void **state) {
    (void)state;
    begin(13);
    for (uint32_t i = 0; i < PYTHON_TABLE_ROOM; i++)
        python_arena(&python, i, ARENAS_AT + ((uint64_t)i << 20), i % 65);
    find();
    assert_int_equal(table.count, PYTHON_TABLE_ROOM);
    end();
}

static void without_arenas_there_is_no_table(void **state) {
    (void)state;
    begin(13);
    find();
    assert_int_equal(table.count, 0);
    end();
}

/* Pointers into the table lead to parts of it; the whole is the longest. */
static void the_longest_table_is_taken(void **state) {
    (void)state;
    begin(12);
    for (uint32_t i = 0; i < 6; i++) python_arena(&python, i, ARENAS_AT + ((uint64_t)i << 20), 2);
    for (uint32_t i = 0; i < 6; i++) {
        image_put_word(&python.image, python.data + i * 8,
                       python.table + (5 - i) * ARENA_OBJECT_BYTES);
        image_put_word(&python.image, python.data + 8192 + i * 8,
                       python.table + i * ARENA_OBJECT_BYTES);
    }
    find();
    assert_int_equal(table.count, 6);
    end();
}

static void words_in_other_memory_lead_nowhere(void **state) {
    (void)state;
    begin(11);
    python_arena(&python, 0, ARENAS_AT, 1);
    image_put_word(&python.image, python.data + 4096, 0);
    image_map(&python.image, 0x7f2000000000, 4096, "rw-p", "/usr/lib/libother.so");
    image_put_word(&python.image, 0x7f2000000000, python.table);
    find();
    assert_int_equal(table.count, 0);
    image_map(&python.image, 0x7f2000001000, 4096, "rw-p", "/usr/lib/libpython3.11.so.1.0");
    image_map(&python.image, 0x7f2000002000, 4096, "rw-p", ""); /* its zeros: .bss */
    image_put_word(&python.image, 0x7f2000002ff8, python.table);
    find();
    assert_int_equal(table.count, 1);
    end();
}

static void arenas_that_contradict_themselves_end_the_table(void **state) {
    static const struct {
        size_t at;
        uint32_t value;
    } wrong[] = {
        {ARENA_ADDRESS_AT, 0x00000800},    {ARENA_POOL_AT, 0},
        {ARENA_POOL_AT + 4, 0xffffffff},   {ARENA_TOTAL_POOLS_AT, 62},
        {ARENA_TOTAL_POOLS_AT, 65},        {ARENA_FREE_POOLS_AT, 65},
        {ARENA_FREE_POOLS_AT, 0xffffffff}, {ARENA_ADDRESS_AT + 4, 0xffffffff},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        begin(11);
        for (uint32_t k = 0; k < 3; k++)
            python_arena(&python, k, ARENAS_AT + ((uint64_t)k << 20), 2);
        put_table_half(1, wrong[i].at, wrong[i].value);
        find();
        assert_int_equal(table.count, 1);
        end();
    }
}

static void decoys_are_not_tables(void **state) {
    (void)state;
    begin(10);
    python_arena(&python, 0, ARENAS_AT, 1);
    uint64_t decoy = python.next;
    for (uint32_t i = 0; i < 4; i++) { /* arenas of another version */
        image_put_word(&python.image, decoy + i * 48ull, ARENAS_AT);
        image_put_word(&python.image, decoy + i * 48ull + 8, ARENAS_AT);
        image_put_half(&python.image, decoy + i * 48ull + 20, 40);
    }
    image_put_word(&python.image, python.data, decoy);
    image_put_word(&python.image, python.data + 8, decoy + 1024); /* zeros */
    image_put_word(&python.image, python.data + 16, python.table + 8);
    image_put_word(&python.image, python.data + 24, 16);
    find();
    assert_int_equal(table.count, 1);
    assert_int_equal(table.arenas[0].start, ARENAS_AT);
    end();
}

/* One that was mapped after the mappings were read. */
static void an_arena_may_be_newer_than_the_mappings(void **state) {
    (void)state;
    begin(13);
    for (uint32_t i = 0; i < 3; i++) python_arena(&python, i, ARENAS_AT + ((uint64_t)i << 20), 2);
    for (size_t i = 0; i < python.image.maps.count; i++)
        if (python.image.maps.items[i].start == ARENAS_AT + (1 << 20))
            python.image.maps.items[i].end = python.image.maps.items[i].start =
                ARENAS_AT + (1 << 20);
    find();
    assert_int_equal(table.count, 3);
    end();
}

static void an_arena_is_counted_once(void **state) {
    (void)state;
    begin(13);
    python_arena(&python, 0, ARENAS_AT, 2);
    python_arena(&python, 2, ARENAS_AT + (4 << 20), 2);
    image_put_word(&python.image, python.table + 2 * ARENA_OBJECT_BYTES, ARENAS_AT + 4096);
    image_put_word(&python.image, python.table + 2 * ARENA_OBJECT_BYTES + 8, ARENAS_AT + 4096);
    image_put(&python.image, python.table + ARENA_OBJECT_BYTES,
              image_at(&python.image, python.table, 48), 48);
    find();
    assert_int_equal(table.count, 1);
    end();
}

/* A table that every word leads to costs its length only a few times over. */
static void the_search_ends(void **state) {
    (void)state;
    begin(13);
    python_arena(&python, 0, ARENAS_AT, 2);
    for (uint64_t i = 0; i < 16384; i += 8)
        image_put_word(&python.image, python.data + i, python.table);
    uint64_t looks = python.remote.looks_left;
    find();
    assert_int_equal(table.count, 1);
    assert_true(looks - python.remote.looks_left < 1000);
    python.remote.looks_left = 0;
    arena_table_end(&table);
    find();
    assert_int_equal(table.count, 0);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arenas_are_found_by_address),
        cmocka_unit_test(arenas_of_3_15_may_be_twice_as_large),
        cmocka_unit_test(all_arenas_of_a_table_are_of_one_size),
        cmocka_unit_test(all_of_a_table_is_read),
        cmocka_unit_test(without_arenas_there_is_no_table),
        cmocka_unit_test(the_longest_table_is_taken),
        cmocka_unit_test(words_in_other_memory_lead_nowhere),
        cmocka_unit_test(arenas_that_contradict_themselves_end_the_table),
        cmocka_unit_test(decoys_are_not_tables),
        cmocka_unit_test(an_arena_may_be_newer_than_the_mappings),
        cmocka_unit_test(an_arena_is_counted_once),
        cmocka_unit_test(the_search_ends),
    };
    return cmocka_run_group_tests_name("arena_table", tests, NULL, NULL);
}
