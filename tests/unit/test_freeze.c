/* freeze.c: a process is stopped, and goes on as if nothing had been. */
#include "inspect/freeze.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

enum { THREADS = 6, ROUNDS = 20 };

/* What the child tells us. */
static struct shared {
    atomic_ulong counts[THREADS];
    atomic_int signals, ready;
} *shared;

static void rest(long milliseconds) {
    struct timespec time = {0, milliseconds * 1000000};
    while (nanosleep(&time, &time) != 0) {
    }
}

static void *run(void *argument) {
    atomic_fetch_add(&shared->ready, 1);
    for (;;) {
        atomic_fetch_add((atomic_ulong *)argument, 1);
        sched_yield();
    }
    return NULL;
}

static void note_signal(int signal) {
    (void)signal;
    atomic_fetch_add(&shared->signals, 1);
}

/* Counts with many threads, until it is killed or we end. */
static pid_t start_child(void) {
    pid_t child = fork();
    if (child != 0) return child;
    for (int signal = 1; signal < 32; signal++)
        sigaction(signal, &(struct sigaction){.sa_handler = note_signal, .sa_flags = SA_RESTART},
                  NULL);
    for (int i = 1; i < THREADS; i++)
        pthread_create(&(pthread_t){0}, NULL, run, &shared->counts[i]);
    alarm(60);
    signal(SIGALRM, SIG_DFL);
    run(&shared->counts[0]);
    _exit(1);
}

static unsigned long sum(void) {
    unsigned long sum = 0;
    for (int i = 0; i < THREADS; i++) sum += atomic_load(&shared->counts[i]);
    return sum;
}

/* Within a few seconds. */
static bool goes_on(void) {
    unsigned long before = sum();
    for (int i = 0; i < 500 && sum() == before; i++) rest(10);
    return sum() != before;
}

static void end_child(pid_t child) {
    int status;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    errno = 0;
    assert_true(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
}

static pid_t begin_child(void) {
    memset(shared, 0, sizeof *shared);
    pid_t child = start_child();
    for (int i = 0; i < 1000 && atomic_load(&shared->ready) < THREADS; i++) rest(10);
    assert_int_equal(atomic_load(&shared->ready), THREADS);
    return child;
}

static void every_thread_stops_and_goes_on(void **state) {
    skip_emulated("ptrace, which stops a process");
    pid_t child = begin_child();
    int status;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct frozen *frozen = freeze(child);
        assert_int_equal(frozen_count(frozen), THREADS);
        unsigned long before = sum();
        rest(5);
        assert_int_equal(sum(), before);
        thaw(frozen);
        assert_true(goes_on());
        /* As its parent we would be told of stops and ends. */
        assert_int_equal(waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED), 0);
    }
    assert_int_equal(atomic_load(&shared->signals), 0);
    end_child(child);
}

/* Those that come while it is stopped, or just as it stops, reach it. */
static void no_signal_is_lost(void **state) {
    skip_emulated("ptrace, which stops a process");
    pid_t child = begin_child();
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        atomic_store(&shared->signals, 0);
        if (round % 2) kill(child, SIGUSR1);
        struct frozen *frozen = freeze(child);
        if (round % 2 == 0) kill(child, SIGUSR1);
        thaw(frozen);
        for (int i = 0; i < 500 && atomic_load(&shared->signals) == 0; i++) rest(10);
        assert_int_equal(atomic_load(&shared->signals), 1);
    }
    end_child(child);
}

static char state_of(pid_t pid) {
    char name[64], line[256] = "";
    snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    return strrchr(line, ')')[2];
}

static void what_was_stopped_stays_so(void **state) {
    skip_emulated("ptrace, which stops a process");
    pid_t child = begin_child();
    int status;
    (void)state;
    kill(child, SIGSTOP);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    thaw(freeze(child));
    rest(20);
    assert_int_equal(state_of(child), 'T');
    kill(child, SIGCONT);
    assert_true(goes_on());
    end_child(child);
}

/* Its parent in a vfork cannot be interrupted: it is not waited for, and is let go. */
static void a_thread_that_does_not_stop_is_left(void **state) {
    int ends[2], status;
    char byte = 0;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        if (vfork() == 0) {
            write(ends[1], &byte, 1);
            for (int i = 0; i < 100; i++) usleep(10000); /* a second */
            _exit(0);
        }
        _exit(7);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    struct frozen *frozen = freeze(child);
    assert_int_equal(frozen_count(frozen), 0);
    thaw(frozen);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    close(ends[0]);
    close(ends[1]);
}

static void nobody_and_ourselves_cannot_be_frozen(void **state) {
    (void)state;
    struct frozen *frozen = freeze(getpid());
    assert_int_equal(frozen_count(frozen), 0);
    thaw(frozen);
    frozen = freeze(0x3fffffff);
    assert_int_equal(frozen_count(frozen), 0);
    thaw(frozen);
    thaw(NULL);
}

static int make_shared(void **state) {
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_stops_and_goes_on),
        cmocka_unit_test(no_signal_is_lost),
        cmocka_unit_test(what_was_stopped_stays_so),
        cmocka_unit_test(a_thread_that_does_not_stop_is_left),
        cmocka_unit_test(nobody_and_ourselves_cannot_be_frozen),
    };
    return cmocka_run_group_tests_name("freeze", tests, make_shared, NULL);
}
