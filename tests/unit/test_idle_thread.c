/* idle_thread.c: the thread comes when there is something to look after, ends when there is
 * nothing, and is not there when anybody looks. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "heap/idle.h"
#include "heap/process.h"

#include "unit.h"

enum { BLOCKS = 400, BYTES = 32000, LONGEST_S = 20 };

/* Sanitizers have threads of their own. */
static int others;

static int threads_now(void) {
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    assert_non_null(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count - others;
}

static int count_others(void **state) {
    (void)state;
    others = threads_now() - 1;
    return 0;
}

/* Leaves some MB in the reserve, as breathing does on a machine that is fast enough. */
static void breathe(void) {
    static void *blocks[BLOCKS];
    shared_arenas.reserve.limit = SIZE_MAX / 4;
    for (int i = 0; i < BLOCKS; i++) memset(blocks[i] = shoal_malloc(BYTES), 1, BYTES);
    for (int i = 0; i < BLOCKS; i++) shoal_free(blocks[i]);
}

static void nap(void) {
    const struct timespec ms = {0, 10 * 1000 * 1000};
    nanosleep(&ms, NULL);
}

/* For a while after a fork the thread does not come for a little. */
static int let_time_pass(void **state) {
    const struct timespec while_after_fork = {0, 200 * 1000 * 1000};
    (void)state;
    nanosleep(&while_after_fork, NULL);
    return 0;
}

static void wait_until_it_ended(void) {
    time_t begin = time(NULL);
    while (threads_now() > 1 && time(NULL) < begin + LONGEST_S) nap();
    assert_int_equal(threads_now(), 1);
}

static void idle_gives_back_and_the_thread_ends(void **state) {
    (void)state;
    breathe();
    assert_int_equal(threads_now(), 2);
    wait_until_it_ended();
    struct shoal_usage usage;
    shoal_usage(&usage);
    assert_true(usage.reserve <= 64 * 4096);
    assert_true(idle_pages() < IDLE_WORTH);
}

static void it_comes_again(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        breathe();
        assert_int_equal(threads_now(), 2);
        wait_until_it_ended();
    }
}

static void fork_finds_one_thread(void **state) {
    int status;
    (void)state;
    for (int i = 0; i < 50 / SLOWNESS; i++) {
        breathe();
        pid_t child = fork();
        if (child == 0) _exit(threads_now() - 1);
        assert_int_equal(threads_now(), 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static void a_child_gives_back_too(void **state) {
    int status;
    (void)state;
    breathe();
    pid_t child = fork();
    if (child == 0) {
        breathe();
        bool came = threads_now() == 2;
        time_t begin = time(NULL);
        while (threads_now() > 1 && time(NULL) < begin + LONGEST_S) nap();
        _exit(!came || threads_now() != 1 || idle_pages() >= IDLE_WORTH);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Without fork's handlers the child has the parent's state and no thread. */
static void a_child_of_vfork_leaves_the_parents_thread_alone(void **state) {
    int status;
    (void)state;
    breathe();
    pid_t child = vfork();
    if (child == 0) _exit(0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(threads_now(), 2);
    wait_until_it_ended();
}

static volatile sig_atomic_t signals;
static void count_signal(int number) {
    (void)number;
    signals++;
}

/* A signal for the process is the program's, also where the program blocks it. */
static void the_thread_takes_no_signals(void **state) {
    sigset_t set;
    int got = 0;
    (void)state;
    wait_until_it_ended();
    signal(SIGUSR1, count_signal);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    breathe();
    assert_int_equal(threads_now(), 2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    nap();
    assert_int_equal(signals, 0);
    assert_int_equal(sigwait(&set, &got), 0);
    assert_int_equal(got, SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    wait_until_it_ended();
}

static void *breathe_and_fork(void *failures) {
    for (int i = 0; i < 20 / SLOWNESS + 1; i++) {
        void *blocks[50];
        for (int b = 0; b < 50; b++) memset(blocks[b] = shoal_malloc(BYTES), 1, BYTES);
        for (int b = 0; b < 50; b++) shoal_free(blocks[b]);
        int status = 1;
        pid_t child = fork();
        if (child == 0) {
            for (int b = 0; b < 50; b++) memset(blocks[b] = shoal_malloc(BYTES), 1, BYTES);
            for (int b = 0; b < 50; b++) shoal_free(blocks[b]);
            _exit(0);
        }
        waitpid(child, &status, 0);
        if (status) ++*(int *)failures;
    }
    return NULL;
}

static void threads_that_fork_at_once_do_not_wait_for_each_other(void **state) {
    enum { FORKERS = 4 };
    pthread_t threads[FORKERS];
    int failures[FORKERS] = {0};
    (void)state;
    skip_emulated("fork while other threads start or fork");
    for (int i = 0; i < FORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, breathe_and_fork, &failures[i]), 0);
    for (int i = 0; i < FORKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
    shoal_check();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(idle_gives_back_and_the_thread_ends, let_time_pass,
                                        nothing_left),
        cmocka_unit_test_setup_teardown(it_comes_again, let_time_pass, nothing_left),
        cmocka_unit_test_setup_teardown(fork_finds_one_thread, let_time_pass, nothing_left),
        cmocka_unit_test_setup_teardown(a_child_gives_back_too, let_time_pass, nothing_left),
        cmocka_unit_test_setup_teardown(a_child_of_vfork_leaves_the_parents_thread_alone,
                                        let_time_pass, nothing_left),
        cmocka_unit_test_setup_teardown(the_thread_takes_no_signals, let_time_pass, nothing_left),
        cmocka_unit_test_setup_teardown(threads_that_fork_at_once_do_not_wait_for_each_other,
                                        let_time_pass, nothing_left),
    };
    return cmocka_run_group_tests_name("idle_thread", tests, count_others, NULL);
}
