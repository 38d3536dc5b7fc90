/* System calls that only a process of one thread gets: the thread that looks after the
 * reserve must not be what makes them fail. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/hints.h"
#include "heap/idle.h"

static int without_thread(long number, long first, long second) {
    idle_pause();
    int result = (int)syscall(number, first, second);
    int saved_errno = errno;
    idle_go_on();
    errno = saved_errno;
    return result;
}

exported int unshare(int flags) { return without_thread(SYS_unshare, flags, 0); }
exported int setns(int descriptor, int kind) { return without_thread(SYS_setns, descriptor, kind); }
