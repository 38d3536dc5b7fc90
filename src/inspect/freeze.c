#define _GNU_SOURCE
#include "inspect/freeze.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "inspect/grow.h"

enum {
    ROUNDS_MAX = 16,
    THREADS_MAX = 8192,
    PATIENCE_MS = 100, /* in which threads must have stopped */
};

struct stopped {
    pid_t thread;
    bool has_stopped;
    int signal; /* that was on its way to the thread when it stopped, or 0 */
};

/* A thread of ours is the tracer: when it ends the kernel detaches what it traces,
 * those too that had not stopped and so could not be let go one by one. */
struct frozen {
    pid_t pid;
    struct stopped *threads;
    size_t count, room, stopped;
    uint64_t until_ms; /* for which threads are waited */
    pthread_t tracer;
    sem_t is_frozen, may_thaw;
};

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- One thread ----------------------------------------------------------------- */

/* Either as it was asked to, or because a signal came just then: that one is kept
 * for it. */
static void await_stop(struct frozen *frozen, struct stopped *stopped) {
    struct timespec pause = {0, 20000};
    int status;
    do {
        pid_t got = waitpid(stopped->thread, &status, __WALL | WNOHANG);
        if (got == stopped->thread && WIFSTOPPED(status)) {
            bool is_ours = status >> 16 == PTRACE_EVENT_STOP;
            stopped->has_stopped = true;
            stopped->signal = is_ours ? 0 : WSTOPSIG(status);
            frozen->stopped++;
        }
        if (got != 0 && !(got < 0 && errno == EINTR)) return;
        nanosleep(&pause, NULL);
    } while (now_ms() < frozen->until_ms);
}

static bool is_known(const struct frozen *frozen, pid_t thread) {
    for (size_t i = 0; i < frozen->count; i++)
        if (frozen->threads[i].thread == thread) return true;
    return false;
}

static bool ask_to_stop(struct frozen *frozen, pid_t thread) {
    if (frozen->count == THREADS_MAX || is_known(frozen, thread) ||
        !grow(&frozen->threads, &frozen->room, frozen->count, sizeof *frozen->threads) ||
        ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0)
        return false;
    frozen->threads[frozen->count++] = (struct stopped){.thread = thread};
    ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
    return true;
}

/* ---- All of them ------------------------------------------------------------------ */

/* All are asked before the first is waited for: they stop at the same time. Those that
 * a thread makes meanwhile are met in the next round. */
static void stop_all(struct frozen *frozen) {
    char name[64];
    bool found_more = true;
    snprintf(name, sizeof name, "/proc/%d/task", (int)frozen->pid);
    frozen->until_ms = now_ms() + PATIENCE_MS;
    for (int round = 0; found_more && round < ROUNDS_MAX; round++) {
        DIR *folder = opendir(name);
        found_more = false;
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            pid_t thread = (pid_t)atoi(entry->d_name);
            if (thread > 0 && ask_to_stop(frozen, thread)) found_more = true;
        }
        if (folder) closedir(folder);
        for (size_t i = 0; i < frozen->count; i++)
            if (!frozen->threads[i].has_stopped) await_stop(frozen, &frozen->threads[i]);
    }
}

static void let_go(struct frozen *frozen) {
    for (size_t i = 0; i < frozen->count; i++) {
        const struct stopped *stopped = &frozen->threads[i];
        if (stopped->has_stopped)
            ptrace(PTRACE_DETACH, stopped->thread, NULL, (void *)(intptr_t)stopped->signal);
    }
}

static void await(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0 && errno == EINTR) {
    }
}

static void *trace(void *argument) {
    struct frozen *frozen = argument;
    stop_all(frozen);
    sem_post(&frozen->is_frozen);
    await(&frozen->may_thaw);
    let_go(frozen);
    return NULL;
}

struct frozen *freeze(pid_t pid) {
    struct frozen *frozen = calloc(1, sizeof *frozen);
    sigset_t all, before;
    if (!frozen) return NULL;
    frozen->pid = pid;
    sem_init(&frozen->is_frozen, 0, 0);
    sem_init(&frozen->may_thaw, 0, 0);
    sigfillset(&all); /* signals to us are for threads that know of them */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&frozen->tracer, NULL, trace, frozen);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        free(frozen);
        return NULL;
    }
    await(&frozen->is_frozen);
    return frozen;
}

size_t frozen_count(const struct frozen *frozen) { return frozen ? frozen->stopped : 0; }

void thaw(struct frozen *frozen) {
    if (!frozen) return;
    sem_post(&frozen->may_thaw);
    pthread_join(frozen->tracer, NULL);
    sem_destroy(&frozen->is_frozen);
    sem_destroy(&frozen->may_thaw);
    free(frozen->threads);
    free(frozen);
}
