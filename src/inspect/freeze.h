/* Stopping a process for as long as its arenas are read. */
#ifndef SHOAL_INSPECT_FREEZE_H
#define SHOAL_INSPECT_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct frozen;

/* Stops every thread of a process by ptrace; what may not be stopped, or does not
 * stop soon (a call that cannot be interrupted), runs on. No signal is sent, so nobody
 * who watches the process sees it stop; signals that come meanwhile reach it
 * afterwards. Should we end, however we end, the kernel lets it go. NULL when there
 * is no memory. */
struct frozen *freeze(pid_t pid);

/* How many threads are stopped: none where the process is traced already. */
size_t frozen_count(const struct frozen *frozen);

/* From the thread that froze or from another. Takes NULL. */
void thaw(struct frozen *frozen);

#endif
