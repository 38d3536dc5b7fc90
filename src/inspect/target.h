/* The process that is read: whether it may be, how, and whether it is still the
 * same. */
#ifndef SHOAL_INSPECT_TARGET_H
#define SHOAL_INSPECT_TARGET_H

#include "inspect/maps.h"
#include "inspect/remote.h"
#include "shoal/inspect.h"

struct target {
    pid_t pid;
    int memory;     /* /proc/PID/mem, of the program that it ran when it was opened */
    int pagemap;    /* /proc/PID/pagemap, or -1 where it may not be read            */
    uint64_t probe; /* an address that can be read */
    struct maps maps;
    int file; /* that was read last for pages it has not touched, or -1 */
    uint64_t file_inode;
};

/* A line for people about what went wrong. */
struct complaint {
    char *text;
    size_t room;
};

/* Writes the line, fit for a terminal whatever the process calls itself; gives
 * `status`. */
__attribute__((format(printf, 3, 4))) enum shoal_inspect_status
complain(const struct complaint *complaint, enum shoal_inspect_status status, const char *format,
         ...);

/* To be closed also when it could not be opened. */
enum shoal_inspect_status target_open(struct target *target, pid_t pid,
                                      const struct complaint *complaint);
void target_close(struct target *target);

/* Reads the mappings again; as they were when they cannot be read. */
void target_update_maps(struct target *target);

/* Whether it still runs the same program: what was read since it was opened was read
 * of this one. */
bool target_is_same(const struct target *target);

/* Bytes that its arenas cannot exceed, resident as they are or nearly. */
uint64_t target_bytes_max(const struct target *target);

/* The readers of its memory; the context is the target. What it never touched is not
 * read in it, which would make it resident: it is zero, or as its file has it. */
remote_read_function target_read;
remote_present_function target_present;

#endif
