/* pymalloc_heap.c: arenas of known contents, read from a process. */
#include "inspect/pymalloc_heap.h"

#include <stdlib.h>

#include "unit.h"

#include "python_image.h"

static const uint64_t AT = 0x7f1000000000;

static struct python_image python;
static struct shoal_inspection result;

static void begin(int minor) {
    python_image_init(&python, minor);
    python_table(&python);
    result = (struct shoal_inspection){.pool_bytes = python.layout->pool_bytes};
}

static void count(void) {
    struct arena_table table;
    struct census *census = malloc(sizeof *census);
    assert_true(census_init(census, &result, &python.remote, python.layout));
    assert_true(arena_table_find(&table, &python.remote, &python.image.maps, python.layout));
    assert_true(pymalloc_heap_count(census, &table, python.layout));
    assert_true(census_finish(census));
    arena_table_end(&table);
    census_end(census);
    free(census);
}

static void end(void) {
    shoal_inspection_end(&result);
    python_image_end(&python);
}

static void all_pools_of_all_arenas_are_counted(void **state) {
    (void)state;
    for (int minor = 9; minor <= PYTHON_NEWEST; minor++) {
        begin(minor);
        uint64_t arena = python.layout->arena_bytes, pool = python.layout->pool_bytes;
        uint64_t number = python_type(&python, "float", 24, 0);
        python_arena(&python, 0, AT, 3);
        python_arena(&python, 1, AT + 2 * arena, 1);
        uint8_t *first = python_pool(&python, 0, AT, 1, 10);
        pool_put_object(first, 3, 0, number);
        python_pool(&python, 0, AT + 2 * pool, 31, 2);
        python_pool(&python, 1, AT + 2 * arena, 1, 7);
        count();
        assert_int_equal(result.arena_count, 2);
        assert_int_equal(result.arenas[0].pools, 2);
        assert_int_equal(result.arenas[0].used, 2 * pool);
        assert_int_equal(result.arenas[0].free, pool);
        assert_int_equal(result.arenas[0].live_blocks, 12);
        assert_int_equal(result.arenas[0].live, 10 * 32 + 2 * 512);
        assert_int_equal(result.arenas[1].live, 7 * 32);
        assert_int_equal(result.pools_read, 4);
        assert_int_equal(result.pools_inconsistent, 0);
        assert_int_equal(result.occupancy_count, 2 * arena / pool);
        assert_int_equal(result.occupancy[0], 320 * 100 / pool);
        assert_int_equal(result.occupancy[1], SHOAL_PLACE_FREE);
        assert_int_equal(result.occupancy[2], 1024 * 100 / pool);
        assert_int_equal(result.type_count, 2);
        end();
    }
}

/* Since 3.10 an arena may begin between multiples of the pools' size. */
static void pools_lie_at_multiples_of_their_size(void **state) {
    (void)state;
    begin(10);
    python_arena(&python, 0, AT + 4096, 63);
    for (uint32_t i = 1; i <= 63; i++) python_pool(&python, 0, AT + i * 16384, 0, 1);
    count();
    assert_int_equal(result.arenas[0].pools, 63);
    assert_int_equal(result.occupancy_count, 63);
    end();
}

/* On a process that also has Shoal's heap places are pages. */
static void places_may_be_smaller_than_pools(void **state) {
    (void)state;
    begin(10);
    result.pool_bytes = 4096;
    python_arena(&python, 0, AT + 4096, 1);
    python_pool(&python, 0, AT + 16384, 31, 30);
    count();
    assert_int_equal(result.occupancy_count, 256);
    assert_int_equal(result.occupancy[2], SHOAL_PLACE_FREE);
    for (int i = 3; i < 7; i++) assert_int_equal(result.occupancy[i], 30 * 512 * 100 / 16384);
    assert_int_equal(result.occupancy[7], SHOAL_PLACE_FREE);
    end();
}

static void pools_of_another_arena_are_inconsistent(void **state) {
    (void)state;
    begin(13);
    python_arena(&python, 0, AT, 3);
    python_pool(&python, 0, AT, 0, 1);
    python_pool(&python, 5, AT + 16384, 0, 1);
    memset(python_pool(&python, 0, AT + 2 * 16384, 0, 1), 0x55, 48);
    count();
    assert_int_equal(result.pools_read, 3);
    assert_int_equal(result.pools_inconsistent, 2);
    assert_int_equal(result.arenas[0].live_blocks, 1);
    end();
}

static void pools_that_went_meanwhile_are_inconsistent(void **state) {
    (void)state;
    begin(13);
    python_arena(&python, 0, AT, 3);
    python_pool(&python, 0, AT, 0, 1);
    for (size_t i = 0; i < python.image.count; i++)
        if (python.image.pieces[i].address == AT) python.image.pieces[i].bytes = 16384 + 4096;
    count();
    assert_int_equal(result.pools_read, 3);
    assert_int_equal(result.pools_inconsistent, 2);
    assert_int_equal(result.arenas[0].live_blocks, 1);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pools_of_all_arenas_are_counted),
        cmocka_unit_test(pools_lie_at_multiples_of_their_size),
        cmocka_unit_test(places_may_be_smaller_than_pools),
        cmocka_unit_test(pools_of_another_arena_are_inconsistent),
        cmocka_unit_test(pools_that_went_meanwhile_are_inconsistent),
    };
    return cmocka_run_group_tests_name("pymalloc_heap", tests, NULL, NULL);
}
