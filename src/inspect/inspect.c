/* One inspection, from a process number to its figures. */
#define _GNU_SOURCE
#include "shoal/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "inspect/beacon_search.h"
#include "inspect/census.h"
#include "inspect/interpreter.h"
#include "inspect/interpreters.h"
#include "inspect/malloc_heap.h"
#include "inspect/pymalloc_heap.h"
#include "inspect/shoal_heap.h"
#include "inspect/shoal_kept.h"
#include "inspect/stops.h"
#include "inspect/strays.h"
#include "inspect/target.h"

struct inspector {
    struct shoal_inspection *result;
    struct complaint complaint;
    struct target target;
    struct remote remote;
    struct interpreter interpreter;
    const struct layout *layout;
    struct arena_table table;
    bool has_beacon;
    struct shoal_beacon beacon;
    struct census *census;
};

static double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum shoal_inspect_status out_of_memory(const struct inspector *inspector) {
    return complain(&inspector->complaint, SHOAL_INSPECT_NO_MEMORY, "out of memory");
}

/* ---- The interpreter ---------------------------------------------------------------- */

/* A layout, or a status. Without a Python there may still be Shoal's heap. */
static enum shoal_inspect_status find_interpreter(struct inspector *inspector) {
    struct interpreter *interpreter = &inspector->interpreter;
    if (!interpreter_find(interpreter, &inspector->remote, &inspector->target.maps))
        return out_of_memory(inspector);
    inspector->has_beacon =
        beacon_find(&inspector->beacon, &inspector->remote, &inspector->target.maps);
    if (interpreter->is_python) inspector->layout = layout_of(interpreter->minor);
    if (inspector->layout)
        snprintf(inspector->result->python, sizeof inspector->result->python, "%s",
                 interpreter->version);
    if (inspector->layout || inspector->has_beacon) return SHOAL_INSPECT_OK;
    return complain(&inspector->complaint, SHOAL_INSPECT_NO_PYTHON, "process %d is %s: %s",
                    (int)inspector->target.pid,
                    interpreter->is_pypy     ? "PyPy, which has no pools to read"
                    : interpreter->is_python ? "no CPython from 3.9 to 3.15"
                                             : "not a Python",
                    interpreter->program);
}

/* ---- Counting -------------------------------------------------------------------------- */

static bool count_pymalloc(struct inspector *inspector) {
    struct shoal_inspection *result = inspector->result;
    const struct arena_table *table = &inspector->table;
    if (!inspector->layout) return true;
    if (!arena_table_find(&inspector->table, &inspector->remote, &inspector->target.maps,
                          inspector->layout))
        return false;
    if (table->count == 0) return true;
    result->arena_bytes = table->arena_bytes;
    for (size_t i = 0; i < table->count; i++)
        census_add_range(inspector->census, table->arenas[i].start, result->arena_bytes);
    return pymalloc_heap_count(inspector->census, table, inspector->layout);
}

/* What Shoal took over in a running interpreter is counted beside pymalloc's. */
static bool count_shoal(struct inspector *inspector) {
    struct shoal_inspection *result = inspector->result;
    bool has_python = inspector->layout != NULL, serves_objects = false;
    if (!inspector->has_beacon) return true;
    bool done = shoal_heap_count(inspector->census, &inspector->remote, &inspector->beacon,
                                 has_python, &serves_objects) &&
                shoal_kept_count(inspector->census, &inspector->remote, &inspector->target.maps,
                                 &inspector->beacon);
    inspector->census->has_large_objects = serves_objects;
    if (!serves_objects && has_python) return done;
    result->allocator = SHOAL_ALLOCATOR_SHOAL;
    result->arena_bytes = 0;
    return done;
}

static bool add_stray(void *context, uint64_t start, uint64_t bytes, enum shoal_owner owner) {
    struct census *census = context;
    if (owner == SHOAL_OWNER_LARGE)
        census_add_large(census, start, bytes);
    else
        census_add_owned(census, start, bytes, owner);
    return !census->is_out_of_memory;
}

/* Libc's blocks with mappings of their own, and frames: in what nobody else has. */
static bool count_strays(struct inspector *inspector) {
    struct census *census = inspector->census;
    struct strays strays = {
        .remote = &inspector->remote,
        .maps = &inspector->target.maps,
        .has_frames = inspector->layout && inspector->layout->has_frame_chunks,
        .found = add_stray,
        .context = census,
    };
    struct shoal_extent *extents = census_taken(census, &strays.taken_count);
    strays.taken = extents;
    census->mapped_from = inspector->result->large_count;
    bool done = extents && strays_find(&strays);
    free(extents);
    return done;
}

/* What libc's malloc has: where Shoal does not serve it, all but the objects' small blocks. */
static bool count_malloc(struct inspector *inspector) {
    struct malloc_regions regions;
    target_update_maps(&inspector->target);
    inspector->census->has_malloc_objects = inspector->layout != NULL;
    bool done = malloc_regions_find(&regions, &inspector->remote, &inspector->target.maps) &&
                malloc_heap_count(inspector->census, &regions);
    malloc_regions_end(&regions);
    return done;
}

/* Where both are, places are of the smaller pools. */
static bool begin_census(struct inspector *inspector) {
    struct shoal_inspection *result = inspector->result;
    inspector->census = calloc(1, sizeof *inspector->census);
    result->allocator = SHOAL_ALLOCATOR_PYMALLOC;
    result->pool_bytes =
        inspector->has_beacon ? inspector->beacon.page_bytes : inspector->layout->pool_bytes;
    return inspector->census &&
           census_init(inspector->census, result, &inspector->remote, inspector->layout);
}

static enum shoal_inspect_status no_pools(struct inspector *inspector) {
    char words[128];
    pid_t pid = inspector->target.pid;
    if (inspector->has_beacon && !inspector->layout) return SHOAL_INSPECT_OK;
    if (interpreters_are_free_threaded(&inspector->remote, &inspector->target.maps))
        return complain(
            &inspector->complaint, SHOAL_INSPECT_NO_POOLS,
            "process %d has no objects in pymalloc: it is a free-threaded Python, whose "
            "objects are in mimalloc",
            (int)pid);
    interpreter_guess_allocator(&inspector->target.maps, pid, words, sizeof words);
    return complain(&inspector->complaint, SHOAL_INSPECT_NO_POOLS,
                    "process %d has no objects in pymalloc: they seem to be in %s", (int)pid,
                    words);
}

static enum shoal_inspect_status not_stopped(const struct inspector *inspector) {
    int pid = (int)inspector->target.pid;
    if (!target_is_same(&inspector->target)) return SHOAL_INSPECT_NO_PROCESS;
    return complain(&inspector->complaint, SHOAL_INSPECT_NO_RIGHT,
                    "may not stop process %d: a debugger has it, or the system forbids it", pid);
}

static bool count_all(struct inspector *inspector) {
    target_update_maps(&inspector->target);
    if (!count_pymalloc(inspector) || !count_shoal(inspector) || !count_malloc(inspector) ||
        !count_strays(inspector))
        return false;
    census_count_large(inspector->census);
    return true;
}

/* What was found is in the census, unless there was no memory for it. */
static enum shoal_inspect_status count_stopped(struct inspector *inspector, bool *done) {
    struct shoal_inspection *result = inspector->result;
    struct stops stops;
    if (!stops_begin(&stops, inspector->target.pid)) return out_of_memory(inspector);
    if (!stops_hold(&stops)) {
        stops_end(&stops);
        return not_stopped(inspector);
    }
    inspector->census->read_next = stops_read_next;
    inspector->census->read_next_context = &stops;
    *done = count_all(inspector);
    inspector->census->read_next = NULL;
    stops_end(&stops);
    result->stops = stops.count;
    result->frozen_seconds = stops.sum;
    result->longest_stop = stops.longest;
    return SHOAL_INSPECT_OK;
}

static enum shoal_inspect_status count(struct inspector *inspector, int flags) {
    enum shoal_inspect_status status = SHOAL_INSPECT_OK;
    bool done = true;
    if (!begin_census(inspector)) return out_of_memory(inspector);
    inspector->remote.bytes_left = target_bytes_max(&inspector->target);
    if (flags & SHOAL_INSPECT_FREEZE)
        status = count_stopped(inspector, &done);
    else
        done = count_all(inspector);
    if (status != SHOAL_INSPECT_OK) return status;
    if (!done || !census_finish(inspector->census)) return out_of_memory(inspector);
    return inspector->result->arena_count ? SHOAL_INSPECT_OK : no_pools(inspector);
}

/* ---- All of it --------------------------------------------------------------------------- */

static enum shoal_inspect_status inspect(struct inspector *inspector, int flags) {
    enum shoal_inspect_status status = find_interpreter(inspector);
    if (status == SHOAL_INSPECT_OK) status = count(inspector, flags);
    if (status == SHOAL_INSPECT_NO_MEMORY || target_is_same(&inspector->target)) return status;
    return complain(&inspector->complaint, SHOAL_INSPECT_NO_PROCESS,
                    "process %d ended while it was read", (int)inspector->target.pid);
}

static void end(struct inspector *inspector) {
    if (inspector->census) census_end(inspector->census);
    free(inspector->census);
    arena_table_end(&inspector->table);
    remote_end(&inspector->remote);
    target_close(&inspector->target);
    free(inspector);
}

enum shoal_inspect_status shoal_inspect(pid_t pid, int flags, struct shoal_inspection *inspection,
                                        char *message, size_t room) {
    struct inspector *inspector = calloc(1, sizeof *inspector);
    struct complaint complaint = {message, room};
    double began = now_seconds();
    *inspection = (struct shoal_inspection){.pid = pid};
    if (!inspector) return complain(&complaint, SHOAL_INSPECT_NO_MEMORY, "out of memory");
    inspector->result = inspection;
    inspector->complaint = complaint;
    enum shoal_inspect_status status = target_open(&inspector->target, pid, &complaint);
    if (status == SHOAL_INSPECT_OK &&
        !remote_init(&inspector->remote, target_read, &inspector->target))
        status = out_of_memory(inspector);
    inspector->remote.present = target_present;
    if (status == SHOAL_INSPECT_OK) status = inspect(inspector, flags);
    inspection->seconds = now_seconds() - began;
    end(inspector);
    return status;
}

void shoal_inspection_end(struct shoal_inspection *inspection) {
    free(inspection->arenas);
    free(inspection->sizes);
    free(inspection->types);
    free(inspection->occupancy);
    free(inspection->large);
    free(inspection->ranges);
    free(inspection->owned);
    free(inspection->names);
    *inspection = (struct shoal_inspection){0};
}
