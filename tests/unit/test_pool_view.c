/* pool_view.c: pymalloc's pools, made by hand, right and wrong. */
#include "inspect/pool_view.h"

#include "unit.h"

#include "python_image.h"

static const uint64_t AT = 0x7f1234560000;
static const uint32_t sizes[] = {4096, 16384}; /* of pools: of 3.9, and since */

static uint8_t copy[POOL_BYTES_MAX];

static struct pool_view view(uint32_t bytes) {
    struct pool_view pool;
    memset(&pool, 0x77, sizeof pool); /* nothing may be left as it was */
    pool_view_pymalloc(&pool, copy, AT, bytes);
    return pool;
}

static void put_half(size_t at, uint32_t half) { memcpy(copy + at, &half, sizeof half); }
static void put_word(size_t at, uint64_t word) { memcpy(copy + at, &word, sizeof word); }

static uint32_t marked(const struct pool_view *pool) {
    uint32_t count = 0;
    for (size_t i = 0; i < COUNT_OF(pool->is_live); i++)
        count += (uint32_t)__builtin_popcountll(pool->is_live[i]);
    return count;
}

static void every_size_class_is_read(void **state) {
    (void)state;
    for (size_t k = 0; k < COUNT_OF(sizes); k++)
        for (uint32_t class = 0; class < POOL_CLASSES; class++) {
            uint32_t blocks = (sizes[k] - POOL_HEADER_BYTES) / ((class + 1) * 16);
            for (uint32_t carved = 1; carved <= blocks; carved++) {
                pool_build(copy, sizes[k], class, carved);
                struct pool_view pool = view(sizes[k]);
                assert_int_equal(pool.state, POOL_USED);
                assert_int_equal(pool.block_bytes, (class + 1) * 16);
                assert_int_equal(pool.blocks, blocks);
                assert_int_equal(pool.carved, carved);
                assert_int_equal(pool.live, carved);
                assert_true(pool.is_told && marked(&pool) == carved);
            }
        }
}

static void blocks_in_the_free_list_are_not_live(void **state) {
    (void)state;
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        pool_build(copy, sizes[k], 3, 50);
        for (uint32_t block = 1; block < 50; block += 3) pool_release(copy, AT, block);
        struct pool_view pool = view(sizes[k]);
        assert_true(pool.state == POOL_USED && pool.is_told);
        assert_int_equal(pool.live, 50 - 17);
        for (uint32_t block = 0; block < 50; block++)
            assert_int_equal(pool_has_live(&pool, block), block % 3 != 1);
        assert_int_equal(marked(&pool), 50 - 17);
    }
}

static void a_pool_without_live_blocks_is_free(void **state) {
    (void)state;
    pool_build(copy, 4096, 0, 2);
    pool_release(copy, AT, 0);
    pool_release(copy, AT, 1);
    assert_int_equal(view(4096).state, POOL_FREE);
    memset(copy, 0, sizeof copy);
    assert_int_equal(view(4096).state, POOL_FREE);
}

static void headers_that_contradict_themselves_are_odd(void **state) {
    static const struct {
        size_t at;
        uint32_t value;
    } wrong[] = {
        {POOL_CLASS_AT, POOL_CLASSES},
        {POOL_CLASS_AT, UINT32_MAX},
        {POOL_CLASS_AT, 4},
        {POOL_COUNT_AT, 11},
        {POOL_COUNT_AT, UINT32_MAX},
        {POOL_NEXT_AT, 0},
        {POOL_NEXT_AT, 47},
        {POOL_NEXT_AT, 48 + 641},
        {POOL_NEXT_AT, 16400},
        {POOL_NEXT_AT, UINT32_MAX - 15},
        {POOL_MAX_NEXT_AT, 0},
        {POOL_MAX_NEXT_AT, UINT32_MAX},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        pool_build(copy, 16384, 3, 10);
        put_half(wrong[i].at, wrong[i].value);
        assert_int_equal(view(16384).state, POOL_ODD);
    }
    pool_build(copy, 16384, 3, 10);
    assert_int_equal(view(4096).state, POOL_ODD); /* of another version */
}

/* Then it is known how many are live, but not which. */
static void lists_that_lead_astray_are_not_believed(void **state) {
    uint32_t third = 48 + 2 * 64;
    const uint64_t links[] = {
        AT + third + 8,       /* between blocks     */
        AT + third,           /* a circle           */
        AT + 48 + 10 * 64,    /* not carved         */
        AT + 8,               /* in the header      */
        AT + 16384,           /* past the end       */
        AT + 16384 - 4,       /* half past it       */
        AT - 64 + 48,         /* before the pool    */
        1,
        UINT64_MAX,
        AT + 48,              /* another block, which the count does not know of */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        pool_build(copy, 16384, 3, 10);
        pool_release(copy, AT, 2);
        put_word(third, links[i]);
        struct pool_view pool = view(16384);
        assert_int_equal(pool.state, POOL_USED);
        assert_int_equal(pool.live, 9);
        assert_false(pool.is_told);
    }
}

static void a_long_circle_ends(void **state) {
    (void)state;
    pool_build(copy, 16384, 0, 1021);
    for (uint32_t block = 0; block < 1020; block++) pool_release(copy, AT, block);
    put_word(pool_offset(copy, 0), AT + pool_offset(copy, 1019));
    struct pool_view pool = view(16384);
    assert_int_equal(pool.live, 1);
    assert_false(pool.is_told);
}

static void a_pool_names_its_arena(void **state) {
    (void)state;
    pool_build(copy, 4096, 1, 1);
    put_half(POOL_ARENA_AT, 0xabcdef);
    assert_int_equal(pool_arena_index(copy), 0xabcdef);
}

/* Whatever is in it: it ends and stays within the copy. */
static void noise_does_no_harm(void **state) {
    uint64_t seed = 11;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint32_t bytes = sizes[round % 2];
        pool_build(copy, bytes, (uint32_t)random_next(&seed) % POOL_CLASSES, 5);
        for (int i = 0; i < 6; i++) {
            size_t at = random_next(&seed) % 200 / 4 * 4;
            put_half(at, (uint32_t)random_next(&seed) % (i % 2 ? 20000 : 300));
        }
        put_word(POOL_FREE_AT, AT + random_next(&seed) % 20000);
        struct pool_view pool = view(bytes);
        if (pool.state != POOL_USED) continue;
        assert_true(pool.live <= pool.carved && pool.carved <= pool.blocks);
        assert_true(pool.first + pool.blocks * pool.block_bytes <= bytes);
        if (pool.is_told) assert_int_equal(marked(&pool), pool.live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_class_is_read),
        cmocka_unit_test(blocks_in_the_free_list_are_not_live),
        cmocka_unit_test(a_pool_without_live_blocks_is_free),
        cmocka_unit_test(headers_that_contradict_themselves_are_odd),
        cmocka_unit_test(lists_that_lead_astray_are_not_believed),
        cmocka_unit_test(a_long_circle_ends),
        cmocka_unit_test(a_pool_names_its_arena),
        cmocka_unit_test(noise_does_no_harm),
    };
    return cmocka_run_group_tests_name("pool_view", tests, NULL, NULL);
}
