/* os_libraries.c: which library has an address, on every C library that we are built for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>

#include "base/os_libraries.h"

#include "unit.h"

static void the_program_has_no_name(void **state) {
    bool is_stub = true;
    (void)state;
    assert_string_equal(os_library_at((void *)(uintptr_t)os_library_at, &is_stub), "");
    assert_false(is_stub);
    assert_string_equal(os_library_at(&live_now, NULL), "");
}

static void a_library_has_a_path_that_dlopen_takes(void **state) {
    bool is_stub = true;
    (void)state;
    const char *path = os_library_at(dlsym(RTLD_DEFAULT, "getppid"), &is_stub);
    assert_non_null(path);
    assert_non_null(strchr(path, '/'));
    assert_false(is_stub);
    void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    assert_non_null(library);
    assert_non_null(dlsym(library, "getppid"));
    dlclose(library);
}

static void elsewhere_is_no_library(void **state) {
    int local = 0;
    (void)state;
    assert_null(os_library_at(&local, NULL));
    assert_null(os_library_at(NULL, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_has_no_name),
        cmocka_unit_test(a_library_has_a_path_that_dlopen_takes),
        cmocka_unit_test(elsewhere_is_no_library),
    };
    return cmocka_run_group_tests_name("os_libraries", tests, NULL, NULL);
}
