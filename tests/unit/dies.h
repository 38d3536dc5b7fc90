/* Asserting that a piece of code ends the process with a certain line. */
#ifndef SHOAL_TESTS_DIES_H
#define SHOAL_TESTS_DIES_H

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* The emulator ends what a process says by a line of its own. */
static inline void drop_emulators_line(char *said) {
    char *line = strstr(said, "qemu: uncaught target signal");
    if (IS_EMULATED && line) *line = 0;
}

/* Runs `body` in a child; fails the test unless it ends by SIGABRT with
 * exactly `line` and a newline on standard error. */
static inline void assert_dies(void (*body)(void *), void *argument, const char *line) {
    char seen[512];
    size_t length = 0;
    ssize_t got;
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka has its own handler */
        dup2(ends[1], STDERR_FILENO);
        body(argument);
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], seen + length, sizeof(seen) - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    seen[length] = 0;
    drop_emulators_line(seen);
    length = strlen(seen);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (length && seen[length - 1] == '\n') seen[length - 1] = 0;
    assert_string_equal(seen, line);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#endif
