/* stats.c: the counts say what is so. */
#include <stdlib.h>
#include <sys/mman.h>

#include "unit.h"

enum { PAGE = 4096, CLASSES_ROOM = 128, RANGES_ROOM = 512 };

static void the_sums_agree(const struct shoal_usage *usage) {
    assert_int_equal(usage->held, usage->pinned + usage->reserve);
    assert_true(usage->large <= usage->live);
    assert_true(usage->peak >= usage->live + usage->held + usage->metadata);
}

/* Bytes of block pages that the kernel says are resident. */
static size_t resident_now(void) {
    struct shoal_range ranges[RANGES_ROOM];
    size_t count = shoal_ranges(ranges, RANGES_ROOM), pages = 0;
    assert_true(count <= RANGES_ROOM);
    for (size_t i = 0; i < count; i++) {
        size_t length = ranges[i].bytes / PAGE;
        unsigned char *present = malloc(length);
        if (ranges[i].is_metadata || !present) {
            free(present);
            continue;
        }
        assert_int_equal(mincore((void *)ranges[i].start, ranges[i].bytes, present), 0);
        for (size_t k = 0; k < length; k++) pages += present[k] & 1;
        free(present);
    }
    return pages * PAGE;
}

static void live_is_the_sum_of_usable_sizes(void **state) {
    static void *blocks[5000];
    struct shoal_usage usage;
    uint64_t seed = 3;
    size_t live = 0;
    (void)state;
    for (int step = 0; step < 40000; step++) {
        size_t i = random_next(&seed) % COUNT_OF(blocks);
        live -= shoal_usable_size(blocks[i]);
        shoal_free(blocks[i]);
        blocks[i] = shoal_malloc(random_next(&seed) % (step % 10 ? 600 : 50000));
        live += shoal_usable_size(blocks[i]);
        if (step % 1000 == 0) {
            shoal_usage(&usage);
            assert_int_equal(usage.live, live);
            the_sums_agree(&usage);
        }
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
    shoal_usage(&usage);
    assert_int_equal(usage.live, 0);
    the_sums_agree(&usage);
}

/* What the kernel has in memory for us is live or held, nothing else; and when
 * every block was written to whole, nothing that we call live is missing. */
static void live_and_held_are_what_is_resident(void **state) {
    static void *blocks[20000];
    struct shoal_usage usage;
    uint64_t seed = 5;
    (void)state;
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            if (blocks[i] && random_next(&seed) % 4) continue;
            shoal_free(blocks[i]);
            size_t size = random_next(&seed) % (i % 100 ? 300 : 60000);
            blocks[i] = shoal_malloc(size);
            assert_non_null(blocks[i]);
            memset(blocks[i], 1, shoal_usable_size(blocks[i]));
        }
        for (size_t i = round; i < COUNT_OF(blocks); i += 5) {
            shoal_free(blocks[i]);
            blocks[i] = NULL;
        }
        shoal_usage(&usage);
        size_t resident = resident_now();
        assert_true(resident <= usage.live + usage.held);
        assert_true(usage.live <= resident);
        /* Pages at the end of a pool that were never touched are all that
           may be missing. */
        assert_true(usage.live + usage.held <= resident + resident / 20);
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        shoal_free(blocks[i]);
        blocks[i] = NULL;
    }
    shoal_trim();
    shoal_usage(&usage);
    assert_true(resident_now() <= usage.held);
}

static void returned_counts_what_went_back(void **state) {
    struct shoal_usage before, after;
    static void *blocks[10000];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = memset(shoal_malloc(1000), 1, 1000);
    shoal_usage(&before);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
    size_t trimmed = shoal_trim();
    shoal_usage(&after);
    assert_true(after.returned >= before.returned + trimmed);
    assert_true(after.returned - before.returned >= COUNT_OF(blocks) * 1000 * 99 / 100);
    assert_int_equal(after.reserve, 0);
    assert_int_equal(shoal_trim(), 0);
}

static void the_peak_stays(void **state) {
    struct shoal_usage usage;
    size_t size = (size_t)30 << 20;
    void *block = shoal_malloc(size);
    (void)state;
    memset(block, 1, size);
    shoal_free(block);
    shoal_trim();
    shoal_usage(&usage);
    assert_true(usage.peak >= size);
    assert_true(usage.live + usage.held < size);
}

static void classes_add_up(void **state) {
    static void *blocks[3000];
    struct shoal_class_usage classes[CLASSES_ROOM];
    struct shoal_usage usage;
    size_t live = 0, blocks_live = 0, held = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = shoal_malloc(i * 11);
    size_t count = shoal_class_usage(classes, CLASSES_ROOM);
    assert_true(count > 30 && count < CLASSES_ROOM);
    shoal_usage(&usage);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(classes[i].live, classes[i].live_blocks * classes[i].block_size);
        assert_true(i == 0 || classes[i].block_size >= classes[i - 1].block_size);
        live += classes[i].live;
        blocks_live += classes[i].live_blocks;
        held += classes[i].held;
    }
    assert_int_equal(live + usage.large, usage.live);
    assert_int_equal(blocks_live, (SHOAL_POOLED_MAX / 11) + 1);
    assert_int_equal(held, usage.pinned);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
}

/* With too little room, what fits is filled and the whole count returned. */
static void room_is_respected(void **state) {
    struct shoal_class_usage classes[3];
    struct shoal_range ranges[2];
    void *block = shoal_malloc(10);
    (void)state;
    memset(classes, 0x77, sizeof(classes));
    memset(ranges, 0x77, sizeof(ranges));
    struct shoal_class_usage untouched = classes[2];
    struct shoal_range untouched_range = ranges[1];
    assert_true(shoal_class_usage(classes, 2) > 30);
    assert_memory_equal(&classes[2], &untouched, sizeof(untouched));
    assert_true(shoal_ranges(ranges, 1) >= 1);
    assert_memory_equal(&ranges[1], &untouched_range, sizeof(untouched_range));
    assert_true(shoal_ranges(NULL, 0) >= 1);
    assert_true(shoal_class_usage(NULL, 0) > 30);
    shoal_free(block);
}

static void every_block_is_in_a_range(void **state) {
    static const size_t sizes[] = {1, 500, 3000, 32768, 100000, 2 << 20, 80 << 20};
    struct shoal_range ranges[RANGES_ROOM];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *block = shoal_malloc(sizes[i]);
        size_t count = shoal_ranges(ranges, RANGES_ROOM), found = 0, metadata = 0;
        for (size_t k = 0; k < count; k++) {
            const char *start = ranges[k].start;
            metadata += ranges[k].is_metadata != 0;
            if (block >= start && block + sizes[i] <= start + ranges[k].bytes)
                found += !ranges[k].is_metadata;
            for (size_t j = 0; j < k; j++) {
                const char *other = ranges[j].start;
                assert_true(other + ranges[j].bytes <= start || start + ranges[k].bytes <= other);
            }
        }
        assert_int_equal(found, 1);
        assert_true(metadata >= 1);
        shoal_free(block);
    }
}

static const struct shoal_live_pool *pool_with(const struct shoal_live_pool *pools, size_t count,
                                               const void *block) {
    for (size_t i = 0; i < count; i++)
        if ((size_t)((const char *)block - (const char *)pools[i].start) < pools[i].bytes)
            return &pools[i];
    return NULL;
}

/* Every live block is in one of the pools, and what they pin is what is pinned. */
static void live_pools_are_where_the_live_blocks_are(void **state) {
    static struct shoal_live_pool pools[40000];
    static void *blocks[20000];
    static size_t seen[COUNT_OF(pools)];
    struct shoal_usage before, usage;
    size_t pinned = 0, live = 0;
    (void)state;
    shoal_usage(&before);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = shoal_malloc(i * 7 % 3000);
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        if (i % 100) shoal_free(blocks[i]);
    size_t count = shoal_live_pools(pools, COUNT_OF(pools));
    assert_true(count > 0 && count < COUNT_OF(pools));
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < COUNT_OF(blocks); i += 100) {
        const struct shoal_live_pool *pool = pool_with(pools, count, blocks[i]);
        assert_non_null(pool);
        assert_int_equal(pool->block_size, shoal_usable_size(blocks[i]));
        seen[pool - pools]++;
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen[i], pools[i].live_blocks);
        assert_true(pools[i].resident <= pools[i].bytes);
        live += pools[i].live_blocks * pools[i].block_size;
        pinned += pools[i].resident - pools[i].live_blocks * pools[i].block_size;
    }
    shoal_usage(&usage);
    assert_int_equal(live, usage.live - usage.large);
    /* All else that is pinned are heaps' current pools without a live block. */
    assert_true(pinned <= usage.pinned && usage.pinned <= pinned + before.pinned + 57 * 40960);
    assert_int_equal(shoal_live_pools(NULL, 0), count);
    for (size_t i = 0; i < COUNT_OF(blocks); i += 100) shoal_free(blocks[i]);
    assert_int_equal(shoal_live_pools(pools, COUNT_OF(pools)), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(live_is_the_sum_of_usable_sizes, nothing_left),
        cmocka_unit_test_teardown(live_and_held_are_what_is_resident, nothing_left),
        cmocka_unit_test_teardown(returned_counts_what_went_back, nothing_left),
        cmocka_unit_test_teardown(the_peak_stays, nothing_left),
        cmocka_unit_test_teardown(live_pools_are_where_the_live_blocks_are, nothing_left),
        cmocka_unit_test_teardown(classes_add_up, nothing_left),
        cmocka_unit_test_teardown(room_is_respected, nothing_left),
        cmocka_unit_test_teardown(every_block_is_in_a_range, nothing_left),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
