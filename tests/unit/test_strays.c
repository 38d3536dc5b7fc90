/* strays.c: blocks and frames in memory that nobody has claimed. */
#include "inspect/strays.h"

#include "unit.h"

#include "image.h"

enum { PAGE = 4096 };

static const uint64_t AT = 0x7f1000000000;

static struct image image;
static struct remote remote;
static struct shoal_owned found[64];
static size_t found_count;

static int begin(void **state) {
    (void)state;
    image_init(&image);
    image_map(&image, AT, 64 * PAGE, "rw-p", "");
    found_count = 0;
    return !remote_init(&remote, image_read, &image);
}

static int end(void **state) {
    (void)state;
    remote_end(&remote);
    image_end(&image);
    return 0;
}

static bool add(void *context, uint64_t start, uint64_t bytes, enum shoal_owner owner) {
    (void)context;
    if (found_count == COUNT_OF(found)) return false;
    found[found_count++] = (struct shoal_owned){start, bytes, owner};
    return true;
}

static void find(const struct shoal_extent *taken, size_t count) {
    struct strays strays = {&remote, &image.maps, taken, count, true, add, NULL};
    found_count = 0;
    for (size_t page = 0; page < REMOTE_CACHE; page++) remote.cache[page].page = 0;
    strays_find(&strays);
}

static void put_block(uint64_t page, uint64_t pages) {
    image_put_word(&image, AT + page * PAGE + 8, pages * PAGE | 2);
}

static void put_frames(uint64_t page, uint64_t before, uint64_t bytes, uint64_t used) {
    image_put_word(&image, AT + page * PAGE, before);
    image_put_word(&image, AT + page * PAGE + 8, bytes);
    image_put_word(&image, AT + page * PAGE + 16, used);
}

static void blocks_follow_each_other_wherever_they_begin(void **state) {
    (void)state;
    put_block(3, 10);
    put_block(13, 1);
    put_block(30, 20);
    find(NULL, 0);
    assert_int_equal(found_count, 3);
    assert_int_equal(found[0].start, AT + 3 * PAGE);
    assert_int_equal(found[0].bytes, 10 * PAGE);
    assert_int_equal(found[1].start, AT + 13 * PAGE);
    assert_int_equal(found[2].bytes, 20 * PAGE);
    assert_int_equal(found[2].owner, SHOAL_OWNER_LARGE);
}

/* Since glibc 2.43. */
static void blocks_may_be_told_without_their_heads(void **state) {
    (void)state;
    image_put_word(&image, AT + 3 * PAGE + 8, (10 * PAGE - 16) | 2);
    put_block(13, 1);
    find(NULL, 0);
    assert_int_equal(found_count, 2);
    assert_int_equal(found[0].start, AT + 3 * PAGE);
    assert_int_equal(found[0].bytes, 10 * PAGE);
}

static void what_is_taken_is_not_looked_at(void **state) {
    const struct shoal_extent taken[] = {{AT, 4 * PAGE}, {AT + 20 * PAGE, 5 * PAGE}};
    (void)state;
    put_block(3, 10);
    put_block(6, 20); /* into what is taken */
    put_block(7, 13);
    put_block(40, 2);
    find(taken, COUNT_OF(taken));
    assert_int_equal(found_count, 2);
    assert_int_equal(found[0].start, AT + 7 * PAGE);
    assert_int_equal(found[1].start, AT + 40 * PAGE);
}

static void heads_that_are_none(void **state) {
    static const uint64_t heads[][2] = {
        {0, 2},        {0, PAGE},          {0, PAGE | 3},       {0, (PAGE + 8) | 2},
        {8, PAGE | 2}, {0, 65 * PAGE | 2}, {0, UINT64_MAX - 5},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        image_put(&image, AT, heads[i], sizeof heads[i]);
        find(NULL, 0);
        assert_int_equal(found_count, 0);
    }
}

static void frames_lead_to_those_before(void **state) {
    (void)state;
    put_frames(0, 0, 16384, 10);
    put_frames(4, AT, 16384, 2000);
    put_frames(8, AT + 4 * PAGE, 32768, 0);
    put_frames(20, AT + 19 * PAGE, 16384, 0); /* to none */
    put_frames(30, 0, 32768, 0);           /* the first are the least */
    put_frames(40, AT, 16384, 5000);       /* more than there is room for */
    put_frames(50, AT, 20480, 0);
    find(NULL, 0);
    assert_int_equal(found_count, 3);
    for (size_t i = 0; i < found_count; i++) assert_int_equal(found[i].owner, SHOAL_OWNER_STACK);
    assert_int_equal(found[2].bytes, 32768);
}

static void extents_are_joined(void **state) {
    struct shoal_extent extents[] = {{50, 10}, {0, 10}, {10, 5}, {52, 2}, {UINT64_MAX, 5}, {70, 0}};
    (void)state;
    assert_int_equal(extents_merge(extents, COUNT_OF(extents)), 3);
    assert_int_equal(extents[0].bytes, 15);
    assert_int_equal(extents[1].bytes, 10);
    assert_int_equal(extents_merge(extents, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_follow_each_other_wherever_they_begin, begin, end),
        cmocka_unit_test_setup_teardown(blocks_may_be_told_without_their_heads, begin, end),
        cmocka_unit_test_setup_teardown(what_is_taken_is_not_looked_at, begin, end),
        cmocka_unit_test_setup_teardown(heads_that_are_none, begin, end),
        cmocka_unit_test_setup_teardown(frames_lead_to_those_before, begin, end),
        cmocka_unit_test(extents_are_joined),
    };
    return cmocka_run_group_tests_name("strays", tests, NULL, NULL);
}
