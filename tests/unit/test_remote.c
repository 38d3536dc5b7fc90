/* remote.c: reads of another process, cached and bounded. */
#include "unit.h"

#include "image.h"

enum { PAGE = 4096 };
static const uint64_t AT = 0x7f0000000000;

struct fixture {
    struct image image;
    struct remote remote;
};

static void begin(struct fixture *fixture) {
    image_init(&fixture->image);
    for (int i = 0; i < 4; i++) {
        uint8_t *page = image_map(&fixture->image, AT + i * PAGE, PAGE, "rw-p", "");
        memset(page, 'a' + i, PAGE);
    }
    assert_true(remote_init(&fixture->remote, image_read, &fixture->image));
}

static void end(struct fixture *fixture) {
    remote_end(&fixture->remote);
    image_end(&fixture->image);
}

static void a_look_crosses_pages(void **state) {
    struct fixture fixture;
    char bytes[PAGE + 2];
    (void)state;
    begin(&fixture);
    assert_true(remote_look(&fixture.remote, AT + PAGE - 1, bytes, sizeof bytes));
    assert_int_equal(bytes[0], 'a');
    assert_int_equal(bytes[1], 'b');
    assert_int_equal(bytes[PAGE], 'b');
    assert_int_equal(bytes[PAGE + 1], 'c');
    end(&fixture);
}

static void a_look_is_all_or_nothing(void **state) {
    struct fixture fixture;
    uint64_t word;
    (void)state;
    begin(&fixture);
    assert_true(remote_word(&fixture.remote, AT + 4 * PAGE - 8, &word));
    assert_false(remote_word(&fixture.remote, AT + 4 * PAGE - 7, &word));
    assert_false(remote_word(&fixture.remote, AT - 1, &word));
    assert_false(remote_word(&fixture.remote, UINT64_MAX - 3, &word));
    assert_false(remote_word(&fixture.remote, 0, &word));
    end(&fixture);
}

static bool second_is_present(void *context, uint64_t address, size_t pages, uint64_t *bits) {
    (void)context;
    (void)pages;
    bits[0] = address == AT ? 2 : 0;
    return true;
}

static void only_pages_that_are_present_are_read(void **state) {
    struct fixture fixture;
    uint64_t bits[1];
    char bytes[4 * PAGE];
    (void)state;
    begin(&fixture);
    assert_false(remote_present(&fixture.remote, AT, 4, bits));
    assert_int_equal(bits[0], 0);
    fixture.remote.present = second_is_present;
    assert_true(remote_present(&fixture.remote, AT, 4, bits));
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(remote_read_present(&fixture.remote, AT, bytes, sizeof bytes, bits, 0),
                     sizeof bytes);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[PAGE], 'b');
    assert_int_equal(bytes[2 * PAGE], 0);
    assert_int_equal(fixture.image.reads, 1);
    bits[0] = 6; /* of which the last is not mapped */
    assert_int_equal(remote_read_present(&fixture.remote, AT + 2 * PAGE, bytes, 3 * PAGE, bits, 0),
                     2 * PAGE);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[PAGE], 'd');
    assert_int_equal(remote_read_present(&fixture.remote, AT + PAGE, bytes, PAGE, bits, 1), PAGE);
    assert_int_equal(bytes[0], 'b');
    fixture.remote.bytes_left = 7; /* what is told counts too */
    assert_false(remote_present(&fixture.remote, AT, 1, bits));
    end(&fixture);
}

static void a_page_is_read_once(void **state) {
    struct fixture fixture;
    uint64_t word;
    (void)state;
    begin(&fixture);
    for (int i = 0; i < 100; i++) assert_true(remote_word(&fixture.remote, AT + i * 8, &word));
    assert_int_equal(fixture.image.reads, 1);
    end(&fixture);
}

static void texts_end_are_cut_and_judged(void **state) {
    struct fixture fixture;
    char text[8];
    (void)state;
    begin(&fixture);
    image_put(&fixture.image, AT, "dict", 5);
    assert_true(remote_text(&fixture.remote, AT, text, sizeof text));
    assert_string_equal(text, "dict");
    image_put(&fixture.image, AT + PAGE,
              "Stra\xc3\x9f"
              "en",
              9);
    assert_true(remote_text(&fixture.remote, AT + PAGE, text, sizeof text));
    assert_string_equal(text, "Stra\xc3\x9f"
                              "e");
    assert_true(remote_text(&fixture.remote, AT + PAGE, text, 6));
    assert_string_equal(text, "Stra");
    image_put(&fixture.image, AT + 2 * PAGE, "a\x1b", 3);
    assert_false(remote_text(&fixture.remote, AT + 2 * PAGE, text, sizeof text));
    assert_false(remote_text(&fixture.remote, AT + 4 * PAGE - 3, text, sizeof text));
    end(&fixture);
}

static void a_read_may_be_short(void **state) {
    struct fixture fixture;
    static char bytes[2 * PAGE];
    (void)state;
    begin(&fixture);
    assert_int_equal(remote_read(&fixture.remote, AT + 3 * PAGE, bytes, sizeof bytes), PAGE);
    assert_int_equal(remote_read(&fixture.remote, AT + 4 * PAGE, bytes, sizeof bytes), 0);
    end(&fixture);
}

/* Memory that leads on and on is left when as much was looked at as is bearable. */
static void looks_and_bytes_run_out(void **state) {
    struct fixture fixture;
    uint64_t word, looks = 0;
    static char bytes[PAGE];
    (void)state;
    begin(&fixture);
    fixture.remote.looks_left = REMOTE_LOOKS_A_PAGE + 1000;
    while (remote_word(&fixture.remote, AT, &word)) looks++;
    assert_int_equal(looks, 1001);
    assert_false(remote_word(&fixture.remote, AT + PAGE, &word));
    assert_int_equal(fixture.image.reads, 1);
    fixture.remote.bytes_left = 3 * PAGE / 2;
    assert_int_equal(remote_read(&fixture.remote, AT, bytes, PAGE), PAGE);
    assert_int_equal(remote_read(&fixture.remote, AT, bytes, PAGE), 0);
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_crosses_pages),
        cmocka_unit_test(a_look_is_all_or_nothing),
        cmocka_unit_test(only_pages_that_are_present_are_read),
        cmocka_unit_test(only_pages_that_are_present_are_read),
        cmocka_unit_test(a_page_is_read_once),
        cmocka_unit_test(texts_end_are_cut_and_judged),
        cmocka_unit_test(a_read_may_be_short),
        cmocka_unit_test(looks_and_bytes_run_out),
    };
    return cmocka_run_group_tests_name("remote", tests, NULL, NULL);
}
