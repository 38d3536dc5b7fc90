#define _GNU_SOURCE
#include "inspect/freeze.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "inspect/grow.h"

static bool is_frozen(const struct frozen *frozen, pid_t thread) {
    for (size_t i = 0; i < frozen->count; i++)
        if (frozen->threads[i] == thread) return true;
    return false;
}

static bool freeze_thread(struct frozen *frozen, pid_t thread) {
    if (!grow(&frozen->threads, &frozen->room, frozen->count, sizeof *frozen->threads))
        return false;
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0) return false;
    frozen->threads[frozen->count++] = thread;
    if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0) return true;
    while (waitpid(thread, NULL, __WALL) < 0 && errno == EINTR) {
    }
    return true;
}

/* Those that a thread makes while others are being stopped are met in the next
 * round. */
void freeze(struct frozen *frozen, pid_t pid) {
    char name[64];
    bool found_more = true;
    *frozen = (struct frozen){0};
    snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
    for (int round = 0; found_more && round < 16; round++) {
        DIR *folder = opendir(name);
        found_more = false;
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            pid_t thread = (pid_t)atoi(entry->d_name);
            if (thread > 0 && !is_frozen(frozen, thread) && freeze_thread(frozen, thread))
                found_more = true;
        }
        if (folder) closedir(folder);
    }
}

void thaw(struct frozen *frozen) {
    for (size_t i = 0; i < frozen->count; i++)
        ptrace(PTRACE_DETACH, frozen->threads[i], NULL, NULL);
    free(frozen->threads);
    *frozen = (struct frozen){0};
}
