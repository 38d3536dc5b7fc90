/* os_threads.c: threads and the C library, as the system tells of them. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os_threads.h"

#include "unit.h"

static void *its_number(void *number) {
    *(int *)number = os_thread();
    assert_true(os_has_thread(*(int *)number));
    return NULL;
}

static void a_thread_is_there_until_it_has_ended(void **state) {
    pthread_t thread;
    int number = 0, tries = 0;
    (void)state;
    assert_int_equal(os_thread(), os_process()); /* the first one's */
    assert_int_equal(pthread_create(&thread, NULL, its_number, &number), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_not_equal(number, os_process());
    while (os_has_thread(number) && tries++ < 1000) usleep(1000);
    assert_true(tries < 1000);
    assert_int_equal(errno, 0);
}

static void a_child_is_another_process(void **state) {
    int status;
    (void)state;
    int parent = os_process();
    pid_t child = fork();
    if (child == 0) _exit(os_process() == parent || os_process() != os_thread());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void the_c_library_is_told_from_the_rest(void **state) {
    (void)state;
    os_find_c_library();
    assert_true(os_in_c_library((void *)(uintptr_t)getppid));
    assert_false(os_in_c_library((void *)(uintptr_t)os_process));
    assert_false(os_in_c_library(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_is_there_until_it_has_ended),
        cmocka_unit_test(a_child_is_another_process),
        cmocka_unit_test(the_c_library_is_told_from_the_rest),
    };
    return cmocka_run_group_tests_name("os_threads", tests, NULL, NULL);
}
