/* watch.c: who is told of blocks, and of which. */
#include <pthread.h>
#include <stdbool.h>

#include "unit.h"

/* What was told last, and how often. */
static struct told {
    const void *took, *gave, *resized;
    size_t took_bytes, resized_bytes;
    int took_count, gave_count, resized_count;
} told;

static void *took(void *block, size_t bytes) {
    told.took = block;
    told.took_bytes = bytes;
    told.took_count++;
    return block;
}

static void gives(void *block) {
    told.gave = block;
    told.gave_count++;
}

static void *resizes(void *block, size_t bytes, void *(*by)(void *block, size_t bytes)) {
    told.resized = block;
    told.resized_bytes = bytes;
    told.resized_count++;
    return by(block, bytes);
}

static const struct shoal_watcher all = {took, gives, resizes};
static const struct shoal_watcher gone = {NULL, gives, resizes};

static int begin(void **state) {
    (void)state;
    told = (struct told){0};
    shoal_watch(&all);
    return 0;
}

static int end(void **state) {
    shoal_watch(NULL);
    return nothing_left(state);
}

static const size_t sizes[] = {0,    1,     16,    17,    512,     513,     1024,
                               4096, 32768, 32769, 65536, 1 << 20, 40 << 20};

static void blocks_of_every_size_are_told_of_by_what_was_asked_for(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        told = (struct told){0};
        void *block = shoal_malloc(sizes[i]);
        assert_ptr_equal(told.took, block);
        assert_int_equal(told.took_bytes, sizes[i]);
        shoal_free(block);
        assert_ptr_equal(told.gave, block);
        assert_int_equal(told.took_count, 1);
        assert_int_equal(told.gave_count, 1);
    }
}

static void zeros_are_told_of(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        told = (struct told){0};
        void *block = shoal_calloc(3, sizes[i]);
        assert_true(pattern_is_zero(block, 3 * sizes[i]));
        assert_int_equal(told.took_bytes, 3 * sizes[i]);
        assert_int_equal(told.took_count, 1);
        shoal_free(block);
        assert_ptr_equal(told.gave, block);
    }
}

static void aligned_blocks_are_told_of(void **state) {
    (void)state;
    for (size_t align = 8; align <= 1 << 20; align *= 2) {
        told = (struct told){0};
        void *block = shoal_aligned_alloc(align, 100);
        assert_int_equal((uintptr_t)block % align, 0);
        assert_ptr_equal(told.took, block);
        assert_int_equal(told.took_bytes, 100);
        assert_int_equal(told.took_count, 1);
        shoal_free(block);
        assert_ptr_equal(told.gave, block);
        assert_int_equal(told.gave_count, 1);
    }
}

static void a_resized_block_is_told_of_as_one(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        void *block = shoal_malloc(100);
        told = (struct told){0};
        void *resized = shoal_realloc(block, sizes[i]);
        if (sizes[i] == 0) {
            assert_null(resized);
            assert_ptr_equal(told.gave, block);
            assert_int_equal(told.resized_count, 0);
            continue;
        }
        assert_ptr_equal(told.resized, block);
        assert_int_equal(told.resized_bytes, sizes[i]);
        assert_int_equal(told.resized_count, 1);
        shoal_free(resized);
    }
    told = (struct told){0};
    shoal_free(shoal_realloc(NULL, 77));
    assert_int_equal(told.took_bytes, 77);
    assert_int_equal(told.resized_count, 0);
}

static void what_there_is_not_is_not_told_of(void **state) {
    (void)state;
    shoal_free(NULL);
    assert_null(shoal_malloc(SIZE_MAX));
    assert_null(shoal_calloc(SIZE_MAX, 2));
    assert_null(shoal_aligned_alloc(3, 100));
    assert_int_equal(told.took_count + told.gave_count + told.resized_count, 0);
}

static void those_that_go_can_be_told_of_alone(void **state) {
    (void)state;
    void *block = shoal_malloc(100);
    shoal_watch(&gone);
    told = (struct told){0};
    void *other = shoal_malloc(100), *large = shoal_malloc(100000);
    assert_int_equal(told.took_count, 0);
    shoal_free(block);
    assert_ptr_equal(told.gave, block);
    shoal_free(shoal_realloc(other, 1000));
    assert_ptr_equal(told.resized, other);
    shoal_free(large);
    assert_ptr_equal(told.gave, large);
}

static void nobody_is_told_when_nobody_watches(void **state) {
    (void)state;
    void *blocks[COUNT_OF(sizes)];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) blocks[i] = shoal_malloc(sizes[i]);
        shoal_watch(NULL);
        told = (struct told){0};
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            shoal_free(shoal_realloc(blocks[i], sizes[i] + 1000));
        shoal_free(shoal_aligned_alloc(64, 100));
        assert_int_equal(told.took_count + told.gave_count + told.resized_count, 0);
        shoal_watch(&all);
    }
}

static void *free_it(void *block) {
    shoal_free(block);
    return NULL;
}

static void what_another_thread_frees_is_told_of(void **state) {
    pthread_t thread;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        void *block = shoal_malloc(sizes[i]);
        told = (struct told){0};
        pthread_create(&thread, NULL, free_it, block);
        pthread_join(thread, NULL);
        assert_ptr_equal(told.gave, block);
    }
    shoal_trim();
}

/* So many that they come from new pools and arenas, in which the fast path stays closed. */
static void many_blocks_are_told_of(void **state) {
    enum { COUNT = 20000 / SLOWNESS };
    static void *blocks[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) blocks[i] = shoal_malloc(i % 5000);
    assert_int_equal(told.took_count, COUNT);
    assert_int_equal(shoal_check(), COUNT);
    for (size_t i = 0; i < COUNT; i++) shoal_free(blocks[i]);
    assert_int_equal(told.gave_count, COUNT);
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        WATCHED(blocks_of_every_size_are_told_of_by_what_was_asked_for),
        WATCHED(zeros_are_told_of),
        WATCHED(aligned_blocks_are_told_of),
        WATCHED(a_resized_block_is_told_of_as_one),
        WATCHED(what_there_is_not_is_not_told_of),
        WATCHED(those_that_go_can_be_told_of_alone),
        WATCHED(nobody_is_told_when_nobody_watches),
        WATCHED(what_another_thread_frees_is_told_of),
        WATCHED(many_blocks_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
