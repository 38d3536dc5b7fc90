/* inspect.c and target.c: whole processes, and those that cannot be read. */
#define _GNU_SOURCE
#include "shoal/inspect.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inspect/target.h"
#include "unit.h"

static struct shoal_inspection inspection;
static char message[512];

static enum shoal_inspect_status inspect(pid_t pid, int flags) {
    strcpy(message, "untouched");
    return shoal_inspect(pid, flags, &inspection, message, sizeof message);
}

static void assert_fails(pid_t pid, enum shoal_inspect_status status, const char *line) {
    char expected[512];
    snprintf(expected, sizeof expected, line, (int)pid);
    assert_int_equal(inspect(pid, 0), status);
    assert_string_equal(message, expected);
    shoal_inspection_end(&inspection);
}

static void end_child(pid_t child) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* A child that runs `body`, and says so when it is ready. */
static pid_t start(void (*body)(int ready, const void *argument), const void *argument) {
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        body(ends[1], argument);
        _exit(1);
    }
    close(ends[1]);
    read(ends[0], &byte, 1); /* or the end of it, when it runs another program */
    close(ends[0]);
    return child;
}

static void use_heap(int ready, const void *argument) {
    struct shoal_usage *usage = *(struct shoal_usage *const *)argument;
    static void *blocks[5000];
    for (size_t i = 0; i < COUNT_OF(blocks); i++) blocks[i] = shoal_malloc(i);
    for (size_t i = 0; i < COUNT_OF(blocks); i += 3) shoal_free(blocks[i]);
    shoal_malloc(100 << 20);
    shoal_usage(usage);
    write(ready, "", 1);
    for (;;) pause();
}

/* In a program that is no Python, too, and frozen or not. */
static void a_process_on_shoal_is_read_exactly(void **state) {
    skip_emulated("reading a process: what is read is the emulator");
    struct shoal_usage *usage =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = start(use_heap, &usage);
    (void)state;
    for (int flags = 0; flags <= SHOAL_INSPECT_FREEZE; flags++) {
        uint64_t live = 0;
        if (inspect(child, flags) != SHOAL_INSPECT_OK) fail_msg("%s", message);
        for (size_t i = 0; i < inspection.arena_count; i++) live += inspection.arenas[i].live;
        for (size_t i = 0; i < inspection.large_count; i++) live += inspection.large[i].bytes;
        assert_int_equal(live, usage->live);
        assert_int_equal(inspection.allocator, SHOAL_ALLOCATOR_SHOAL);
        assert_string_equal(inspection.python, "");
        assert_int_equal(inspection.pools_inconsistent, 0);
        assert_int_equal(inspection.frozen_seconds > 0, flags);
        shoal_inspection_end(&inspection);
    }
    end_child(child);
    munmap(usage, 4096);
}

static void hold(int ready, const void *process) {
    if (ptrace(PTRACE_SEIZE, *(const pid_t *)process, NULL, NULL) == 0) write(ready, "", 1);
    for (;;) pause();
}

/* Who asks for figures of one moment does not get others. */
static void one_that_is_traced_cannot_be_stopped(void **state) {
    skip_emulated("ptrace, which stops a process");
    struct shoal_usage *usage =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = start(use_heap, &usage), tracer = start(hold, &child);
    (void)state;
    assert_int_equal(inspect(child, SHOAL_INSPECT_FREEZE), SHOAL_INSPECT_NO_RIGHT);
    assert_non_null(strstr(message, "may not stop process"));
    shoal_inspection_end(&inspection);
    assert_int_equal(inspect(child, 0), SHOAL_INSPECT_OK);
    shoal_inspection_end(&inspection);
    end_child(tracer);
    end_child(child);
    munmap(usage, 4096);
}

static void inspect_as_nobody(int ready, const void *process) {
    (void)ready;
    if (setgroups(0, NULL) || setgid(65534) || setuid(65534)) _exit(2);
    bool is_named = inspect(*(const pid_t *)process, 0) == SHOAL_INSPECT_NO_RIGHT &&
                    strstr(message, "another user's (0)") && strstr(message, "CAP_SYS_PTRACE");
    _exit(is_named ? 0 : 1);
}

static void the_right_that_is_missing_is_named(void **state) {
    pid_t ours = getpid();
    int status;
    (void)state;
    if (geteuid() != 0) skip();
    pid_t child = start(inspect_as_nobody, &ours);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void no_process_is_none(void **state) {
    (void)state;
    assert_fails(0x3fffffff, SHOAL_INSPECT_NO_PROCESS, "no such process: %d");
    assert_fails(0, SHOAL_INSPECT_NO_PROCESS, "no such process: %d");
    assert_fails(-1, SHOAL_INSPECT_NO_PROCESS, "no such process: %d");
    assert_int_equal(shoal_inspect(-1, 0, &inspection, NULL, 0), SHOAL_INSPECT_NO_PROCESS);
}

static void a_kernel_thread_is_no_python(void **state) {
    char name[32] = "";
    FILE *file = fopen("/proc/2/comm", "r");
    (void)state;
    if (!file) skip();
    if (!fgets(name, sizeof name, file)) name[0] = '\0';
    fclose(file);
    if (strcmp(name, "kthreadd\n") != 0) skip(); /* a container has none */
    assert_int_equal(inspect(2, 0), geteuid() ? SHOAL_INSPECT_NO_RIGHT : SHOAL_INSPECT_NO_PYTHON);
    shoal_inspection_end(&inspection);
}

static void leave(int ready, const void *argument) {
    (void)ready;
    (void)argument;
    _exit(0);
}

static void one_that_has_ended_is_none(void **state) {
    siginfo_t info;
    pid_t child = start(leave, NULL);
    (void)state;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(inspect(child, 0), SHOAL_INSPECT_NO_PROCESS);
    shoal_inspection_end(&inspection);
    end_child(child);
}

enum { TAKEN_APART_FOR_A_WHILE = 300 << 20 };

static void end_large(int ready, const void *argument) {
    char *memory = mmap(NULL, TAKEN_APART_FOR_A_WHILE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    (void)argument;
    write(ready, memory, 1);
    _exit(0);
}

/* Between its memory and its end lies the time that the kernel takes to free it. */
static void one_that_is_ending_has_ended(void **state) {
    siginfo_t info = {.si_pid = 0};
    pid_t child = start(end_large, NULL);
    (void)state;
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && !info.si_pid) {
        inspect(child, 0);
        assert_null(strstr(message, "no memory of its own"));
        shoal_inspection_end(&inspection);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void run(int ready, const void *path) {
    (void)ready; /* closed by the new program */
    execl(path, "sleep", "60", (char *)NULL);
}

static void a_program_that_is_no_python_is_named(void **state) {
    char link[64], path[256], line[512];
    pid_t child = start(run, "/bin/sleep");
    (void)state;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)child);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length] = '\0';
    snprintf(line, sizeof line, "process %%d is not a Python: %s", path);
    assert_fails(child, SHOAL_INSPECT_NO_PYTHON, line);
    end_child(child);
}

/* Its name is no way to write to our terminal. */
static void a_name_with_control_characters_is_defused(void **state) {
    char folder[] = "/tmp/shoal-test-XXXXXX", path[64], copy[128], line[256];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a\x1b[31m", folder);
    snprintf(copy, sizeof copy, "cp /bin/sleep '%s'", path);
    assert_int_equal(system(copy), 0);
    pid_t child = start(run, path);
    snprintf(line, sizeof line, "process %%d is not a Python: %s/a?[31m", folder);
    assert_fails(child, SHOAL_INSPECT_NO_PYTHON, line);
    end_child(child);
    unlink(path);
    rmdir(folder);
}

static void rest(int ready, const void *argument) {
    (void)argument;
    write(ready, "", 1);
    for (;;) pause();
}

static void wait_then_run(int ready, const void *path) {
    struct shoal_usage usage;
    shoal_usage(&usage);
    write(ready, "", 1);
    raise(SIGSTOP);
    run(ready, path);
}

/* What was opened is not what is there when it ends, or runs another program. */
static void another_program_is_noticed(void **state) {
    struct complaint complaint = {message, sizeof message};
    struct target target;
    char byte;
    int status;
    (void)state;
    pid_t child = start(wait_then_run, "/bin/sleep");
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_int_equal(target_open(&target, child, &complaint), SHOAL_INSPECT_OK);
    assert_true(target_is_same(&target));
    assert_int_equal(target_read(&target, target.probe, &byte, 1), 1);
    kill(child, SIGCONT);
    for (int i = 0; i < 1000 && target_is_same(&target); i++) usleep(10000);
    assert_false(target_is_same(&target));
    target_close(&target);
    end_child(child);
    child = start(rest, NULL);
    assert_int_equal(target_open(&target, child, &complaint), SHOAL_INSPECT_OK);
    end_child(child);
    assert_false(target_is_same(&target));
    assert_int_equal(target_read(&target, target.probe, &byte, 1), 0);
    target_close(&target);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_on_shoal_is_read_exactly),
        cmocka_unit_test(one_that_is_traced_cannot_be_stopped),
        cmocka_unit_test(the_right_that_is_missing_is_named),
        cmocka_unit_test(no_process_is_none),
        cmocka_unit_test(a_kernel_thread_is_no_python),
        cmocka_unit_test(one_that_has_ended_is_none),
        cmocka_unit_test(one_that_is_ending_has_ended),
        cmocka_unit_test(a_program_that_is_no_python_is_named),
        cmocka_unit_test(a_name_with_control_characters_is_defused),
        cmocka_unit_test(another_program_is_noticed),
    };
    return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
