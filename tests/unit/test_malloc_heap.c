/* malloc_heap.c, malloc_arenas.c: heaps of known blocks, and heaps that lie. */
#include "inspect/malloc_heap.h"

#include <stdlib.h>

#include "unit.h"

#include "malloc_image.h"
#include "python_image.h"

enum { PAGE = 4096, TOP_WORD = MALLOC_IMAGE_TOP_AT };

static struct image image;
static struct remote remote;
static struct malloc_image heap;
static struct shoal_inspection result;

static int begin(void **state) {
    (void)state;
    image_init(&image);
    malloc_image_map(&heap, &image);
    return !remote_init(&remote, image_read, &image);
}

static int end(void **state) {
    (void)state;
    shoal_inspection_end(&result);
    remote_end(&remote);
    image_end(&image);
    return 0;
}

static void forget_pages(void) {
    for (size_t page = 0; page < REMOTE_CACHE; page++) remote.cache[page].page = 0;
}

/* Gives how many regions there are. */
static size_t count(void) {
    struct census *census = malloc(sizeof *census);
    struct malloc_regions regions;
    forget_pages();
    shoal_inspection_end(&result);
    result = (struct shoal_inspection){.pool_bytes = PAGE};
    assert_true(census_init(census, &result, &remote, layout_of(13)));
    assert_true(malloc_regions_find(&regions, &remote, &image.maps));
    assert_true(malloc_heap_count(census, &regions));
    assert_true(census_finish(census));
    size_t found = regions.count;
    malloc_regions_end(&regions);
    census_end(census);
    free(census);
    return found;
}

static void used_and_free_blocks_are_told_apart(void **state) {
    uint64_t blocks[20], live = 0;
    (void)state;
    for (uint64_t i = 0; i < COUNT_OF(blocks); i++)
        blocks[i] = malloc_image_block(&heap, 48 + i * 1200);
    for (uint64_t i = 0; i < COUNT_OF(blocks); i += 2) malloc_image_free(&heap, blocks[i]);
    for (uint64_t i = 1; i < COUNT_OF(blocks); i += 2) live += 48 + i * 1200;
    assert_int_equal(count(), 1);
    assert_int_equal(result.malloc.blocks, 10);
    assert_int_equal(result.malloc.live, live);
    assert_int_equal(result.malloc.free, MALLOC_IMAGE_BYTES - live);
    assert_int_equal(result.malloc.unread, 0);
    assert_in_range(result.malloc.page_free, 1, result.malloc.free);
    assert_int_equal(result.owned_count, 1);
    assert_int_equal(result.owned[0].owner, SHOAL_OWNER_MALLOC);
    assert_int_equal(result.types[0].bytes, live);
}

/* A block of 2,264 bytes is in a pool of five pages there, one of 40,000 in none. */
static void of_what_is_free_shoal_would_keep_the_rest_of_pools(void **state) {
    static const uint64_t SIZES[] = {2272, 40016};
    static const uint64_t KEPT[] = {5 * PAGE - 2272, 0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        heap.next = MALLOC_IMAGE_HEAP;
        uint64_t before = malloc_image_block(&heap, 10 * PAGE), used;
        used = malloc_image_block(&heap, SIZES[i]);
        uint64_t after = malloc_image_block(&heap, 10 * PAGE);
        malloc_image_block(&heap, 48);
        malloc_image_free(&heap, before);
        malloc_image_free(&heap, after);
        assert_true(used > before);
        count();
        uint64_t rest = MALLOC_IMAGE_HEAP + MALLOC_IMAGE_BYTES - heap.next;
        assert_in_range(result.malloc.page_free, 17 * PAGE + rest / PAGE * PAGE - PAGE,
                        20 * PAGE + rest);
        assert_in_range(result.malloc.pool_kept, KEPT[i] - KEPT[i] / 4, KEPT[i] + 2 * PAGE);
        if (KEPT[i] == 0) assert_int_equal(result.malloc.pool_kept, 0);
    }
}

static void freed_blocks_that_are_marked_as_used_are_free(void **state) {
    uint64_t cached[4], listed[5];
    (void)state;
    for (uint64_t i = 0; i < COUNT_OF(cached); i++)
        cached[i] = malloc_image_block(&heap, 64 + i * 16);
    for (uint64_t i = 0; i < COUNT_OF(listed); i++) listed[i] = malloc_image_block(&heap, 96);
    malloc_image_block(&heap, 4800);
    assert_int_equal(count(), 1);
    assert_int_equal(result.malloc.blocks, 10);
    image_put_word(&image, heap.next, 0);
    malloc_image_list(&heap, listed, COUNT_OF(listed));
    assert_int_equal(count(), 1);
    assert_int_equal(result.malloc.blocks, 5);
}

static void a_thread_s_freed_blocks_have_a_key(void **state) {
    uint64_t blocks[4];
    (void)state;
    malloc_image_cache(&heap, NULL, 0); /* as the first of a process: empty at first */
    for (uint64_t i = 0; i < COUNT_OF(blocks); i++)
        blocks[i] = malloc_image_block(&heap, 64 + i * 32);
    assert_int_equal(count(), 1);
    assert_int_equal(result.malloc.blocks, 5);
    heap.next = MALLOC_IMAGE_HEAP;
    malloc_image_cache(&heap, blocks, COUNT_OF(blocks));
    heap.next = blocks[3] + 64 + 3 * 32;
    image_put_word(&image, MALLOC_IMAGE_LIBC + TOP_WORD, heap.next);
    image_put_word(&image, heap.next + 8, (MALLOC_IMAGE_HEAP + MALLOC_IMAGE_BYTES - heap.next) | 1);
    for (uint64_t i = 0; i < COUNT_OF(blocks); i++)
        image_put_word(&image, blocks[i] + 8, (64 + i * 32) | 1);
    assert_int_equal(count(), 1);
    assert_int_equal(result.malloc.blocks, 1);
}

static void objects_have_their_types_and_what_belongs_to_them(void **state) {
    static const uint64_t ITEMS = 8000;
    struct python_image python;
    (void)state;
    python_image_init(&python, 13);
    /* The list is malloc's, and so are its items. */
    uint64_t list_type = python_type(&python, "list", 40, TYPE_FLAG_GC);
    struct malloc_image own;
    image_end(&image);
    image_init(&image);
    malloc_image_map(&own, &python.image);
    uint64_t list = malloc_image_block(&own, 80) + 16 + 16;
    uint64_t items = malloc_image_block(&own, ITEMS);
    uint64_t other = malloc_image_block(&own, 96);
    image_put_word(&python.image, list, 1);
    image_put_word(&python.image, list + 8, list_type);
    image_put_word(&python.image, list + 24, items + 16);
    image_put_word(&python.image, other + 16, 7);
    struct census *census = malloc(sizeof *census);
    struct malloc_regions regions = {0};
    struct malloc_region region = {
        MALLOC_IMAGE_HEAP, MALLOC_IMAGE_HEAP + MALLOC_IMAGE_BYTES, {MALLOC_IMAGE_HEAP}, own.next};
    regions.items = &region;
    regions.count = 1;
    result = (struct shoal_inspection){.pool_bytes = PAGE};
    assert_true(census_init(census, &result, &python.remote, python.layout));
    census->has_malloc_objects = true;
    assert_true(malloc_heap_count(census, &regions));
    assert_true(census_finish(census));
    assert_int_equal(result.type_count, 2);
    assert_string_equal(result.types[0].name, "list");
    assert_int_equal(result.types[0].blocks, 1);
    assert_int_equal(result.types[0].bytes, 80 + ITEMS);
    assert_int_equal(result.types[1].kind, SHOAL_BLOCK_RAW);
    assert_int_equal(result.types[1].bytes, 96);
    census_end(census);
    free(census);
    python_image_end(&python);
}

/* A row each: until 2.26, until 2.42, since. */
static void arenas_of_threads_are_found_in_each_glibc(void **state) {
    static const uint64_t tops[] = {88, 96, 8};
    for (size_t i = 0; i < COUNT_OF(tops); i++) {
        if (i) begin(state);
        struct malloc_image own;
        malloc_image_map_thread(&own, &image, tops[i]);
        for (uint64_t block = 0; block < 20; block++) malloc_image_block(&own, 4096);
        assert_int_equal(count(), 2);
        assert_int_equal(result.malloc.blocks, 20);
        assert_int_equal(result.malloc.live, 20 * 4096);
        assert_int_equal(result.malloc.unread, 0);
        if (i + 1 < COUNT_OF(tops)) end(state);
    }
}

static void sizes_that_lie_end_what_is_read(void **state) {
    static const uint64_t sizes[] = {0, 16, 33, 24, UINT64_MAX, 1ull << 40, MALLOC_IMAGE_BYTES, 50};
    uint64_t blocks[8];
    (void)state;
    for (uint64_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = malloc_image_block(&heap, 4096);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        image_put_word(&image, blocks[4] + 8, sizes[i] | 1);
        image.reads = 0;
        assert_int_equal(count(), 1);
        assert_true(result.malloc.blocks <= 8);
        assert_true(image.reads < 20000);
        assert_true(result.malloc.live + result.malloc.free + result.malloc.unread <=
                    MALLOC_IMAGE_BYTES);
    }
}

static void what_is_no_arena_is_none(void **state) {
    (void)state;
    malloc_image_block(&heap, 4096);
    for (uint64_t i = 0; i < 40; i++) /* lists that lead elsewhere */
        image_put_word(&image, MALLOC_IMAGE_LIBC + TOP_WORD + 16 + i * 16, 0x10);
    assert_int_equal(count(), 0);
    assert_int_equal(result.malloc.blocks, 0);
}

static void lists_without_end_are_left(void **state) {
    uint64_t blocks[2];
    (void)state;
    for (uint64_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = malloc_image_block(&heap, 96);
    malloc_image_block(&heap, 96);
    malloc_image_list(&heap, blocks, COUNT_OF(blocks));
    image_put_word(&image, blocks[1] + 16, (blocks[1] + 16) >> 12 ^ blocks[0]); /* a circle */
    assert_int_equal(count(), 1);
    assert_int_equal(result.malloc.blocks, 1);
}

static void noise_does_no_harm(void **state) {
    uint64_t seed = 7;
    (void)state;
    for (int round = 0; round < 60; round++) {
        heap.next = MALLOC_IMAGE_HEAP;
        while (heap.next < MALLOC_IMAGE_HEAP + MALLOC_IMAGE_BYTES - 8192)
            malloc_image_block(&heap, 32 + random_next(&seed) % 250 * 16);
        for (int i = 0; i < 40; i++)
            image_put_word(&image, MALLOC_IMAGE_HEAP + random_next(&seed) % 32000 * 8,
                           MALLOC_IMAGE_HEAP + random_next(&seed) % MALLOC_IMAGE_BYTES);
        count();
        assert_true(result.malloc.live + result.malloc.free + result.malloc.unread <=
                    MALLOC_IMAGE_BYTES);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(used_and_free_blocks_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(of_what_is_free_shoal_would_keep_the_rest_of_pools, begin,
                                        end),
        cmocka_unit_test_setup_teardown(freed_blocks_that_are_marked_as_used_are_free, begin, end),
        cmocka_unit_test_setup_teardown(a_thread_s_freed_blocks_have_a_key, begin, end),
        cmocka_unit_test_setup_teardown(objects_have_their_types_and_what_belongs_to_them, begin,
                                        end),
        cmocka_unit_test_setup_teardown(arenas_of_threads_are_found_in_each_glibc, begin, end),
        cmocka_unit_test_setup_teardown(sizes_that_lie_end_what_is_read, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_arena_is_none, begin, end),
        cmocka_unit_test_setup_teardown(lists_without_end_are_left, begin, end),
        cmocka_unit_test_setup_teardown(noise_does_no_harm, begin, end),
    };
    return cmocka_run_group_tests_name("malloc_heap", tests, NULL, NULL);
}
