/* The mappings of a process, as /proc/PID/maps has them, and which of their pages
 * are there. */
#ifndef SHOAL_INSPECT_MAPS_H
#define SHOAL_INSPECT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapped {
    uint64_t start, end;
    uint64_t offset, inode; /* in its file; 0 when it has none */
    bool is_writable, is_private, is_executable;
    bool is_anonymous; /* neither of a file nor a stack nor the kernel's */
    char *path;        /* "" when it has none */
};

struct maps {
    struct mapped *items; /* by address, without overlap */
    size_t count, room;
    char program[4096]; /* the path of the executable, "" when it is not told */
};

/* One line of it, which ends with a newline or without; false when it is no such
 * line. */
bool maps_parse(struct mapped *item, const char *line);

/* 0, or the errno of what failed. */
int maps_read(struct maps *maps, pid_t pid);
void maps_end(struct maps *maps);

/* The mapping that holds an address, or NULL. */
const struct mapped *maps_at(const struct maps *maps, uint64_t address);

/* One bit for each page from `start` on: whether it is in memory or swapped out.
 * False when that is not told: then nothing is known. */
bool maps_present(int pagemap, uint64_t start, size_t pages, uint64_t *bits);

#endif
