/* Stopping a process for as long as its arenas are read. */
#ifndef SHOAL_INSPECT_FREEZE_H
#define SHOAL_INSPECT_FREEZE_H

#include <stddef.h>
#include <sys/types.h>

/* Threads that were stopped. Who inspects ends, however it ends: the kernel lets
 * them go. */
struct frozen {
    pid_t *threads;
    size_t count, room;
};

/* Stops every thread of a process by ptrace; what may not be stopped runs on. No
 * signal is sent, so nobody who watches the process sees it stop. */
void freeze(struct frozen *frozen, pid_t pid);
void thaw(struct frozen *frozen);

#endif
