/* text.c: what may be shown on a terminal. */
#include "inspect/text.h"

#include "unit.h"

static void assert_text(const char *text, bool is_printable, const char *left) {
    char copy[64];
    strcpy(copy, text);
    assert_int_equal(text_is_printable(copy), is_printable);
    if (is_printable) assert_string_equal(copy, left);
}

static void names_of_every_script_are(void **state) {
    static const char *const names[] = {
        "dict",
        "app.models.Session",
        "Gr\xc3\xb6\xc3\x9f"
        "e",
        "\xe5\x90\x8d",
        "\xf0\x9d\x94\x98",
        " ",
        "~",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) assert_text(names[i], true, names[i]);
}

static void a_character_cut_off_at_the_end_is_taken_away(void **state) {
    (void)state;
    assert_text("Gr\xc3", true, "Gr");
    assert_text("a\xe5\x90", true, "a");
    assert_text("a\xf0\x9d\x94", true, "a");
    assert_text("\xc3", false, "");
}

static void what_is_no_text_is_not(void **state) {
    static const char *const others[] = {
        "",
        "\x01",
        "a\n",
        "\x1b[31m",
        "a\x7f",
        "\x80",
        "\xc0\xaf",
        "\xe0\x80\xaf",
        "\xf0\x80\x80\xaf",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xff",
        "a\xc3(",
        "\xc2\x9b"
        "31m",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) assert_text(others[i], false, "");
}

static void a_line_is_made_fit_for_a_terminal(void **state) {
    char line[] = "no \x1b[31mPython\x07: /opt/Gr\xc3\xb6\xc3\x9f"
                  "e\xff\xc2\x9bm\xc3";
    (void)state;
    text_make_printable(line);
    assert_string_equal(line, "no ?[31mPython?: /opt/Gr\xc3\xb6\xc3\x9f"
                              "e???m?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_every_script_are),
        cmocka_unit_test(a_character_cut_off_at_the_end_is_taken_away),
        cmocka_unit_test(what_is_no_text_is_not),
        cmocka_unit_test(a_line_is_made_fit_for_a_terminal),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
