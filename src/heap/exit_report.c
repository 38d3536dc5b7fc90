/* SHOAL_STATS=<pid>|all: where the memory was, on standard error at exit. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shoal/heap.h"

enum {
    CLASSES_ROOM = 64,
    LINE_ROOM = 160,
    COPY_FROM = 100, /* descriptor: out of the way of a program that counts on low ones */
};

/* Standard error as it was at the start: programs close theirs before they end.
 * They may even close this copy, and open a file of theirs in its place. */
static int report_to = STDERR_FILENO;
static struct stat standard_error;

static void say(const char *line, int length) {
    if (length > 0 && write(report_to, line, (size_t)length) < 0) { /* closed: nobody asks */
    }
}

static void say_bytes(const char *name, size_t bytes, const char *meaning) {
    char line[LINE_ROOM];
    int length =
        snprintf(line, sizeof line, "  %-9s %11.1f KiB  %s\n", name, (double)bytes / 1024, meaning);
    say(line, length);
}

static void say_classes(void) {
    static struct shoal_class_usage classes[CLASSES_ROOM];
    char line[LINE_ROOM];
    size_t count = shoal_class_usage(classes, CLASSES_ROOM);
    say(line, snprintf(line, sizeof line, "  %10s %9s %11s %14s %14s\n", "block size", "pools",
                       "blocks", "live KiB", "held KiB"));
    for (size_t i = 0; i < count && i < CLASSES_ROOM; i++) {
        const struct shoal_class_usage *class = &classes[i];
        if (class->pools == 0) continue;
        say(line, snprintf(line, sizeof line, "  %10zu %9zu %11zu %14.1f %14.1f\n",
                           class->block_size, class->pools, class->live_blocks,
                           (double)class->live / 1024, (double)class->held / 1024));
    }
}

static int is_wanted(void) {
    const char *wish = getenv("SHOAL_STATS");
    if (!wish) return 0;
    return strcmp(wish, "all") == 0 || strtol(wish, NULL, 10) == (long)getpid();
}

__attribute__((constructor)) static void keep_standard_error(void) {
    if (!is_wanted()) return;
    int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, COPY_FROM);
    if (copy >= 0) report_to = copy;
    fstat(report_to, &standard_error);
}

static int is_still_standard_error(void) {
    struct stat now;
    return fstat(report_to, &now) == 0 && now.st_dev == standard_error.st_dev &&
           now.st_ino == standard_error.st_ino;
}

__attribute__((destructor)) static void report(void) {
    if (!is_wanted() || !is_still_standard_error()) return;
    char line[LINE_ROOM];
    struct shoal_usage usage;
    shoal_usage(&usage);
    say(line,
        snprintf(line, sizeof line, "shoal: memory of process %ld at exit\n", (long)getpid()));
    say_bytes("live", usage.live, "in blocks handed out");
    say_bytes("held", usage.held, "kept, used by no block:");
    say_bytes(" pinned", usage.pinned, "  in pages that live blocks share");
    say_bytes(" reserve", usage.reserve, "  in whole free pages");
    say_bytes("returned", usage.returned, "given back to the system since the start");
    say_bytes("metadata", usage.metadata, "the heap's own records");
    say_bytes("large", usage.large, "of live: blocks over 32 KiB");
    say_bytes("peak", usage.peak, "most of live, held and metadata at once");
    say_classes();
}
