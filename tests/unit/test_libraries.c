/* libraries.c: whose data lead where. */
#include "inspect/libraries.h"

#include <stdlib.h>

#include "unit.h"

#include "image.h"

enum { PAGE = 4096 };

static const uint64_t ONE = 0x7f1000000000, TWO = 0x7f1100000000, HEAP = 0x7f2000000000;

static struct image image;
static struct remote remote;
static char names[3][SHOAL_LIBRARY_ROOM];

static int begin(void **state) {
    (void)state;
    image_init(&image);
    image_map(&image, ONE, PAGE, "rw-p", "/usr/lib/libone.so.1");
    image_map(&image, ONE + PAGE, PAGE, "rw-p", "");
    image_map(&image, TWO, PAGE, "rw-p", "/usr/lib/libt\x1bwo.so");
    image_map(&image, HEAP, 64 * PAGE, "rw-p", "");
    return !remote_init(&remote, image_read, &image);
}

static int end(void **state) {
    (void)state;
    remote_end(&remote);
    image_end(&image);
    return 0;
}

/* Of three ranges: the first two lie side by side. */
static void find(const struct shoal_extent *zeroed, size_t count) {
    const struct shoal_extent ranges[] = {
        {HEAP, 4 * PAGE}, {HEAP + 4 * PAGE, 4 * PAGE}, {HEAP + 40 * PAGE, PAGE}};
    assert_true(
        libraries_find(&remote, &image.maps, ranges, COUNT_OF(ranges), zeroed, count, names));
}

static void who_leads_there_most_often_is_it(void **state) {
    (void)state;
    image_put_word(&image, ONE + 8, HEAP + 16);
    image_put_word(&image, TWO, HEAP + 16);
    image_put_word(&image, TWO + 8, HEAP + PAGE);
    image_put_word(&image, TWO + 16, HEAP + 4 * PAGE);
    find(NULL, 0);
    assert_string_equal(names[0], "libt?wo.so");
    assert_string_equal(names[1], "libt?wo.so");
    assert_string_equal(names[2], "");
}

static void what_leads_on_is_followed(void **state) {
    (void)state;
    image_put_word(&image, ONE + 8, HEAP + 16);
    image_put_word(&image, HEAP + PAGE, HEAP + 40 * PAGE + 8);
    find(NULL, 0);
    assert_string_equal(names[0], "libone.so.1");
    assert_string_equal(names[1], "");
    assert_string_equal(names[2], "libone.so.1");
}

/* Anonymous memory behind a file's may be anybody's. */
static void zeroed_data_are_a_librarys_where_its_headers_say_so(void **state) {
    const struct shoal_extent zeroed = {ONE + PAGE, PAGE};
    (void)state;
    image_put_word(&image, ONE + PAGE + 8, HEAP + 16);
    find(NULL, 0);
    assert_string_equal(names[0], "");
    find(&zeroed, 1);
    assert_string_equal(names[0], "libone.so.1");
}

/* Every library knows where its own data end. */
static void the_end_of_a_librarys_data_leads_nowhere(void **state) {
    const struct shoal_extent behind = {ONE + PAGE, PAGE};
    char name[1][SHOAL_LIBRARY_ROOM];
    (void)state;
    image_put_word(&image, ONE, ONE + PAGE);
    assert_true(libraries_find(&remote, &image.maps, &behind, 1, NULL, 0, name));
    assert_string_equal(name[0], "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_leads_there_most_often_is_it, begin, end),
        cmocka_unit_test_setup_teardown(what_leads_on_is_followed, begin, end),
        cmocka_unit_test_setup_teardown(zeroed_data_are_a_librarys_where_its_headers_say_so, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_end_of_a_librarys_data_leads_nowhere, begin, end),
    };
    return cmocka_run_group_tests_name("libraries", tests, NULL, NULL);
}
