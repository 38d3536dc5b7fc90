/* process.c: which heap a block belongs to, and where it ends. */
#include "heap/process.h"
#include "heap/threads.h"

#include "unit.h"

static void a_block_is_placed(void **state) {
    static const size_t sizes[] = {1, 64, 512, 513, 5000, 32768, 32769, 1 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct place place;
        char *block = shoal_malloc(sizes[i]);
        assert_true(place_find(&place, &shared_arenas, block));
        assert_ptr_equal(place.arenas, &shared_arenas);
        assert_int_equal(place.bytes, shoal_usable_size(block));
        assert_true(is_pool(place.first) == (sizes[i] <= SHOAL_POOLED_MAX));
        assert_ptr_equal(arenas_record(&shared_arenas, block), place.record);
        place_must_be_block(&place, thread_heap, block, "free");
        shoal_free(block);
    }
}

static void elsewhere_is_no_place(void **state) {
    static int data;
    struct place place;
    int local;
    (void)state;
    assert_false(place_find(&place, &shared_arenas, &data));
    assert_false(place_find(&place, &object_arenas, &local));
    assert_false(place_find(&place, &shared_arenas, (void *)16));
}

static void the_inside_of_a_block_is_no_block(void **state) {
    static int data;
    char *block = shoal_malloc(100), *large = shoal_malloc(1 << 20);
    (void)state;
    assert_true(is_pooled_block(block));
    assert_false(is_pooled_block(block + 16));
    assert_false(is_pooled_block(large));
    assert_false(is_pooled_block(&data));
    assert_false(is_pooled_block(NULL));
    shoal_free(block);
    shoal_free(large);
}

static void every_thread_heap_has_its_id(void **state) {
    void *block = shoal_malloc(1);
    (void)state;
    assert_true(heap_count > FIRST_THREAD_ID);
    for (uint32_t id = FIRST_THREAD_ID; id < heap_count; id++)
        assert_int_equal(heap_of_id[id]->id, id);
    assert_ptr_equal(heap_of_id[OBJECT_HEAP_ID], &object_heap);
    shoal_free(block);
}

static void nobody_may_touch_the_object_heap_without_python(void **state) {
    (void)state;
    assert_false(may_touch_object_heap());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_block_is_placed, nothing_left),
        cmocka_unit_test_teardown(elsewhere_is_no_place, nothing_left),
        cmocka_unit_test_teardown(the_inside_of_a_block_is_no_block, nothing_left),
        cmocka_unit_test_teardown(every_thread_heap_has_its_id, nothing_left),
        cmocka_unit_test_teardown(nobody_may_touch_the_object_heap_without_python, nothing_left),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
