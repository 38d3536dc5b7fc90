/* Runs one of the C benchmark programs and prints what it cost as a JSON line.
 *
 *     loops --list              names and default iterations, one a line
 *     loops NAME [ITERATIONS]
 *
 * Peak is VmHWM, not ru_maxrss: the kernel carries ru_maxrss over exec, so that
 * a small program started by Python would report Python's peak. Resident is Pss
 * less LazyFree: pages mapped twice count once, pages given away with MADV_FREE
 * count as given away.
 */
#define _GNU_SOURCE
#include "loops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct loop *const tables[] = {small_loops, thread_loops, bignum_loops, growth_loops,
                                            large_loops};
#define TABLES (sizeof tables / sizeof tables[0])

_Noreturn void loop_fail(const char *what) {
    fprintf(stderr, "loops: %s\n", what);
    exit(1);
}

void *loop_malloc(size_t size) {
    void *block = malloc(size);
    if (block == NULL) loop_fail("malloc was refused");
    return block;
}

void *loop_calloc(size_t count, size_t size) {
    void *block = calloc(count, size);
    if (block == NULL) loop_fail("calloc was refused");
    return block;
}

void *loop_realloc(void *block, size_t size) {
    void *moved = realloc(block, size);
    if (moved == NULL) loop_fail("realloc was refused");
    return moved;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Reads a whole small file of /proc without asking the allocator for memory. */
static void read_text(const char *path, char *text, size_t room) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got = 0;
    if (file < 0) loop_fail("cannot read this process's memory from /proc");
    while (length < room - 1 && (got = read(file, text + length, room - 1 - length)) > 0)
        length += (size_t)got;
    close(file);
    text[length] = 0;
}

/* The bytes of a "Name:   123 kB" line; 0 when there is no such line. */
static size_t field_bytes(const char *text, const char *name) {
    const char *line = strstr(text, name);
    return line == NULL ? 0 : strtoull(line + strlen(name), NULL, 10) * 1024;
}

static const struct loop *find_loop(const char *name) {
    for (size_t table = 0; table < TABLES; table++)
        for (const struct loop *loop = tables[table]; loop->name != NULL; loop++)
            if (strcmp(loop->name, name) == 0) return loop;
    return NULL;
}

static void list_loops(void) {
    for (size_t table = 0; table < TABLES; table++)
        for (const struct loop *loop = tables[table]; loop->name != NULL; loop++)
            printf("%s %zu\n", loop->name, loop->iterations);
}

/* The iterations that the user asked for, 0 when the text is no such number. */
static size_t parse_iterations(const char *text) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno != 0 || *end != 0 || value < 1 ? 0 : (size_t)value;
}

static void measure(const struct loop *loop, size_t iterations) {
    static char status[8192], rollup[4096];
    int64_t wall = clock_ns(CLOCK_MONOTONIC);
    int64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    size_t operations = loop->run(iterations, loop->parameter);
    cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = clock_ns(CLOCK_MONOTONIC) - wall;
    read_text("/proc/self/smaps_rollup", rollup, sizeof rollup);
    read_text("/proc/self/status", status, sizeof status);
    printf("{\"program\": \"%s\", \"iterations\": %zu, \"operations\": %zu, \"cpu_ns\": %lld, "
           "\"wall_ns\": %lld, \"ns_per_operation\": %.4f, \"peak_rss\": %zu, "
           "\"resident_end\": %zu}\n",
           loop->name, iterations, operations, (long long)cpu, (long long)wall,
           (double)cpu / (double)operations, field_bytes(status, "VmHWM:"),
           field_bytes(rollup, "\nPss:") - field_bytes(rollup, "\nLazyFree:"));
}

int main(int count, char **words) {
    if (count == 2 && strcmp(words[1], "--list") == 0) {
        list_loops();
        return 0;
    }
    if (count < 2 || count > 3) {
        fprintf(stderr, "loops: expected --list, or a program and its iterations\n");
        return 2;
    }
    const struct loop *loop = find_loop(words[1]);
    if (loop == NULL) {
        fprintf(stderr, "loops: no program is called '%s'; --list names them\n", words[1]);
        return 2;
    }
    size_t iterations = count == 3 ? parse_iterations(words[2]) : loop->iterations;
    if (iterations == 0) {
        fprintf(stderr, "loops: '%s' is no positive number of iterations\n", words[2]);
        return 2;
    }
    measure(loop, iterations);
    return 0;
}
