/* type_name.c: what Python calls its types. */
#include "inspect/type_name.h"

#include "unit.h"

#include "python_image.h"

enum { ROOM = 256 };

static struct python_image python;
static char name[ROOM];

static bool read_name(uint64_t type, size_t room) {
    uint8_t bytes[TYPE_BYTES];
    memset(name, 0x77, sizeof name);
    for (size_t i = 0; i < REMOTE_CACHE; i++) python.remote.cache[i].page = 0;
    image_read(&python.image, type, bytes, sizeof bytes);
    return type_name_read(&python.remote, python.layout, type, bytes, name, room);
}

static void assert_name(uint64_t type, const char *expected) {
    assert_true(read_name(type, ROOM));
    assert_string_equal(name, expected);
}

/* Calls a test with each version's layout. */
static void each_version(void (*test)(void)) {
    for (int minor = 9; minor <= PYTHON_NEWEST; minor++) {
        python_image_init(&python, minor);
        test();
        python_image_end(&python);
    }
}

static void check_types_of_c(void) {
    assert_name(python.dict, "dict");
    assert_name(python_type(&python, "collections.deque", 100, 0), "collections.deque");
    assert_name(python_type(&python, "_io.FileIO", 100, TYPE_FLAG_HEAP), "_io.FileIO");
}

static void types_of_c_have_their_names(void **state) {
    (void)state;
    each_version(check_types_of_c);
}

static void check_classes(void) {
    assert_name(python_class(&python, "Session", "app.models", "Session", 0), "app.models.Session");
    assert_name(python_class(&python, "Inner", "app", "Outer.Inner", 0), "app.Outer.Inner");
    assert_name(python_class(&python, "Own", "builtins", "Own", 0), "Own");
    assert_name(python_class(&python, "Bare", NULL, "Bare", 0), "Bare");
}

static void classes_have_their_module(void **state) {
    (void)state;
    each_version(check_classes);
}

/* A dict that got a key that is no string has hashes again. */
static void check_other_dicts(void) {
    uint64_t class = python_class(&python, "Session", NULL, "Session", 0);
    const uint64_t pairs[3][2] = {
        {0, 0}, /* was deleted */
        {python.dict, python.str},
        {python_str(&python, "__module__"), python_str(&python, "app")},
    };
    image_put_word(&python.image, class + TYPE_DICT_AT, python_dict(&python, pairs, 3, false));
    assert_name(class, "app.Session");
    uint64_t dict = python_dict(&python, pairs, 3, true);
    image_put_word(&python.image, class + TYPE_DICT_AT, dict);
    assert_name(class, "app.Session");
    image_put_word(&python.image, dict + DICT_VALUES_AT, python.type); /* a split one */
    assert_name(class, "Session");
}

static void dicts_of_both_kinds_are_read(void **state) {
    (void)state;
    each_version(check_other_dicts);
}

/* What cannot be read costs the module, or the qualified name, never the name. */
static void check_broken(void) {
    const uint64_t wild = 0x7fff00000000;
    uint64_t class = python_class(&python, "Session", "app", "Long.Session", 0), dict, keys;
    image_put_word(&python.image, class + python.layout->qualname_at, wild);
    assert_name(class, "app.Session");
    memcpy(&dict, image_at(&python.image, class + TYPE_DICT_AT, 8), 8);
    memcpy(&keys, image_at(&python.image, dict + DICT_KEYS_AT, 8), 8);
    uint64_t last = keys + python.layout->keys_at - 8; /* how many entries: it says */
    image_put_word(&python.image, last, UINT64_MAX);
    assert_name(class, "app.Session");
    image_put_word(&python.image, last, 1);
    assert_name(class, "Session");
    image_put_word(&python.image, keys + 8, UINT64_MAX); /* how large it is */
    assert_name(class, "Session");
    image_put_word(&python.image, dict + DICT_KEYS_AT, wild);
    assert_name(class, "Session");
    image_put_word(&python.image, class + TYPE_DICT_AT, wild);
    assert_name(class, "Session");
}

static void what_cannot_be_read_is_left_out(void **state) {
    (void)state;
    each_version(check_broken);
}

static void check_strings(void) {
    uint64_t str = python_str(&python, "app"),
             class = python_class(&python, "Session", NULL, "Session", 0);
    const uint64_t pairs[1][2] = {{python_str(&python, "__module__"), str}};
    image_put_word(&python.image, class + TYPE_DICT_AT, python_dict(&python, pairs, 1, true));
    assert_name(class, "app.Session");
    image_put(&python.image, str + python.layout->text_at, "a\0p", 3); /* shorter than it says */
    assert_name(class, "Session");
    image_put(&python.image, str + python.layout->text_at, "app", 3);
    image_put_word(&python.image, str + TEXT_LENGTH_AT, 1ull << 60);
    assert_name(class, "Session");
    image_put_word(&python.image, str + TEXT_LENGTH_AT, 3);
    image_put_half(&python.image, str + TEXT_STATE_AT, 0); /* of another kind */
    assert_name(class, "Session");
}

static void strings_are_read_when_they_are_sound(void **state) {
    (void)state;
    each_version(check_strings);
}

static void names_that_are_too_long_are_cut_between_characters(void **state) {
    char longest[301] = "";
    (void)state;
    python_image_init(&python, 13);
    for (int i = 0; i < 150; i++) strcat(longest, "\xc3\xb6");
    uint64_t class = python_class(&python, longest, "app", "\x01", 0);
    assert_true(read_name(class, ROOM));
    assert_int_equal(strncmp(name, "app.\xc3\xb6\xc3\xb6", 8), 0);
    assert_int_equal(strlen(name), 4 + 126); /* half of the module's room, in pairs */
    assert_true(read_name(class, 16));
    assert_string_equal(name, "app.\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6");
    assert_true(read_name(python.dict, 3));
    assert_string_equal(name, "di");
    python_image_end(&python);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_c_have_their_names),
        cmocka_unit_test(classes_have_their_module),
        cmocka_unit_test(dicts_of_both_kinds_are_read),
        cmocka_unit_test(what_cannot_be_read_is_left_out),
        cmocka_unit_test(strings_are_read_when_they_are_sound),
        cmocka_unit_test(names_that_are_too_long_are_cut_between_characters),
    };
    return cmocka_run_group_tests_name("type_name", tests, NULL, NULL);
}
