/* fatal.c: the line a program ends with. */
#include "base/fatal.h"

#include "dies.h"

static void say(void *message) { fatal("%s, %d", (const char *)message, 7); }

static void the_message_is_one_line_after_our_name(void **state) {
    (void)state;
    assert_dies(say, (void *)"nothing works", "shoal: nothing works, 7");
}

/* Cut to what fits, still with its line end. */
static void a_long_message_is_cut(void **state) {
    static char message[2000];
    char line[512];
    (void)state;
    memset(message, 'x', sizeof(message) - 1);
    memset(line, 'x', sizeof(line));
    memcpy(line, "shoal: ", 7);
    line[510] = 0; /* 511 bytes and the line end are written at most */
    assert_dies(say, message, line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_message_is_one_line_after_our_name),
        cmocka_unit_test(a_long_message_is_cut),
    };
    return cmocka_run_group_tests_name("fatal", tests, NULL, NULL);
}
