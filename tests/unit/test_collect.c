/* collect.c: whole free pages out of the heap of a thread that waits. */
#include <pthread.h>

#include "dies.h"
#include "heap/collect.h"
#include "heap/process.h"
#include "heap/threads.h"

enum { BLOCKS = 4096 };

/* A thread that makes blocks, waits, and does more when it is told to. */
static struct owner {
    pthread_t thread;
    pthread_barrier_t barrier;
    size_t bytes;
    void *blocks[BLOCKS];
    struct heap *heap;
    void (*later)(struct owner *); /* NULL: nothing */
} owner;

static void *own(void *unused) {
    (void)unused;
    for (size_t i = 0; i < BLOCKS; i++) {
        owner.blocks[i] = shoal_malloc(owner.bytes);
        memset(owner.blocks[i], 1, owner.bytes);
    }
    owner.heap = thread_heap;
    pthread_barrier_wait(&owner.barrier);
    pthread_barrier_wait(&owner.barrier);
    if (owner.later) owner.later(&owner);
    return NULL;
}

static void owner_fills(size_t bytes, void (*later)(struct owner *)) {
    owner.bytes = bytes;
    owner.later = later;
    pthread_barrier_init(&owner.barrier, NULL, 2);
    assert_int_equal(pthread_create(&owner.thread, NULL, own, NULL), 0);
    pthread_barrier_wait(&owner.barrier);
}

static void owner_goes_on(void) {
    pthread_barrier_wait(&owner.barrier);
    assert_int_equal(pthread_join(owner.thread, NULL), 0);
    pthread_barrier_destroy(&owner.barrier);
}

static struct shoal_usage usage_now(void) {
    struct shoal_usage usage;
    shoal_usage(&usage);
    return usage;
}

static size_t pool_bytes(size_t bytes) {
    return (size_t)size_classes[class_of(bytes)].pages << PAGE_SHIFT;
}

static void what_others_freed_comes_back_while_the_owner_waits(void **state) {
    static const size_t sizes[] = {16, 64, 500, 640, 5000, 8192, 32768};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        owner_fills(sizes[i], NULL);
        for (size_t b = 0; b < BLOCKS; b++) shoal_free(owner.blocks[b]);
        heap_collect(owner.heap);
        struct shoal_usage usage = usage_now();
        assert_true(usage.live <= pool_bytes(sizes[i])); /* the current pool's */
        shoal_check();
        owner_goes_on();
        assert_int_equal(live_now(), 0);
    }
}

static void pools_with_a_live_block_stay(void **state) {
    size_t left = 0;
    (void)state;
    owner_fills(8192, NULL);
    for (size_t b = 0; b < BLOCKS; b++) {
        if (b % 64 == 0)
            left++;
        else
            shoal_free(owner.blocks[b]);
    }
    heap_collect(owner.heap);
    assert_true(usage_now().live >= left * 8192);
    assert_true(usage_now().live <= (left + 1) * pool_bytes(8192));
    for (size_t b = 0; b < BLOCKS; b += 64) {
        assert_int_equal(*(unsigned char *)owner.blocks[b], 1);
        shoal_free(owner.blocks[b]);
    }
    heap_collect(owner.heap);
    assert_true(usage_now().live <= pool_bytes(8192));
    owner_goes_on();
    assert_int_equal(live_now(), 0);
}

static void free_half(struct owner *owner_) {
    for (size_t b = 1; b < BLOCKS; b += 2) shoal_free(owner_->blocks[b]);
}

/* The owner's frees and others' meet in one pool: neither takes it from the other. */
static void partial_pools_wait_for_the_owner(void **state) {
    (void)state;
    owner_fills(64, free_half);
    for (size_t b = 0; b < BLOCKS; b += 2) shoal_free(owner.blocks[b]);
    heap_collect(owner.heap);
    heap_collect(owner.heap);
    shoal_check();
    owner_goes_on();
    assert_int_equal(live_now(), 0);
}

static void fill_and_free_some(struct owner *owner_) {
    for (size_t b = 0; b < BLOCKS; b++) owner_->blocks[b] = shoal_malloc(owner_->bytes);
    for (size_t b = 0; b < BLOCKS; b += 3) shoal_free(owner_->blocks[b]);
    pthread_barrier_wait(&owner_->barrier);
    pthread_barrier_wait(&owner_->barrier);
}

static void the_rest_of_partial_pools_comes_back(void **state) {
    (void)state;
    owner_fills(640, fill_and_free_some);
    for (size_t b = 0; b < BLOCKS; b++) shoal_free(owner.blocks[b]);
    pthread_barrier_wait(&owner.barrier);
    pthread_barrier_wait(&owner.barrier); /* it has filled, and freed every third */
    for (size_t b = 0; b < BLOCKS; b++)
        if (b % 3) shoal_free(owner.blocks[b]);
    heap_collect(owner.heap);
    assert_true(usage_now().live <= pool_bytes(640));
    shoal_check();
    owner_goes_on();
    assert_int_equal(live_now(), 0);
}

static void trim_gives_back_what_other_threads_have(void **state) {
    (void)state;
    owner_fills(8192, NULL);
    for (size_t b = 0; b < BLOCKS; b++) shoal_free(owner.blocks[b]);
    shoal_trim();
    assert_true(usage_now().held + usage_now().live <= 4 * pool_bytes(8192));
    owner_goes_on();
}

static void free_the_inside(void *unused) {
    (void)unused;
    shoal_free((char *)owner.blocks[7] + 8);
    heap_collect(owner.heap);
}

static void a_pointer_into_a_block_is_named(void **state) {
    char line[128];
    (void)state;
    owner_fills(64, NULL);
    snprintf(line, sizeof line, "shoal: invalid free of %p: inside the 64-byte block %p",
             (void *)((char *)owner.blocks[7] + 8), owner.blocks[7]);
    assert_dies(free_the_inside, NULL, line);
    for (size_t b = 0; b < BLOCKS; b++) shoal_free(owner.blocks[b]);
    owner_goes_on();
}

static void links_may_come_in_any_order(void **state) {
    uint64_t seed = 3;
    (void)state;
    owner_fills(48, NULL);
    for (size_t b = BLOCKS; b-- > 1;) {
        size_t other = random_next(&seed) % (b + 1);
        void *block = owner.blocks[b];
        owner.blocks[b] = owner.blocks[other];
        owner.blocks[other] = block;
    }
    for (size_t b = 0; b < BLOCKS; b++) {
        shoal_free(owner.blocks[b]);
        if (b % 1000 == 0) heap_collect(owner.heap);
    }
    heap_collect(owner.heap);
    assert_true(usage_now().live <= pool_bytes(48));
    owner_goes_on();
    assert_int_equal(live_now(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_others_freed_comes_back_while_the_owner_waits, nothing_left),
        cmocka_unit_test_teardown(pools_with_a_live_block_stay, nothing_left),
        cmocka_unit_test_teardown(partial_pools_wait_for_the_owner, nothing_left),
        cmocka_unit_test_teardown(the_rest_of_partial_pools_comes_back, nothing_left),
        cmocka_unit_test_teardown(trim_gives_back_what_other_threads_have, nothing_left),
        cmocka_unit_test_teardown(a_pointer_into_a_block_is_named, nothing_left),
        cmocka_unit_test_teardown(links_may_come_in_any_order, nothing_left),
    };
    return cmocka_run_group_tests_name("collect", tests, NULL, NULL);
}
