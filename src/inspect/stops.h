/* Stopping a process again and again while its heap is read, a batch of arenas each
 * time: what is read at once is of one moment, and the process never stands longer
 * than a batch takes. */
#ifndef SHOAL_INSPECT_STOPS_H
#define SHOAL_INSPECT_STOPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct frozen;

enum { STOPS_BATCH = 32 << 20 }; /* bytes of arenas that are read at a stop, at most */

struct stops {
    pid_t pid;
    struct frozen *frozen; /* NULL: it runs */
    double began;          /* when it was stopped, in seconds of a clock */
    uint64_t bytes;        /* of arenas, since then */
    double longest, sum;   /* seconds that it stood */
    uint32_t count;
};

/* Stops it; false when there is no memory for that. */
bool stops_begin(struct stops *stops, pid_t pid);

/* Whether it stands now. */
bool stops_hold(const struct stops *stops);

/* So many bytes are to be read next. If the batch is full, the process runs for as long
 * as it stood before it is stopped anew, at most 20 ms. Takes a struct stops. */
void stops_read_next(void *stops, uint64_t bytes);

/* Lets it go, if it stands. */
void stops_end(struct stops *stops);

#endif
