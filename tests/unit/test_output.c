/* output.c: frames and the opcodes of the memo. */
#include "shoal/pickle_output.h"

#include <stdlib.h>

#include "unit.h"

static bool grow(struct pickle_output *output, size_t more) {
    size_t length = pickle_output_length(output);
    unsigned char *start = realloc(output->start, length + more + 100);

    assert_non_null(start);
    output->start = start;
    output->at = start + length;
    output->end = start + length + more + 100;
    return true;
}

static struct pickle_output new_output(bool framing) {
    return (struct pickle_output){.make_room = grow, .framing = framing};
}

static void assert_output(const struct pickle_output *output, const char *bytes, size_t size) {
    assert_int_equal(pickle_output_length(output), size);
    assert_memory_equal(output->start, bytes, size);
}

static void a_short_frame_has_no_header(void **state) {
    struct pickle_output output = new_output(true);
    (void)state;

    assert_true(pickle_frame_open(&output));
    assert_true(pickle_put(&output, "abc", 3));
    pickle_frame_close(&output);
    assert_output(&output, "abc", 3);
    free(output.start);
}

static void a_frame_has_its_length(void **state) {
    struct pickle_output output = new_output(true);
    (void)state;

    assert_true(pickle_put(&output, "x", 1));
    assert_true(pickle_frame_open(&output));
    assert_true(pickle_put(&output, "abcd", 4));
    pickle_frame_close(&output);
    assert_output(&output, "x\x95\4\0\0\0\0\0\0\0abcd", 14);
    pickle_frame_close(&output);
    assert_int_equal(pickle_output_length(&output), 14);
    free(output.start);
}

static void without_framing_nothing_is_added(void **state) {
    struct pickle_output output = new_output(false);
    (void)state;

    assert_true(pickle_frame_open(&output));
    assert_true(pickle_put(&output, "abcdef", 6));
    pickle_frame_close(&output);
    assert_output(&output, "abcdef", 6);
    free(output.start);
}

static void a_frame_is_full_at_its_target(void **state) {
    static const char bytes[PICKLE_FRAME_TARGET];
    struct pickle_output output = new_output(true);
    (void)state;

    assert_true(pickle_frame_open(&output));
    assert_true(pickle_put(&output, bytes, PICKLE_FRAME_TARGET - 1));
    assert_false(pickle_output_is_full(&output));
    assert_true(pickle_put_opcode(&output, PICKLE_NONE));
    assert_true(pickle_output_is_full(&output));
    free(output.start);
}

static void the_memo_has_the_shortest_opcode(void **state) {
    struct pickle_output output = new_output(false);
    (void)state;

    assert_true(pickle_put_memo_get(&output, 12, false));
    assert_true(pickle_put_memo_get(&output, 255, true));
    assert_true(pickle_put_memo_get(&output, 256, true));
    assert_true(pickle_put_memo_put(&output, 300, false, false));
    assert_true(pickle_put_memo_put(&output, 0, true, false));
    assert_true(pickle_put_memo_put(&output, 65536, true, false));
    assert_true(pickle_put_memo_put(&output, 65536, true, true));
    assert_output(&output, "g12\nh\xffj\0\1\0\0p300\nq\0r\0\0\1\0\x94", 24);
    free(output.start);
}

static void numbers_are_stored_in_their_order(void **state) {
    struct pickle_output output = new_output(false);
    (void)state;

    assert_true(pickle_put_number(&output, PICKLE_BININT2, 0x1234, 2));
    assert_true(pickle_put_double(&output, -2.0));
    assert_output(&output, "M\x34\x12G\xc0\0\0\0\0\0\0\0", 12);
    free(output.start);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_frame_has_no_header),
        cmocka_unit_test(a_frame_has_its_length),
        cmocka_unit_test(without_framing_nothing_is_added),
        cmocka_unit_test(a_frame_is_full_at_its_target),
        cmocka_unit_test(the_memo_has_the_shortest_opcode),
        cmocka_unit_test(numbers_are_stored_in_their_order),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
