/* interpreter.c: which Python a process is, by what is mapped of its files. */
#include "inspect/interpreter.h"

#include "unit.h"

#include "image.h"

static const uint64_t PROGRAM_AT = 0x555500000000, LIBRARY_AT = 0x7f0000000000;
enum { BYTES = 3 << 20 };

static struct image image;
static struct remote remote;
static struct interpreter interpreter;

static int begin(void **state) {
    (void)state;
    image_init(&image);
    image_map(&image, PROGRAM_AT, BYTES, "r--p", IMAGE_PROGRAM);
    return !remote_init(&remote, image_read, &image);
}

static int end(void **state) {
    (void)state;
    remote_end(&remote);
    image_end(&image);
    return 0;
}

static void put(uint64_t at, const char *text) { image_put(&image, at, text, strlen(text) + 1); }
static void find(void) { assert_true(interpreter_find(&interpreter, &remote, &image.maps)); }

static void a_static_python_is_known_by_its_constants(void **state) {
    (void)state;
    put(PROGRAM_AT + 100, "PYTHONHASHSEED");
    put(PROGRAM_AT + 2000000, "(3.11.7"); /* the end of another text */
    find();
    assert_true(interpreter.is_python);
    assert_int_equal(interpreter.minor, 11);
    assert_string_equal(interpreter.version, "3.11.7");
}

static void a_text_may_lie_across_reads(void **state) {
    (void)state;
    for (uint64_t at = (1 << 20) - 80; at < (1 << 20) + 20; at += 3) {
        memset(image_at(&image, PROGRAM_AT, BYTES), 0, BYTES);
        put(PROGRAM_AT + at, "PYTHONHASHSEED");
        put(PROGRAM_AT + at + 20, "3.12.1");
        find();
        assert_int_equal(interpreter.minor, 12);
    }
}

static void what_is_no_version_is_none(void **state) {
    static const char *const texts[] = {"3.8.1",
                                        "3.16.0",
                                        "3.11",
                                        "3.11.x",
                                        "13.11.7",
                                        "1.3.11.7",
                                        "3.11.7-linux",
                                        "3.9999999999999999999.1",
                                        "3.011111111111111111111.1"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        put(PROGRAM_AT + 100, "PYTHONHASHSEED");
        put(PROGRAM_AT + 201, texts[i]);
        find();
        assert_true(interpreter.is_python);
        assert_int_equal(interpreter.minor, 0);
        memset(image_at(&image, PROGRAM_AT, BYTES), 0, 4096);
    }
    memset(image_at(&image, PROGRAM_AT, BYTES), '3', BYTES);
    put(PROGRAM_AT + BYTES - 7, "3.11.1"); /* up to the very end */
    image_at(&image, PROGRAM_AT + BYTES - 1, 1)[0] = '1';
    find();
    assert_false(interpreter.is_python);
}

static void without_the_mark_it_is_no_python(void **state) {
    (void)state;
    put(PROGRAM_AT + 100, "3.11.7");
    find();
    assert_false(interpreter.is_python);
    assert_int_equal(interpreter.minor, 0);
}

/* A program that has its Python in a library, and constants of something else. */
static void the_library_tells_where_the_program_does_not(void **state) {
    (void)state;
    put(PROGRAM_AT + 100, "3.9.2");
    image_map(&image, LIBRARY_AT, 4096, "r--p", "/opt/libpython3.13.so.1.0 (deleted)");
    put(LIBRARY_AT, "PYTHONHASHSEED");
    put(LIBRARY_AT + 101, "3.13.0+");
    find();
    assert_true(interpreter.is_python);
    assert_string_equal(interpreter.version, "3.13.0+");
}

static void pypy_is_known_by_its_name(void **state) {
    (void)state;
    find();
    assert_false(interpreter.is_pypy);
    image_map(&image, LIBRARY_AT, 4096, "r--p", "/opt/libpypy3.10-c.so");
    find();
    assert_true(interpreter.is_pypy && !interpreter.is_python);
}

static void its_data_is_where_globals_are(void **state) {
    (void)state;
    image_map(&image, PROGRAM_AT + BYTES, 4096, "rw-p", IMAGE_PROGRAM);
    image_map(&image, PROGRAM_AT + BYTES + 4096, 4096, "rw-p", "");       /* .bss */
    image_map(&image, PROGRAM_AT + BYTES + 8192, 4096, "rw-p", "[heap]"); /* right behind it */
    image_map(&image, LIBRARY_AT, 4096, "rw-s", "/opt/libpython3.13.so");
    image_map(&image, LIBRARY_AT + 4096, 4096, "rw-p", "/opt/libother.so");
    for (size_t i = 0; i < image.maps.count; i++)
        assert_int_equal(interpreter_has_data(&image.maps, i), i == 1 || i == 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_static_python_is_known_by_its_constants, begin, end),
        cmocka_unit_test_setup_teardown(a_text_may_lie_across_reads, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_version_is_none, begin, end),
        cmocka_unit_test_setup_teardown(without_the_mark_it_is_no_python, begin, end),
        cmocka_unit_test_setup_teardown(the_library_tells_where_the_program_does_not, begin, end),
        cmocka_unit_test_setup_teardown(pypy_is_known_by_its_name, begin, end),
        cmocka_unit_test_setup_teardown(its_data_is_where_globals_are, begin, end),
    };
    return cmocka_run_group_tests_name("interpreter", tests, NULL, NULL);
}
