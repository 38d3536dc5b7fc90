/* shoal_heap.c: this process's own heap, read as another's is, and heaps that lie. */
#include "inspect/beacon_search.h"
#include "inspect/shoal_heap.h"
#include "inspect/shoal_kept.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "inspect/target.h"
#include "unit.h"

#include "inspect/layout.h"
#include "shoal_image.h"

enum { PAGE = 4096, CLASSES_ROOM = 128 };

static struct shoal_inspection result;
static struct shoal_beacon beacon;

/* ---- The process itself --------------------------------------------------------- */

static bool count(struct remote *remote, const struct layout *layout) {
    struct census *census = malloc(sizeof *census);
    bool serves_objects;
    result = (struct shoal_inspection){.pool_bytes = PAGE};
    assert_true(census_init(census, &result, remote, layout));
    bool done = shoal_heap_count(census, remote, &beacon, layout != NULL, &serves_objects);
    assert_true(census_finish(census));
    census_end(census);
    free(census);
    return done;
}

static void count_ourselves(const struct layout *layout) {
    char text[256] = "";
    struct complaint complaint = {text, sizeof text};
    struct target target;
    struct remote remote;
    if (target_open(&target, getpid(), &complaint) != SHOAL_INSPECT_OK) fail_msg("%s", text);
    assert_true(remote_init(&remote, target_read, &target));
    assert_true(beacon_find(&beacon, &remote, &target.maps));
    assert_true(count(&remote, layout));
    assert_true(target_is_same(&target));
    remote_end(&remote);
    target_close(&target);
}

static uint64_t places_of(const struct shoal_arena_census *arena) { return arena->bytes / PAGE; }

static void the_figures_are_those_of_the_heap(void) {
    struct shoal_class_usage classes[CLASSES_ROOM];
    struct shoal_usage usage;
    uint64_t live = 0, large = 0, places = 0, size = 0;
    count_ourselves(NULL);
    shoal_usage(&usage);
    for (size_t i = 0; i < result.large_count; i++) large += result.large[i].bytes;
    for (size_t i = 0; i < result.arena_count; i++) {
        const struct shoal_arena_census *arena = &result.arenas[i];
        live += arena->live;
        places += places_of(arena);
        assert_true(arena->live <= arena->bytes && arena->page_free <= arena->bytes);
        assert_true(i == 0 || arena->start >= arena[-1].start + arena[-1].bytes ||
                    arena->start < arena[-1].start);
    }
    assert_int_equal(large, usage.large);
    assert_int_equal(live + large, usage.live);
    assert_int_equal(places, result.occupancy_count);
    assert_int_equal(result.pools_inconsistent, 0);
    size_t class_count = shoal_class_usage(classes, CLASSES_ROOM);
    for (size_t i = 0; i < class_count; i++) {
        if (classes[i].pools == 0) continue;
        const struct shoal_size_census *read = &result.sizes[size++];
        assert_int_equal(read->block_size, classes[i].block_size);
        assert_int_equal(read->pools, classes[i].pools);
        assert_int_equal(read->live_blocks, classes[i].live_blocks);
        assert_true(read->held >= classes[i].held);
    }
    assert_int_equal(size, result.size_count);
    shoal_inspection_end(&result);
}

static void it_is_read_exactly(void **state) {
    static void *blocks[30000];
    uint64_t seed = 3;
    (void)state;
    for (int round = 0; round < 6; round++) {
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            if (blocks[i] && random_next(&seed) % 4) continue;
            shoal_free(blocks[i]);
            size_t most = i % 1000 == 0 ? 3 << 20 : i % 100 ? 600 : 60000;
            blocks[i] = shoal_malloc(random_next(&seed) % most);
        }
        for (size_t i = (size_t)round; i < COUNT_OF(blocks); i += 3) {
            shoal_free(blocks[i]);
            blocks[i] = NULL;
        }
        if (round % 2) shoal_trim();
        the_figures_are_those_of_the_heap();
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
    the_figures_are_those_of_the_heap();
}

/* Those that have mappings of their own. */
static void the_largest_blocks_are_read(void **state) {
    void *blocks[5];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = shoal_malloc((80 + i) << 20);
    the_figures_are_those_of_the_heap();
    shoal_free(blocks[1]);
    shoal_free(blocks[3]);
    the_figures_are_those_of_the_heap();
    for (size_t i = 0; i < COUNT_OF(blocks); i += 2) shoal_free(blocks[i]);
    the_figures_are_those_of_the_heap();
}

static void *fill(void *barrier) {
    static _Thread_local void *blocks[2000];
    for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = shoal_malloc(i % 700);
    for (size_t i = 0; i < COUNT_OF(blocks); i += 2) shoal_free(blocks[i]);
    pthread_barrier_wait(barrier);
    pthread_barrier_wait(barrier);
    for (size_t i = 1; i < COUNT_OF(blocks); i += 2) shoal_free(blocks[i]);
    return NULL;
}

static void heaps_of_threads_are_read(void **state) {
    pthread_barrier_t barrier;
    pthread_t threads[4];
    (void)state;
    pthread_barrier_init(&barrier, NULL, COUNT_OF(threads) + 1);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_create(&threads[i], NULL, fill, &barrier);
    pthread_barrier_wait(&barrier);
    the_figures_are_those_of_the_heap();
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
    the_figures_are_those_of_the_heap();
    pthread_barrier_destroy(&barrier);
}

/* Where it serves a Python's malloc, its blocks are looked at as objects. */
static void objects_in_it_have_their_types(void **state) {
    static uint64_t type[128];
    static uint64_t *objects[100];
    (void)state;
    type[OBJECT_TYPE_AT / 8] = (uintptr_t)type;
    type[TYPE_NAME_AT / 8] = (uintptr_t)"thing";
    type[TYPE_BASIC_SIZE_AT / 8] = 32;
    type[TYPE_FLAGS_AT / 8] = TYPE_FLAG_READY | TYPE_FLAG_OF_TYPES;
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        objects[i] = shoal_malloc(48);
        objects[i][0] = 1;
        objects[i][1] = (uintptr_t)type;
    }
    for (size_t i = 0; i < 30; i++) shoal_free(objects[i]);
    count_ourselves(layout_of(11));
    assert_string_equal(result.types[0].name, "thing");
    assert_int_equal(result.types[0].blocks, 70);
    shoal_inspection_end(&result);
    for (size_t i = 30; i < COUNT_OF(objects); i++) shoal_free(objects[i]);
}

/* ---- Made by hand ------------------------------------------------------------------ */

static struct image image;
static struct remote remote;

static void put_beacon(void) { shoal_image_put_beacon(&image, &beacon); }
static uint8_t *record_at(size_t page) { return shoal_image_record(&image, &beacon, page); }

static void put_run(size_t page, uint8_t kind, uint64_t pages) {
    shoal_image_put_run(&image, &beacon, page, kind, pages);
}

static void put_pool(size_t page, uint16_t carved) {
    shoal_image_put_pool(&image, &beacon, page, carved);
}

static int begin_image(void **state) {
    (void)state;
    count_ourselves(NULL);
    shoal_inspection_end(&result);
    image_init(&image);
    shoal_image_map(&image, &beacon);
    return !remote_init(&remote, image_read, &image);
}

static int end_image(void **state) {
    (void)state;
    shoal_inspection_end(&result);
    remote_end(&remote);
    image_end(&image);
    return 0;
}

static void runs_and_pools_are_told_apart(void **state) {
    (void)state;
    put_pool(0, 10);
    put_run(1, beacon.kind.dirty, 4);
    put_run(5, beacon.kind.clean, 5);
    put_run(10, beacon.kind.large, 300); /* over the end of the first MiB */
    put_run(310, beacon.kind.busy, 2);
    put_pool(312, 63);
    assert_true(count(&remote, NULL));
    assert_int_equal(result.arena_count, 2);
    assert_int_equal(result.arenas[0].live, 640);
    assert_int_equal(result.arenas[0].page_free, 4 * PAGE);
    assert_int_equal(result.arenas[1].start, SHOAL_PAGES_AT + 310 * PAGE);
    assert_int_equal(result.arenas[1].free, 2 * PAGE);
    assert_int_equal(result.arenas[1].live_blocks, 63);
    assert_int_equal(result.large_count, 1);
    assert_int_equal(result.large[0].start, SHOAL_PAGES_AT + 10 * PAGE);
    assert_int_equal(result.large[0].bytes, 300 * PAGE);
    assert_int_equal(result.occupancy_count,
                     places_of(&result.arenas[0]) + places_of(&result.arenas[1]));
}

/* What the heap keeps for the next request is told apart from what live blocks pin. */
static void the_reserve_is_told(void **state) {
    (void)state;
    put_pool(0, 10);
    put_pool(1, 0); /* without a live block */
    put_run(2, beacon.kind.dirty, 4);
    put_run(6, beacon.kind.busy, 2);
    put_run(8, beacon.kind.clean, SHOAL_IMAGE_PAGES - 8);
    assert_true(count(&remote, NULL));
    assert_int_equal(result.arena_count, 1);
    assert_int_equal(result.arenas[0].pools, 1);
    assert_int_equal(result.arenas[0].reserve, 7 * PAGE);
    assert_int_equal(result.arenas[0].resident, 8 * PAGE);
    assert_int_equal(result.reserve, 7 * PAGE);
    assert_int_equal(result.owned_count, 2);
    assert_int_equal(result.owned[0].owner, SHOAL_OWNER_RECORDS);
    assert_int_equal(result.owned[0].start, SHOAL_RECORDS_AT);
}

/* Mappings that are kept are told by the heap's data, unless they are something else. */
static void kept_mappings_are_reserve(void **state) {
    enum { KEPT_AT = 13000 & ~7 };
    static const uint64_t MAPPED = 0x7f4000000000;
    const uint64_t pairs[] = {
        MAPPED,
        3 * PAGE, /* kept                   */
        MAPPED,
        3 * PAGE, /* told again             */
        MAPPED + PAGE,
        PAGE,
        MAPPED + 8 * PAGE,
        100 * PAGE, /* not all of it is mapped */
        SHOAL_RECORDS_AT,
        PAGE,
        SHOAL_PAGES_AT,
        PAGE,
        MAPPED + 5 * PAGE,
        PAGE + 1,
        0,
        PAGE,
    };
    bool serves_objects;
    (void)state;
    image_map(&image, MAPPED, 10 * PAGE, "rw-p", "");
    image_put(&image, SHOAL_LIBRARY_AT + KEPT_AT, pairs, sizeof pairs);
    put_pool(0, 10);
    struct census *census = malloc(sizeof *census);
    result = (struct shoal_inspection){.pool_bytes = PAGE};
    assert_true(census_init(census, &result, &remote, NULL));
    assert_true(shoal_heap_count(census, &remote, &beacon, false, &serves_objects));
    uint64_t before = result.reserve;
    size_t owned = result.owned_count;
    assert_true(shoal_kept_count(census, &remote, &image.maps, &beacon));
    assert_int_equal(result.owned_count, owned + 1);
    assert_int_equal(result.owned[owned].owner, SHOAL_OWNER_RESERVE);
    assert_int_equal(result.owned[owned].start, MAPPED);
    assert_int_equal(result.reserve - before, 3 * PAGE);
    census_end(census);
    free(census);
}

/* The interpreter's own arenas may have a pool without a live block. */
static void objects_are_where_live_blocks_are(void **state) {
    struct census *census = malloc(sizeof *census);
    bool serves_objects = false;
    (void)state;
    put_pool(0, 0);
    put_pool(1, 0);
    uint64_t shared[] = {1, SHOAL_PAGES_AT + PAGE, SHOAL_RECORDS_AT + beacon.record.bytes, 1};
    image_put_word(&image, SHOAL_LIBRARY_AT + SHOAL_ARENAS_AT + 24, 1);
    image_put(&image, SHOAL_LIBRARY_AT + SHOAL_ARENAS_AT + 2048, shared, sizeof shared);
    for (uint16_t live = 0; live < 2; live++) {
        put_pool(0, live);
        result = (struct shoal_inspection){.pool_bytes = PAGE};
        assert_true(census_init(census, &result, &remote, layout_of(13)));
        assert_true(shoal_heap_count(census, &remote, &beacon, true, &serves_objects));
        assert_true(serves_objects); /* these, or malloc's */
        census_end(census);
        shoal_inspection_end(&result);
    }
    result = (struct shoal_inspection){.pool_bytes = PAGE};
    assert_true(census_init(census, &result, &remote, layout_of(13)));
    put_pool(0, 0);
    census_begin_arena(census, 0, PAGE); /* pymalloc's */
    census->arena.live_blocks = 1;
    census_end_arena(census, PAGE);
    assert_true(shoal_heap_count(census, &remote, &beacon, true, &serves_objects));
    assert_false(serves_objects);
    census_end(census);
    free(census);
}

static void offsets_out_of_their_structures_are_not_believed(void **state) {
    struct shoal_beacon found, sound = beacon;
    uint32_t *const fields[] = {
        &beacon.record.bytes,     &beacon.record.free,
        &beacon.record.run_pages, &beacon.record.frees_left,
        &beacon.record.carved,    &beacon.record.size_class,
        &beacon.record.kind,      &beacon.size_class.count,
        &beacon.size_class.bytes, &beacon.size_class.blocks,
        &beacon.size_class.pages, &beacon.size_class.first,
        &beacon.page_bytes,       &beacon.size_class.block_bytes,
    };
    static const uint32_t values[] = {65,        4095, 1u << 31, UINT32_MAX - 7, UINT32_MAX - 1,
                                      UINT32_MAX};
    (void)state;
    assert_true(beacon_find(&found, &remote, &image.maps));
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        for (size_t k = 0; k < COUNT_OF(values); k++) {
            *fields[i] = values[k];
            put_beacon();
            for (size_t page = 0; page < REMOTE_CACHE; page++) remote.cache[page].page = 0;
            assert_false(beacon_find(&found, &remote, &image.maps));
            beacon = sound;
        }
}

static void a_heap_without_arenas_is_not_in_use(void **state) {
    struct shoal_beacon found;
    (void)state;
    image_put_word(&image, SHOAL_LIBRARY_AT + SHOAL_ARENAS_AT, 0);
    assert_false(beacon_find(&found, &remote, &image.maps));
}

static void size_classes_that_do_not_fit_are_not_believed(void **state) {
    static const uint16_t classes[][4] = {
        {0, 63, 1, 0},    {65, 62, 1, 0}, {64, 65, 1, 0},  {64, 64, 1, 64}, {16, 1025, 64, 0},
        {32784, 1, 9, 0}, {64, 63, 0, 0}, {64, 63, 65, 0}, {64, 63, 1, 8},
    };
    (void)state;
    put_pool(0, 1);
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        image_put(&image, SHOAL_LIBRARY_AT + SHOAL_CLASSES_AT, classes[i], sizeof classes[i]);
        for (size_t page = 0; page < REMOTE_CACHE; page++) remote.cache[page].page = 0;
        count(&remote, NULL);
        assert_int_equal(result.arena_count, 0);
        shoal_inspection_end(&result);
    }
}

static void pools_that_lie_are_inconsistent(void **state) {
    uint64_t key = 0, circle = SHOAL_PAGES_AT + 64;
    (void)state;
    put_pool(0, 10);
    put_pool(1, UINT16_MAX);            /* carved beyond its end                       */
    put_pool(2, 10);
    memcpy(record_at(2) + beacon.record.free, &circle, 8); /* its list is another's    */
    put_pool(3, 10);
    circle += 3 * PAGE;
    memcpy(record_at(3) + beacon.record.free, &circle, 8);
    image_put_word(&image, circle, circle ^ key);
    put_pool(4, 10);
    record_at(4)[beacon.record.size_class] = 200;
    put_pool(SHOAL_IMAGE_PAGES - 1, 10);
    assert_true(count(&remote, NULL));
    assert_int_equal(result.pools_read, 5);
    assert_int_equal(result.pools_inconsistent, 2);
    assert_int_equal(result.sizes[0].live_blocks, 10 + 63 + 10 + 10 + 10);
}

/* Claims of a TiB, or of all addresses, cost no more than what can be read. */
static void claims_are_bounded(void **state) {
    static const uint64_t tops[] = {1ull << 36, (1ull << 36) + 1, UINT64_MAX};
    (void)state;
    put_pool(0, 1);
    put_run(1, beacon.kind.large, UINT64_MAX);
    for (size_t i = 0; i < COUNT_OF(tops); i++) {
        image_put_word(&image, SHOAL_LIBRARY_AT + SHOAL_ARENAS_AT, UINT64_MAX); /* arenas */
        image_put_word(&image, SHOAL_LIBRARY_AT + SHOAL_ARENAS_AT + 24, tops[i]);
        image_put_word(&image, SHOAL_LIBRARY_AT + SHOAL_MAPPINGS_AT, SHOAL_LIBRARY_AT);
        image_put_word(&image, SHOAL_LIBRARY_AT + SHOAL_MAPPINGS_AT + 8, UINT64_MAX);
        for (size_t page = 0; page < REMOTE_CACHE; page++) remote.cache[page].page = 0;
        image.reads = 0;
        assert_true(count(&remote, NULL));
        assert_true(image.reads < 10000);
        assert_int_equal(result.arena_count, i == 0);
        for (size_t k = 0; k < result.large_count && i == 0; k++)
            assert_true(result.large[0].bytes < 1ull << 48);
        shoal_inspection_end(&result);
    }
}

static void noise_does_no_harm(void **state) {
    uint64_t seed = 5;
    (void)state;
    for (int round = 0; round < 300; round++) {
        for (size_t page = 0; page < SHOAL_IMAGE_PAGES; page++) {
            put_pool(page, (uint16_t)(random_next(&seed) % 70));
            if (random_next(&seed) % 2)
                put_run(page, (uint8_t)(random_next(&seed) % 12), random_next(&seed) % 400);
        }
        for (int i = 0; i < 3000; i++)
            image_put_word(&image,
                           SHOAL_PAGES_AT + random_next(&seed) % (SHOAL_IMAGE_PAGES * PAGE - 8),
                           SHOAL_PAGES_AT + random_next(&seed) % (SHOAL_IMAGE_PAGES * PAGE));
        assert_true(count(&remote, NULL));
        for (size_t i = 0; i < result.arena_count; i++)
            assert_true(result.arenas[i].live <= result.arenas[i].bytes);
        shoal_inspection_end(&result);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(it_is_read_exactly, nothing_left),
        cmocka_unit_test_teardown(the_largest_blocks_are_read, nothing_left),
        cmocka_unit_test_teardown(heaps_of_threads_are_read, nothing_left),
        cmocka_unit_test_teardown(objects_in_it_have_their_types, nothing_left),
        cmocka_unit_test_setup_teardown(runs_and_pools_are_told_apart, begin_image, end_image),
        cmocka_unit_test_setup_teardown(the_reserve_is_told, begin_image, end_image),
        cmocka_unit_test_setup_teardown(kept_mappings_are_reserve, begin_image, end_image),
        cmocka_unit_test_setup_teardown(objects_are_where_live_blocks_are, begin_image, end_image),
        cmocka_unit_test_setup_teardown(offsets_out_of_their_structures_are_not_believed,
                                        begin_image, end_image),
        cmocka_unit_test_setup_teardown(a_heap_without_arenas_is_not_in_use, begin_image,
                                        end_image),
        cmocka_unit_test_setup_teardown(size_classes_that_do_not_fit_are_not_believed, begin_image,
                                        end_image),
        cmocka_unit_test_setup_teardown(pools_that_lie_are_inconsistent, begin_image, end_image),
        cmocka_unit_test_setup_teardown(claims_are_bounded, begin_image, end_image),
        cmocka_unit_test_setup_teardown(noise_does_no_harm, begin_image, end_image),
    };
    return cmocka_run_group_tests_name("shoal_heap", tests, NULL, NULL);
}
