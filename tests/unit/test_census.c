/* census.c: pools of known contents are counted right. */
#include "inspect/census.h"

#include <stdlib.h>

#include "unit.h"

#include "python_image.h"

enum { ARENA = 1 << 20, POOL = 16384, PAGE = 4096 };

static const uint64_t AT = 0x7f1000000000;

static struct python_image python;
static struct shoal_inspection result;
static struct census *census;
static uint8_t copy[POOL];
static uint64_t session, number;

static int begin(void **state) {
    (void)state;
    python_image_init(&python, 11);
    session = python_class(&python, "Session", "app", "Session", TYPE_FLAG_MANAGED_DICT);
    number = python_type(&python, "float", 24, 0);
    result = (struct shoal_inspection){.pool_bytes = POOL};
    census = malloc(sizeof *census);
    return !census_init(census, &result, &python.remote, python.layout);
}

static int end(void **state) {
    (void)state;
    census_end(census);
    free(census);
    shoal_inspection_end(&result);
    python_image_end(&python);
    return 0;
}

/* Counts what is in `copy` as the pool at an address. */
static void count(uint64_t address) {
    struct pool_view pool;
    pool_view_pymalloc(&pool, copy, address, POOL);
    assert_int_equal(pool.state, POOL_USED);
    census_add_pool(census, &pool, copy, address, POOL, true);
}

static const struct shoal_type_census *type(const char *name) {
    for (size_t i = 0; i < result.type_count; i++)
        if (strcmp(result.types[i].name, name) == 0) return &result.types[i];
    fail_msg("no blocks of %s", name);
    return NULL;
}

static void blocks_have_their_types(void **state) {
    (void)state;
    pool_build(copy, POOL, 3, 20); /* of 64 bytes */
    for (uint32_t i = 0; i < 5; i++) pool_put_object(copy, i, 32, session);
    for (uint32_t i = 5; i < 12; i++) pool_put_object(copy, i, 0, number);
    pool_put_object(copy, 12, 16, session); /* where such an object does not begin */
    pool_put_object(copy, 13, 0, session);
    pool_put_object(copy, 14, 16, number);
    pool_put_object(copy, 15, 0, number + 8);
    pool_release(copy, AT, 11);
    memset(copy + pool_offset(copy, 10), 0, 8); /* nobody refers to it */
    census_begin_arena(census, AT, ARENA);
    count(AT);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(result.type_count, 3);
    assert_int_equal(type("app.Session")->blocks, 5);
    assert_int_equal(type("app.Session")->bytes, 5 * 64);
    assert_int_equal(type("app.Session")->kind, SHOAL_BLOCK_GC);
    assert_int_equal(type("float")->blocks, 5);
    assert_int_equal(type("float")->kind, SHOAL_BLOCK_OBJECT);
    assert_int_equal(type("(not Python objects)")->blocks, 9);
    assert_int_equal(type("(not Python objects)")->kind, SHOAL_BLOCK_RAW);
}

/* Nothing is read before a block, whatever flags its type has at that moment. */
static void values_are_looked_for_in_the_block_alone(void **state) {
    (void)state;
    uint64_t odd = python_type(&python, "Odd", 16, TYPE_FLAG_MANAGED_DICT);
    pool_build(copy, POOL, 3, 20);
    pool_put_object(copy, 0, 16, odd);
    pool_release(copy, AT, 11);
    census_begin_arena(census, AT, ARENA);
    count(AT);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(type("Odd")->blocks, 1);
}

static void objects_larger_than_their_block_are_none(void **state) {
    (void)state;
    uint64_t large = python_type(&python, "large", 65, 0);
    pool_build(copy, POOL, 3, 1);
    pool_put_object(copy, 0, 0, large);
    census_begin_arena(census, AT, ARENA);
    count(AT);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(type("(not Python objects)")->blocks, 1);
}

/* The items of a list are its own, in whichever pool they lie. */
static void blocks_that_are_no_objects_count_with_whom_they_belong_to(void **state) {
    (void)state;
    uint64_t list = python_type(&python, "list", 40, TYPE_FLAG_GC);
    uint64_t named = python_class(&python, "list", "app", "list", 0); /* which is no list */
    pool_build(copy, POOL, 3, 6); /* of 64 bytes */
    pool_put_object(copy, 0, 16, list);
    pool_put_object(copy, 1, 16, named);
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t items = AT + pool_offset(copy, 2 + i);
        memcpy(copy + pool_offset(copy, i) + 16 + 24, &items, sizeof items);
    }
    uint64_t inside = AT + pool_offset(copy, 4) + 8; /* as the values of a dict are pointed to */
    memcpy(copy + pool_offset(copy, 5) + 16, &inside, sizeof inside); /* by nobody */
    census_begin_arena(census, AT, ARENA);
    count(AT);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(type("list")->blocks, 1);
    assert_int_equal(type("list")->bytes, 2 * 64);
    assert_int_equal(type("app.list")->bytes, 64);
    assert_int_equal(type("(not Python objects)")->blocks, 3);
}

/* PYTHONMALLOC=debug writes 16 bytes before each block. */
static void padding_of_the_debug_allocator_is_skipped(void **state) {
    static const uint8_t padding[16] = {0,   0,    0,    0,    0,    0,    0,    24,
                                        'o', 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd};
    (void)state;
    pool_build(copy, POOL, 5, 3); /* of 96 bytes */
    for (uint32_t i = 0; i < 3; i++) memcpy(copy + pool_offset(copy, i), padding, sizeof padding);
    pool_put_object(copy, 0, 16, number);
    pool_put_object(copy, 1, 48, session);
    census_begin_arena(census, AT, ARENA);
    count(AT);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(type("float")->blocks, 1);
    assert_int_equal(type("app.Session")->blocks, 1);
    assert_int_equal(type("(not Python objects)")->blocks, 1);
}

static void types_of_one_name_are_one(void **state) {
    (void)state;
    uint64_t again = python_class(&python, "Session", "app", "Session", TYPE_FLAG_MANAGED_DICT);
    uint64_t other = python_type(&python, "app.Session", 16, 0); /* of another kind */
    pool_build(copy, POOL, 3, 10);
    for (uint32_t i = 0; i < 6; i++) pool_put_object(copy, i, 32, i % 2 ? session : again);
    for (uint32_t i = 6; i < 10; i++) pool_put_object(copy, i, 0, other);
    census_begin_arena(census, AT, ARENA);
    count(AT);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(result.type_count, 2);
    assert_int_equal(result.types[0].kind, SHOAL_BLOCK_GC);
    assert_int_equal(result.types[0].blocks, 6);
    assert_int_equal(result.types[0].pinned_arenas, 1);
    assert_int_equal(result.types[0].pinned_blocks, 6);
    assert_int_equal(result.types[1].blocks, 4);
}

/* An arena that is a fourth live at most is pinned by what lives in it. */
static void the_emptiest_arenas_are_pinned(void **state) {
    uint64_t live = 4 * 64;
    (void)state;
    pool_build(copy, POOL, 3, 4);
    pool_put_object(copy, 0, 32, session);
    census_begin_arena(census, AT, ARENA);
    count(AT);
    census_end_arena(census, ARENA);
    census_begin_arena(census, AT + ARENA, ARENA);
    for (uint64_t i = 0; i < 64; i++) { /* 15 of 16 KiB in each pool: all but full */
        pool_build(copy, POOL, 3, 255);
        pool_put_object(copy, 0, 32, session);
        count(AT + ARENA + i * POOL);
    }
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(type("app.Session")->blocks, 65);
    assert_int_equal(type("app.Session")->pinned_arenas, 1);
    assert_int_equal(type("app.Session")->pinned_blocks, 1);
    assert_int_equal(type("app.Session")->pinned_held, (POOL - live) / 4);
    assert_int_equal(type("(not Python objects)")->pinned_blocks, 3);
    assert_int_equal(type("(not Python objects)")->pinned_held, (POOL - live) / 4 * 3);
}

static void pages_without_a_live_block_are_free(void **state) {
    (void)state;
    pool_build(copy, POOL, 31, 31); /* of 512 bytes: 8 a page, the first begins at 48 */
    for (uint32_t i = 0; i < 31; i++)
        if (i != 0 && i != 15) pool_release(copy, AT, i);
    census_begin_arena(census, AT, ARENA); /* block 15 lies across pages 1 and 2 */
    count(AT);
    census_add_free(census, POOL, POOL);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(result.arenas[0].page_free, PAGE + POOL);
    assert_int_equal(result.page_free, PAGE + POOL);
    assert_int_equal(result.arenas[0].pools, 1);
    assert_int_equal(result.arenas[0].free, POOL);
}

/* Of the first pool but its third page, and of the third, none. */
static bool first_pool_is_present(void *context, uint64_t address, size_t pages, uint64_t *bits) {
    (void)context;
    memset(bits, 0, (pages + 63) / 64 * 8);
    if (address == AT) bits[0] = 0xf & ~4u;
    return true;
}

static void only_pages_that_are_present_are_free(void **state) {
    (void)state;
    python.remote.present = first_pool_is_present;
    pool_build(copy, POOL, 31, 31);
    for (uint32_t i = 1; i < 31; i++) pool_release(copy, AT, i);
    census_begin_arena(census, AT, ARENA);
    count(AT);
    count(AT + POOL);
    census_add_free(census, 2 * POOL, POOL);
    census_add_reserve_apart(census, AT + ARENA, 5 * POOL);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(result.arenas[0].resident, 3 * PAGE);
    assert_int_equal(result.arenas[0].page_free, 2 * PAGE);
    assert_int_equal(result.arenas[0].used, 2 * POOL);
    assert_int_equal(result.arenas[0].free, POOL);
    assert_int_equal(result.resident, 3 * PAGE);
    assert_int_equal(result.page_free, 2 * PAGE);
}

static void pages_of_large_blocks_are_not_free(void **state) {
    (void)state;
    census_begin_arena(census, AT, ARENA);
    census_add_free(census, 0, POOL);
    census_add_large(census, AT + PAGE, PAGE);
    census_add_large(census, AT + 3 * PAGE, UINT64_MAX);
    census_add_reserve_apart(census, AT + ARENA, POOL);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(result.arenas[0].page_free, 2 * PAGE);
    assert_int_equal(result.page_free, 2 * PAGE + POOL);
}

/* Of a pool whose list is cut only the number of live blocks is used. */
static void an_inconsistent_pool_counts_its_blocks(void **state) {
    (void)state;
    pool_build(copy, POOL, 3, 10);
    for (uint32_t i = 0; i < 10; i++) pool_put_object(copy, i, 0, number);
    pool_release(copy, AT, 4);
    memset(copy + pool_offset(copy, 4), 0xff, 8);
    census_begin_arena(census, AT, ARENA);
    count(AT);
    census_end_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(result.pools_inconsistent, 1);
    assert_int_equal(type("(not Python objects)")->blocks, 9);
    assert_int_equal(result.type_count, 1);
    assert_int_equal(result.sizes[0].live, 9 * 64);
    assert_int_equal(result.sizes[0].free_blocks, 255 - 9);
    assert_int_equal(result.sizes[0].held, POOL - 9 * 64);
    assert_int_equal(result.arenas[0].page_free, 3 * PAGE);
}

static void sizes_and_places_are_in_order(void **state) {
    (void)state;
    census_begin_arena(census, AT, ARENA);
    for (uint32_t class = 31; class < 32; class--) {
        pool_build(copy, POOL, class, 2);
        count(AT + class * POOL);
    }
    census_add_place(census, 7, 2 * POOL);
    census_add_place(census, SHOAL_PLACE_FREE, POOL - 1);
    census_end_arena(census, ARENA);
    census_begin_arena(census, AT + ARENA, ARENA);
    census_add_place(census, 9, POOL);
    census_drop_arena(census, ARENA);
    assert_true(census_finish(census));
    assert_int_equal(result.size_count, 32);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(result.sizes[i].block_size, (i + 1) * 16);
        assert_int_equal(result.sizes[i].live_blocks, 2);
    }
    assert_int_equal(result.arena_count, 1);
    assert_int_equal(result.occupancy_count, 2);
    assert_int_equal(result.occupancy[1], 7);
}

static void ranges_that_meet_are_one(void **state) {
    (void)state;
    census_add_range(census, AT, ARENA);
    census_add_range(census, AT + ARENA, ARENA);
    census_add_range(census, AT + 3 * ARENA, ARENA);
    census_add_large(census, AT, 5);
    assert_true(census_finish(census));
    assert_int_equal(result.range_count, 2);
    assert_int_equal(result.ranges[0].bytes, 2 * ARENA);
    assert_int_equal(result.large_count, 1);
    assert_int_equal(result.type_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_have_their_types, begin, end),
        cmocka_unit_test_setup_teardown(blocks_that_are_no_objects_count_with_whom_they_belong_to,
                                        begin, end),
        cmocka_unit_test_setup_teardown(values_are_looked_for_in_the_block_alone, begin, end),
        cmocka_unit_test_setup_teardown(objects_larger_than_their_block_are_none, begin, end),
        cmocka_unit_test_setup_teardown(padding_of_the_debug_allocator_is_skipped, begin, end),
        cmocka_unit_test_setup_teardown(types_of_one_name_are_one, begin, end),
        cmocka_unit_test_setup_teardown(the_emptiest_arenas_are_pinned, begin, end),
        cmocka_unit_test_setup_teardown(pages_without_a_live_block_are_free, begin, end),
        cmocka_unit_test_setup_teardown(only_pages_that_are_present_are_free, begin, end),
        cmocka_unit_test_setup_teardown(pages_of_large_blocks_are_not_free, begin, end),
        cmocka_unit_test_setup_teardown(an_inconsistent_pool_counts_its_blocks, begin, end),
        cmocka_unit_test_setup_teardown(sizes_and_places_are_in_order, begin, end),
        cmocka_unit_test_setup_teardown(ranges_that_meet_are_one, begin, end),
    };
    return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
