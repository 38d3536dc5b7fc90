/* One inspection, from a process number to its figures. */
#define _GNU_SOURCE
#include "shoal/inspect.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "inspect/census.h"
#include "inspect/freeze.h"
#include "inspect/interpreter.h"
#include "inspect/pymalloc_heap.h"
#include "inspect/shoal_heap.h"

struct inspector {
    struct shoal_inspection *result;
    char *message;
    size_t message_room;
    pid_t pid;
    struct maps maps;
    struct remote remote;
    struct interpreter interpreter;
    const struct layout *layout;
    struct arena_table table;
    bool has_beacon;
    struct shoal_beacon beacon;
    struct census *census;
};

__attribute__((format(printf, 3, 4))) static enum shoal_inspect_status
fail(struct inspector *inspector, enum shoal_inspect_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(inspector->message, inspector->message_room, format, arguments);
    va_end(arguments);
    return status;
}

static double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- The process ------------------------------------------------------------------ */

static int trace_scope(void) {
    int scope = 0;
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (file && fscanf(file, "%d", &scope) != 1) scope = 0;
    if (file) fclose(file);
    return scope;
}

static enum shoal_inspect_status refused(struct inspector *inspector) {
    int pid = (int)inspector->pid, scope = trace_scope();
    if (scope == 0)
        return fail(inspector, SHOAL_INSPECT_NO_RIGHT,
                    "may not read process %d: it is another user's or protects itself; it takes "
                    "that user, or the capability CAP_SYS_PTRACE",
                    pid);
    return fail(inspector, SHOAL_INSPECT_NO_RIGHT,
                "may not read process %d: kernel.yama.ptrace_scope is %d here; it takes the "
                "capability CAP_SYS_PTRACE%s",
                pid, scope, scope == 1 ? ", or a parent of the process" : "");
}

static enum shoal_inspect_status gone(struct inspector *inspector) {
    return fail(inspector, SHOAL_INSPECT_NO_PROCESS, "process %d ended while it was read",
                (int)inspector->pid);
}

/* One byte of the first mapping that has any: may it be read at all? */
static enum shoal_inspect_status try_reading(struct inspector *inspector) {
    for (size_t i = 0; i < inspector->maps.count; i++) {
        char byte;
        struct iovec to = {&byte, 1};
        struct iovec from = {(void *)(uintptr_t)inspector->maps.items[i].start, 1};
        if (process_vm_readv(inspector->pid, &to, 1, &from, 1, 0) == 1) return SHOAL_INSPECT_OK;
        if (errno == EPERM) return refused(inspector);
        if (errno == ESRCH) return gone(inspector);
    }
    return fail(inspector, SHOAL_INSPECT_NO_PYTHON, "process %d has no memory that can be read",
                (int)inspector->pid);
}

static enum shoal_inspect_status open_process(struct inspector *inspector) {
    int pid = (int)inspector->pid;
    if (pid <= 0 || (kill(inspector->pid, 0) != 0 && errno == ESRCH))
        return fail(inspector, SHOAL_INSPECT_NO_PROCESS, "no process %d", pid);
    int error = maps_read(&inspector->maps, inspector->pid);
    if (error == EACCES || error == EPERM) return refused(inspector);
    if (error) return fail(inspector, SHOAL_INSPECT_NO_PROCESS, "no process %d", pid);
    if (inspector->maps.count == 0)
        return fail(inspector, SHOAL_INSPECT_NO_PYTHON, "process %d has no memory of its own", pid);
    if (!remote_init(&inspector->remote, remote_read_process, &inspector->pid))
        return fail(inspector, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    return try_reading(inspector);
}

/* ---- The interpreter ---------------------------------------------------------------- */

/* A layout, or a status. Without a Python there may still be Shoal's heap. */
static enum shoal_inspect_status find_interpreter(struct inspector *inspector) {
    struct interpreter *interpreter = &inspector->interpreter;
    int pid = (int)inspector->pid;
    interpreter_find(interpreter, &inspector->maps, inspector->pid);
    inspector->has_beacon =
        shoal_heap_find(&inspector->beacon, &inspector->remote, &inspector->maps);
    if (interpreter->is_python) inspector->layout = layout_of(interpreter->minor);
    if (inspector->layout)
        snprintf(inspector->result->python, sizeof inspector->result->python, "%s",
                 interpreter->version);
    if (inspector->layout || inspector->has_beacon) return SHOAL_INSPECT_OK;
    return fail(inspector, SHOAL_INSPECT_NO_PYTHON, "process %d is %s: %s", pid,
                interpreter->is_pypy     ? "PyPy, which has no pools to read"
                : interpreter->is_python ? "no CPython from 3.9 to 3.13"
                                         : "not a Python",
                interpreter->program);
}

static enum shoal_inspect_status find_arenas(struct inspector *inspector) {
    if (inspector->layout && !arena_table_find(&inspector->table, &inspector->remote,
                                               &inspector->maps, inspector->layout))
        return fail(inspector, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    return SHOAL_INSPECT_OK;
}

/* ---- Counting -------------------------------------------------------------------------- */

static bool count_pymalloc(struct inspector *inspector) {
    struct shoal_inspection *result = inspector->result;
    if (inspector->table.count == 0) return true;
    result->allocator = SHOAL_ALLOCATOR_PYMALLOC;
    result->arena_bytes = inspector->layout->arena_bytes;
    result->pool_bytes = inspector->layout->pool_bytes;
    for (size_t i = 0; i < inspector->table.count; i++)
        census_add_range(inspector->census, inspector->table.arenas[i].start, result->arena_bytes);
    return pymalloc_heap_count(inspector->census, &inspector->remote, &inspector->table,
                               inspector->layout);
}

/* What Shoal took over in a running interpreter is counted beside pymalloc's. */
static bool count_shoal(struct inspector *inspector) {
    struct shoal_inspection *result = inspector->result;
    bool has_python = inspector->layout != NULL, serves_objects = false;
    if (!inspector->has_beacon) return true;
    bool done = shoal_heap_count(inspector->census, &inspector->remote, &inspector->beacon,
                                 has_python, &serves_objects);
    if (!serves_objects && has_python) return done;
    result->allocator = SHOAL_ALLOCATOR_SHOAL;
    result->arena_bytes = 0;
    result->pool_bytes = inspector->beacon.page_bytes;
    return done;
}

static enum shoal_inspect_status no_pools(struct inspector *inspector) {
    char words[128];
    if (inspector->has_beacon && !inspector->layout) return SHOAL_INSPECT_OK;
    interpreter_guess_allocator(&inspector->maps, inspector->pid, words, sizeof words);
    return fail(inspector, SHOAL_INSPECT_NO_POOLS,
                "process %d has no pools of pymalloc: its objects seem to be in %s",
                (int)inspector->pid, words);
}

static enum shoal_inspect_status count(struct inspector *inspector, int flags) {
    struct shoal_inspection *result = inspector->result;
    struct frozen frozen;
    inspector->census = calloc(1, sizeof *inspector->census);
    if (!inspector->census ||
        !census_init(inspector->census, result, &inspector->remote, inspector->layout))
        return fail(inspector, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    double began = now_seconds();
    if (flags & SHOAL_INSPECT_FREEZE) freeze(&frozen, inspector->pid);
    bool done = count_pymalloc(inspector) && count_shoal(inspector);
    if (flags & SHOAL_INSPECT_FREEZE) {
        thaw(&frozen);
        result->frozen_seconds = now_seconds() - began;
    }
    if (kill(inspector->pid, 0) != 0 && errno == ESRCH) return gone(inspector);
    if (!done || !census_finish(inspector->census))
        return fail(inspector, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    return result->arena_count ? SHOAL_INSPECT_OK : no_pools(inspector);
}

static void end(struct inspector *inspector) {
    if (inspector->census) census_end(inspector->census);
    free(inspector->census);
    arena_table_end(&inspector->table);
    remote_end(&inspector->remote);
    maps_end(&inspector->maps);
}

enum shoal_inspect_status shoal_inspect(pid_t pid, int flags, struct shoal_inspection *inspection,
                                        char *message, size_t room) {
    struct inspector *inspector = calloc(1, sizeof *inspector);
    double began = now_seconds();
    *inspection = (struct shoal_inspection){.pid = pid};
    if (!inspector) {
        snprintf(message, room, "out of memory");
        return SHOAL_INSPECT_NO_MEMORY;
    }
    inspector->result = inspection;
    inspector->pid = pid;
    inspector->message = message;
    inspector->message_room = room;
    enum shoal_inspect_status status = open_process(inspector);
    if (status == SHOAL_INSPECT_OK) status = find_interpreter(inspector);
    if (status == SHOAL_INSPECT_OK) status = find_arenas(inspector);
    if (status == SHOAL_INSPECT_OK) status = count(inspector, flags);
    inspection->seconds = now_seconds() - began;
    end(inspector);
    free(inspector);
    return status;
}

void shoal_inspection_end(struct shoal_inspection *inspection) {
    free(inspection->arenas);
    free(inspection->sizes);
    free(inspection->types);
    free(inspection->occupancy);
    free(inspection->large);
    free(inspection->ranges);
    free(inspection->names);
    *inspection = (struct shoal_inspection){0};
}
