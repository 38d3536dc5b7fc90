/* stops.c: a process stands while a batch is read, and runs in between. */
#include "inspect/stops.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static atomic_ulong *count;
static pid_t child;

static int start(void **state) {
    (void)state;
    count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    child = fork();
    if (child == 0)
        for (;;) atomic_fetch_add(count, 1);
    while (child > 0 && *count == 0) usleep(100);
    return child < 0;
}

static int end(void **state) {
    (void)state;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    munmap((void *)count, 4096);
    return 0;
}

static bool is_running(void) {
    unsigned long before = *count;
    for (int i = 0; i < 1000 && *count == before; i++) usleep(1000);
    return *count != before;
}

static bool is_standing(void) {
    unsigned long before = *count;
    usleep(2000);
    return *count == before;
}

static void it_stands_for_a_batch_and_runs_in_between(void **state) {
    struct stops stops;
    (void)state;
    skip_emulated("ptrace, which stops a process");
    assert_true(stops_begin(&stops, child));
    assert_true(stops_hold(&stops));
    stops_read_next(&stops, STOPS_BATCH / 2);
    stops_read_next(&stops, STOPS_BATCH / 2);
    assert_int_equal(stops.count, 1);
    assert_true(is_standing());
    assert_true(stops.sum == 0);
    unsigned long before = *count;
    unsigned pauses = 0;
    while (*count == before) { /* in a pause a busy machine may run others */
        assert_true(++pauses < 1000);
        stops_read_next(&stops, STOPS_BATCH);
        assert_int_equal(stops.count, 1 + pauses);
    }
    assert_true(is_standing());
    assert_true(stops.longest > 0.002 && stops.longest <= stops.sum);
    stops_end(&stops);
    assert_true(is_running());
    assert_true(stops.longest < stops.sum);
}

/* An arena larger than a batch is read at one stop, the first of its own. */
static void an_arena_is_read_at_once(void **state) {
    struct stops stops;
    (void)state;
    skip_emulated("ptrace, which stops a process");
    assert_true(stops_begin(&stops, child));
    for (unsigned i = 1; i <= 3; i++) {
        stops_read_next(&stops, 2 * (uint64_t)STOPS_BATCH);
        assert_int_equal(stops.count, i);
    }
    stops_end(&stops);
}

static void one_that_has_ended_is_not_held(void **state) {
    struct stops stops;
    (void)state;
    skip_emulated("ptrace, which stops a process");
    assert_true(stops_begin(&stops, child));
    kill(child, SIGKILL);
    stops_read_next(&stops, STOPS_BATCH);
    stops_read_next(&stops, STOPS_BATCH);
    assert_false(stops_hold(&stops));
    assert_int_equal(stops.count, 1);
    stops_end(&stops);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_stands_for_a_batch_and_runs_in_between),
        TEST(an_arena_is_read_at_once),
        TEST(one_that_has_ended_is_not_held),
    };
    return cmocka_run_group_tests_name("stops", tests, NULL, NULL);
}
