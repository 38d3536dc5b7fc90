#define _GNU_SOURCE
#include "inspect/target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "inspect/text.h"

enum {
    UNTOUCHED_PART = 16, /* of a pool's pages one was touched at least */
    STATUS_ROOM = 64,
};

static const uint64_t BYTES_MIN = 1ull << 30;

enum shoal_inspect_status complain(const struct complaint *complaint,
                                   enum shoal_inspect_status status, const char *format, ...) {
    va_list arguments;
    if (complaint->room == 0) return status;
    va_start(arguments, format);
    vsnprintf(complaint->text, complaint->room, format, arguments);
    va_end(arguments);
    text_make_printable(complaint->text);
    return status;
}

/* What /proc/PID/status says behind a key; false when it says nothing. */
static bool status_of(pid_t pid, const char *key, char text[STATUS_ROOM]) {
    char name[64], line[128];
    size_t length = strlen(key);
    bool found = false;
    snprintf(name, sizeof name, "/proc/%d/status", (int)pid);
    FILE *file = fopen(name, "re");
    while (file && !found && fgets(line, sizeof line, file))
        if ((found = strncmp(line, key, length) == 0))
            snprintf(text, STATUS_ROOM, "%s", line + length + strspn(line + length, " \t"));
    if (file) fclose(file);
    return found;
}

/* ---- Its memory ------------------------------------------------------------------- */

/* Some sandboxes refuse the call and allow the file, which is slower. */
size_t target_read(void *context, uint64_t address, void *buffer, size_t bytes) {
    const struct target *target = context;
    struct iovec to = {buffer, bytes}, from = {(void *)(uintptr_t)address, bytes};
    ssize_t got = process_vm_readv(target->pid, &to, 1, &from, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS))
        got = pread(target->memory, buffer, bytes, (off_t)address);
    return got < 0 ? 0 : (size_t)got;
}

bool target_present(void *context, uint64_t address, size_t pages, uint64_t *bits) {
    const struct target *target = context;
    return maps_present(target->pagemap, address, pages, bits);
}

/* The file stays that of the program it was opened for; when that ended, or gave way
 * to another, nothing can be read from it. */
bool target_is_same(const struct target *target) {
    char byte;
    return pread(target->memory, &byte, 1, (off_t)target->probe) == 1;
}

uint64_t target_bytes_max(const struct target *target) {
    uint64_t kib = 0;
    char text[STATUS_ROOM];
    if (status_of(target->pid, "VmRSS:", text)) kib += strtoull(text, NULL, 10);
    if (status_of(target->pid, "VmSwap:", text)) kib += strtoull(text, NULL, 10);
    return BYTES_MIN + kib * 1024 * UNTOUCHED_PART;
}

/* ---- Opening it --------------------------------------------------------------------- */

static int trace_scope(void) {
    int scope = 0;
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (file && fscanf(file, "%d", &scope) != 1) scope = 0;
    if (file) fclose(file);
    return scope;
}

static enum shoal_inspect_status refused(const struct target *target,
                                         const struct complaint *complaint) {
    int pid = (int)target->pid, scope = trace_scope();
    char text[STATUS_ROOM];
    long user = status_of(target->pid, "Uid:", text) ? strtol(text, NULL, 10) : -1;
    if (user >= 0 && user != (long)geteuid())
        return complain(complaint, SHOAL_INSPECT_NO_RIGHT,
                        "may not read process %d: it is another user's (%ld); it takes that user, "
                        "or the capability CAP_SYS_PTRACE",
                        pid, user);
    if (scope == 0)
        return complain(complaint, SHOAL_INSPECT_NO_RIGHT,
                        "may not read process %d: it, or the system, keeps it from its own user; "
                        "it takes the capability CAP_SYS_PTRACE",
                        pid);
    return complain(complaint, SHOAL_INSPECT_NO_RIGHT,
                    "may not read process %d: kernel.yama.ptrace_scope is %d here; it takes the "
                    "capability CAP_SYS_PTRACE%s",
                    pid, scope, scope == 1 ? ", or a parent of the process" : "");
}

/* Of a process without memory: it has ended, or is the kernel's own. */
static enum shoal_inspect_status has_none(const struct target *target,
                                          const struct complaint *complaint) {
    int pid = (int)target->pid;
    char text[STATUS_ROOM] = "X";
    status_of(target->pid, "State:", text);
    switch (text[0]) {
    case 'X':
        return complain(complaint, SHOAL_INSPECT_NO_PROCESS, "no such process: %d", pid);
    case 'Z':
        return complain(complaint, SHOAL_INSPECT_NO_PROCESS,
                        "process %d has ended, and waits for its parent", pid);
    default:
        return complain(complaint, SHOAL_INSPECT_NO_PYTHON,
                        "process %d is not a Python: it has no memory of its own", pid);
    }
}

static enum shoal_inspect_status failed(const struct target *target,
                                        const struct complaint *complaint, int error) {
    if (error == EACCES || error == EPERM) return refused(target, complaint);
    if (error == ENOMEM) return complain(complaint, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    return has_none(target, complaint);
}

static size_t first_of_program(const struct maps *maps) {
    for (size_t i = 0; i < maps->count; i++)
        if (strcmp(maps->items[i].path, maps->program) == 0) return i;
    return 0;
}

/* One byte, best of the program itself, which it cannot well unmap: may it be read
 * at all? */
static enum shoal_inspect_status find_probe(struct target *target,
                                            const struct complaint *complaint) {
    for (size_t i = first_of_program(&target->maps); i < target->maps.count; i++) {
        target->probe = target->maps.items[i].start;
        errno = 0;
        if (target_is_same(target)) return SHOAL_INSPECT_OK;
        if (errno == EACCES || errno == EPERM) return refused(target, complaint);
    }
    return has_none(target, complaint);
}

enum shoal_inspect_status target_open(struct target *target, pid_t pid,
                                      const struct complaint *complaint) {
    char name[64];
    *target = (struct target){.pid = pid, .memory = -1, .pagemap = -1};
    if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH)) return failed(target, complaint, ESRCH);
    snprintf(name, sizeof name, "/proc/%d/mem", (int)pid);
    target->memory = open(name, O_RDONLY | O_CLOEXEC);
    if (target->memory < 0) return failed(target, complaint, errno);
    snprintf(name, sizeof name, "/proc/%d/pagemap", (int)pid);
    target->pagemap = open(name, O_RDONLY | O_CLOEXEC);
    int error = maps_read(&target->maps, pid);
    if (error) return failed(target, complaint, error);
    return find_probe(target, complaint);
}

void target_close(struct target *target) {
    if (target->memory >= 0) close(target->memory);
    if (target->pagemap >= 0) close(target->pagemap);
    maps_end(&target->maps);
}

void target_update_maps(struct target *target) {
    struct maps maps;
    if (maps_read(&maps, target->pid) == 0 && maps.count > 0) {
        maps_end(&target->maps);
        target->maps = maps;
    } else {
        maps_end(&maps);
    }
}
