/* check.c: the walker sees every block, and what is broken. */
#include <stdlib.h>

#include "heap/free.h"
#include "heap/run_list.h"

#include "dies.h"

static void it_counts_the_live_blocks(void **state) {
    static void *blocks[2000];
    size_t live = 0;
    (void)state;
    assert_int_equal(shoal_check(), 0);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        blocks[i] = shoal_malloc(i * 37);
        assert_int_equal(shoal_check(), ++live);
        if (i % 100 == 99) shoal_trim();
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i += 2) {
        shoal_free(blocks[i]);
        blocks[i] = NULL;
        live--;
    }
    assert_int_equal(shoal_check(), live);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
}

static struct pool *first_run(struct arenas *arenas, enum page_kind kind) {
    for (size_t i = 0; i < arenas->arena_count; i++)
        for (size_t page = 0; page < arenas->arena[i].top; page++)
            if (arenas->arena[i].records[page].kind == kind) return &arenas->arena[i].records[page];
    return NULL;
}

/* As another thread returns pages, which it does without the lock. */
static void it_passes_runs_that_are_on_their_way_to_the_system(void **state) {
    void *block = shoal_malloc(100000);
    (void)state;
    shoal_free(block);
    struct pool *run = first_run(&shared_arenas, PAGE_DIRTY);
    assert_non_null(run);
    run_unlink(&shared_arenas, run);
    run_set_busy(&shared_arenas, run, run->run_pages);
    assert_int_equal(shoal_check(), 0);
    run_end_busy(run);
    run_link_merged(&shared_arenas, run, run->run_pages, PAGE_DIRTY);
    assert_int_equal(shoal_check(), 0);
}

enum { ROUNDS = 300 };
static atomic_int threads_inside;

/* Changes pools all the time: more blocks than a pool has, of several classes. */
static void *take_and_free(void *unused) {
    static __thread void *blocks[3000];
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = shoal_malloc(i % 2000 + 1);
        for (size_t i = 0; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
    }
    atomic_fetch_sub(&threads_inside, 1);
    return NULL;
}

/* As in a program whose threads have been joined and are not gone yet. */
static void it_may_be_called_while_others_are_in_the_heap(void **state) {
    pthread_t threads[2];
    (void)state;
    atomic_store(&threads_inside, COUNT_OF(threads));
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_free, NULL), 0);
    while (atomic_load(&threads_inside) > 0) {
        shoal_check();
        usleep(100); /* locks are not fair: let the others have them */
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
    assert_int_equal(shoal_check(), 0);
}

static void check_after_a_write(void *block) {
    strcpy(block, "written too late");
    shoal_check();
}

/* A free block is written to: the walk finds it, wherever it is in the list. */
static void it_finds_an_overwritten_link(void **state) {
    void *blocks[20];
    char line[200];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = shoal_malloc(64);
    for (size_t i = 1; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
    for (size_t i = 2; i < COUNT_OF(blocks); i += 5) {
        snprintf(line, sizeof(line),
                 "shoal: write after free: the free list of 64-byte blocks at %p is overwritten",
                 blocks[i]);
        assert_dies(check_after_a_write, blocks[i], line);
    }
    shoal_free(blocks[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(it_counts_the_live_blocks, nothing_left),
        cmocka_unit_test_teardown(it_passes_runs_that_are_on_their_way_to_the_system, nothing_left),
        cmocka_unit_test_teardown(it_may_be_called_while_others_are_in_the_heap, nothing_left),
        cmocka_unit_test_teardown(it_finds_an_overwritten_link, nothing_left),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
