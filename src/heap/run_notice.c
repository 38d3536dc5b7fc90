#define _GNU_SOURCE
#include "heap/run_notice.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "heap/asked.h"

static const char variable[] = "SHOAL_RUN";

static bool is_ready, is_taken, is_answered;

/* Standard error as it was at the start: the program may close it, and open a
 * file of its own in its place. */
static struct stat standard_error;

static bool is_named(void) { return asks_this_process(getenv(variable)); }

void run_notice_ready(void) { is_ready = is_named() && fstat(STDERR_FILENO, &standard_error) == 0; }

bool run_notice_is_wanted(void) { return is_ready && !is_answered && (is_taken || is_named()); }

void run_notice_take(void) {
    if (!run_notice_is_wanted()) return;
    is_taken = true;
    unsetenv(variable);
}

/* Nobody reads the pipe any more: no reason to end the program by SIGPIPE. */
static void write_or_not(const char *text, size_t length) {
    sigset_t pipe_signal, before, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    if (pthread_sigmask(SIG_BLOCK, &pipe_signal, &before) != 0) return;
    ssize_t written = write(STDERR_FILENO, text, length);
    if (written < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe_signal, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void run_notice(const char *format, ...) {
    if (!run_notice_is_wanted() || !is_still(STDERR_FILENO, &standard_error)) return;
    is_answered = true;
    char reason[512], line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    int saved_errno = errno;
    int length = snprintf(line, sizeof line, "shoal run: warning: %.400s %s\n",
                          program_invocation_name, reason);
    if (length > 0) write_or_not(line, (size_t)length);
    errno = saved_errno;
}
