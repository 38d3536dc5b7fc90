#define _GNU_SOURCE
#include "inspect/stops.h"

#include <time.h>

#include "inspect/freeze.h"

static const double PAUSE_MAX = 0.02;

static double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool stop(struct stops *stops) {
    stops->bytes = 0;
    stops->began = now_seconds();
    stops->frozen = freeze(stops->pid);
    stops->count += stops_hold(stops);
    return stops->frozen != NULL;
}

/* Gives how long it stood. */
static double let_run(struct stops *stops) {
    bool stood = stops_hold(stops);
    thaw(stops->frozen);
    stops->frozen = NULL;
    if (!stood) return 0;
    double seconds = now_seconds() - stops->began;
    stops->sum += seconds;
    if (seconds > stops->longest) stops->longest = seconds;
    return seconds;
}

bool stops_begin(struct stops *stops, pid_t pid) {
    *stops = (struct stops){.pid = pid};
    return stop(stops);
}

bool stops_hold(const struct stops *stops) { return frozen_count(stops->frozen) > 0; }

void stops_read_next(void *context, uint64_t bytes) {
    struct stops *stops = context;
    if (stops->bytes > 0 && stops->bytes + bytes > STOPS_BATCH && stops_hold(stops)) {
        double seconds = let_run(stops);
        if (seconds > PAUSE_MAX) seconds = PAUSE_MAX;
        nanosleep(&(struct timespec){0, (long)(seconds * 1e9)}, NULL);
        stop(stops); /* if it cannot be any more, the rest is read as it runs */
    }
    stops->bytes += bytes;
}

void stops_end(struct stops *stops) { let_run(stops); }
