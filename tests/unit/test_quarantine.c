/* quarantine.c: who writes to where a block was is found out. */
#include "compact/quarantine.h"
#include "dies.h"
#include "made_up_objects.h"

static void blocks_go_back_when_nobody_wrote_to_them(void **state) {
    (void)state;
    assert_true(quarantine_reserve(2));
    quarantine_add(make(1), sizeof(struct made));
    quarantine_add(make(2), sizeof(struct made));
    quarantine_empty();
    assert_int_equal(shoal_check(), 0);
}

static void write_and_empty(void *block) {
    quarantine_add(block, sizeof(struct made));
    ((struct made *)block)->value = 1;
    quarantine_empty();
}

static void a_write_is_found_out(void **state) {
    char line[200];
    (void)state;
    assert_true(quarantine_reserve(1));
    root[0] = make(0);
    snprintf(line, sizeof line,
             "shoal: compact: byte %zu of the %zu-byte block %p was written after the block moved",
             offsetof(struct made, value), sizeof(struct made), (void *)root[0]);
    assert_dies(write_and_empty, root[0], line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_objects, end_objects)
        TEST(blocks_go_back_when_nobody_wrote_to_them),
        TEST(a_write_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
