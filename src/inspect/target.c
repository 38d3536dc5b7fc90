#define _GNU_SOURCE
#include "inspect/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "inspect/text.h"

enum {
    UNTOUCHED_PART = 16, /* of a pool's pages one was touched at least */
    STATUS_ROOM = 64,
    PAGES_ASKED = 512, /* at once, whether they are touched */
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
static size_t read_touched(struct target *target, uint64_t address, void *buffer, size_t bytes) {
    struct iovec to = {buffer, bytes}, from = {(void *)(uintptr_t)address, bytes};
    ssize_t got = process_vm_readv(target->pid, &to, 1, &from, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS))
        got = pread(target->memory, buffer, bytes, (off_t)address);
    return got < 0 ? 0 : (size_t)got;
}

/* A file as the process sees it, when it is still the one that is mapped. */
static int open_mapped(const struct target *target, const struct mapped *mapped) {
    char name[PATH_MAX + 32];
    struct stat status;
    snprintf(name, sizeof name, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)target->pid,
             mapped->start, mapped->end);
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file >= 0) return file;
    snprintf(name, sizeof name, "/proc/%d/root%s", (int)target->pid, mapped->path);
    file = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_ino == mapped->inode)
        return file;
    if (file >= 0) close(file);
    return -1;
}

static bool find_file(struct target *target, const struct mapped *mapped) {
    if (target->file >= 0 && target->file_inode == mapped->inode) return true;
    if (target->file >= 0) close(target->file);
    target->file = open_mapped(target, mapped);
    target->file_inode = mapped->inode;
    return target->file >= 0;
}

/* Of pages that it has not touched. */
static size_t read_untouched(struct target *target, uint64_t address, void *buffer, size_t bytes) {
    const struct mapped *mapped = maps_at(&target->maps, address);
    if (!mapped) return 0;
    if (bytes > mapped->end - address) bytes = (size_t)(mapped->end - address);
    if (mapped->is_anonymous && mapped->is_private) {
        memset(buffer, 0, bytes);
        return bytes;
    }
    if (mapped->path[0] != '/' || !find_file(target, mapped))
        return read_touched(target, address, buffer, bytes);
    off_t at = (off_t)(mapped->offset + (address - mapped->start));
    ssize_t got = pread(target->file, buffer, bytes, at);
    size_t first = got > 0 ? (size_t)got : 0;
    memset((char *)buffer + first, 0, bytes - first); /* behind the end of the file */
    return bytes;
}

static bool has_bit(const uint64_t *bits, uint64_t bit) { return bits[bit / 64] >> bit % 64 & 1; }

/* Of at most PAGES_ASKED pages, a run of touched or untouched ones at a time. */
static size_t read_pages(struct target *target, uint64_t address, char *buffer, size_t bytes) {
    uint64_t bits[PAGES_ASKED / 64], first = address / REMOTE_PAGE;
    uint64_t pages = (address + bytes - 1) / REMOTE_PAGE - first + 1;
    if (!maps_present(target->pagemap, first * REMOTE_PAGE, pages, bits))
        return read_touched(target, address, buffer, bytes);
    for (uint64_t page = 0, end; page < pages; page = end) {
        bool is_touched = has_bit(bits, page);
        for (end = page + 1; end < pages && has_bit(bits, end) == is_touched;) end++;
        uint64_t from = page ? (first + page) * REMOTE_PAGE : address;
        uint64_t to = end < pages ? (first + end) * REMOTE_PAGE : address + bytes;
        for (uint64_t at = from; at < to;) {
            size_t got = (is_touched ? read_touched : read_untouched)(
                target, at, buffer + (at - address), (size_t)(to - at));
            if (got == 0) return (size_t)(at - address);
            at += got;
        }
    }
    return bytes;
}

size_t target_read(void *context, uint64_t address, void *buffer, size_t bytes) {
    enum { PART = PAGES_ASKED * REMOTE_PAGE };
    struct target *target = context;
    size_t done = 0;
    if (target->pagemap < 0 || address + bytes < address)
        return read_touched(target, address, buffer, bytes);
    while (done < bytes) {
        uint64_t at = address + done, room = PART - at % REMOTE_PAGE;
        size_t part = bytes - done < room ? bytes - done : (size_t)room;
        size_t got = read_pages(target, at, (char *)buffer + done, part);
        done += got;
        if (got < part) break;
    }
    return done;
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

/* Whether the kernel is taking a process apart: it has given back its memory, and is no
 * zombie yet. */
static bool is_ending(pid_t pid) {
    enum { IS_EXITING = 0x4 }; /* PF_EXITING, which never changed */
    char name[64], line[512];
    unsigned flags = 0;
    snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(name, "re");
    const char *behind = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    bool is_told = behind && sscanf(behind, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1;
    if (file) fclose(file);
    return is_told && flags & IS_EXITING;
}

/* Of a process without memory: it has ended, or is the kernel's own. */
static enum shoal_inspect_status has_none(const struct target *target,
                                          const struct complaint *complaint) {
    int pid = (int)target->pid;
    char text[STATUS_ROOM] = "X";
    status_of(target->pid, "State:", text);
    switch (is_ending(target->pid) && text[0] != 'Z' ? 'X' : text[0]) {
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

/* The first page of a mapping that the process has touched; the mapping's first where that
 * is not told, 0 where there is none. */
static uint64_t touched_page(const struct target *target, const struct mapped *mapped) {
    uint64_t bits[PAGES_ASKED / 64], pages;
    for (uint64_t at = mapped->start; at < mapped->end; at += pages * REMOTE_PAGE) {
        pages = (mapped->end - at) / REMOTE_PAGE;
        if (pages > PAGES_ASKED) pages = PAGES_ASKED;
        if (pages == 0 || !maps_present(target->pagemap, at, pages, bits)) return mapped->start;
        for (uint64_t i = 0; i < pages; i++)
            if (bits[i / 64] >> i % 64 & 1) return at + i * REMOTE_PAGE;
    }
    return 0;
}

/* Whether a mapping can be read at a page of it that was touched; `error` says why not. */
static bool try_probe(struct target *target, const struct mapped *mapped, int *error) {
    target->probe = touched_page(target, mapped);
    errno = 0;
    bool can = target->probe && target_is_same(target);
    *error = can ? 0 : errno;
    return can;
}

/* One byte that is there already, best of the program itself, which it cannot well
 * unmap: may it be read at all? */
static enum shoal_inspect_status find_probe(struct target *target,
                                            const struct complaint *complaint) {
    int error;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < target->maps.count; i++) {
            const struct mapped *mapped = &target->maps.items[i];
            if (round == 0 && strcmp(mapped->path, target->maps.program) != 0) continue;
            if (try_probe(target, mapped, &error)) return SHOAL_INSPECT_OK;
            if (error == EACCES || error == EPERM) return refused(target, complaint);
        }
    return has_none(target, complaint);
}

enum shoal_inspect_status target_open(struct target *target, pid_t pid,
                                      const struct complaint *complaint) {
    char name[64];
    *target = (struct target){.pid = pid, .memory = -1, .pagemap = -1, .file = -1};
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
    if (target->file >= 0) close(target->file);
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
