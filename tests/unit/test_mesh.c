/* mesh.c: pages without a common live byte share memory. */
#include "inspect/mesh.h"

#include "unit.h"

static struct mesh mesh;

static int begin(void **state) {
    (void)state;
    memset(&mesh, 0, sizeof mesh);
    return 0;
}

static void add(uint64_t first, uint64_t second) {
    const uint64_t bits[MESH_WORDS] = {first, second, 0, 0};
    mesh_add_page(&mesh, bits);
}

static void pages_that_overlap_share_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) add(1, 0);
    assert_int_equal(mesh.saved, 0);
}

static void disjoint_pages_share_one(void **state) {
    (void)state;
    for (int i = 0; i < 64; i++) add(1ull << i, 0);
    assert_int_equal(mesh.saved, 63);
    add(~0ull, 0);
    assert_int_equal(mesh.saved, 63);
    add(0, 1);
    assert_int_equal(mesh.saved, 64);
}

static void pairs_of_halves_share(void **state) {
    (void)state;
    for (int i = 0; i < 40; i++) add(~0ull, 0);
    for (int i = 0; i < 60; i++) add(0, ~0ull);
    assert_int_equal(mesh.saved, 40);
}

static void full_pages_cost_no_place(void **state) {
    const uint64_t full[MESH_WORDS] = {~0ull, ~0ull, ~0ull, 0};
    (void)state;
    add(1, 0);
    for (int i = 0; i < 1000; i++) mesh_add_page(&mesh, full);
    add(2, 0);
    assert_int_equal(mesh.saved, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pages_that_overlap_share_nothing, begin),
        cmocka_unit_test_setup(disjoint_pages_share_one, begin),
        cmocka_unit_test_setup(pairs_of_halves_share, begin),
        cmocka_unit_test_setup(full_pages_cost_no_place, begin),
    };
    return cmocka_run_group_tests_name("mesh", tests, NULL, NULL);
}
