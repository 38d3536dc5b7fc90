/* check.c: the walker sees every block, and what is broken. */
#include <stdlib.h>

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
        cmocka_unit_test_teardown(it_finds_an_overwritten_link, nothing_left),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
