#include "gauge.h"

#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arenas.h"
#include "shoal/profile.h"

/* ---- Resident memory ----------------------------------------------------------- */

static int statm = -1; /* /proc/self/statm, kept open: its second word is pages */

static void open_statm(void) {
    enum { OUT_OF_THE_WAY = 100 };
    if (statm >= 0) close(statm); /* of the parent */
    int opened = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    statm = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    if (opened >= 0 && statm >= 0)
        close(opened);
    else
        statm = opened;
}

/* What the profiler itself has is left out. */
static int64_t ask_resident_bytes(void) {
    static long page_bytes;
    char text[64];
    ssize_t length = pread(statm, text, sizeof text, 0);
    if (length <= 0) return -1;
    const char *at = text, *end = text + length;
    int64_t pages = 0;
    while (at < end && *at != ' ') at++;
    for (at++; at < end && *at >= '0' && *at <= '9'; at++) pages = pages * 10 + (*at - '0');
    if (page_bytes == 0) page_bytes = sysconf(_SC_PAGESIZE);
    return pages * page_bytes - (int64_t)shoal_profile_own_resident();
}

/* Asks only when the answer may have changed: another thread was asked for before,
 * the thread has faulted pages in, pages were returned, or a large block was mapped
 * or unmapped. Faults cost a third of what statm does. */
static int64_t resident_bytes(int64_t returned) {
    static __thread char this_thread __attribute__((tls_model(SHOAL_TLS_MODEL)));
    static struct {
        const char *thread;
        long faults;
        int64_t returned, large_changes, resident;
    } last;
    struct rusage usage;
    int64_t large_changes = shoal_profile_large_changes();
    getrusage(RUSAGE_THREAD, &usage);
    if (last.thread != &this_thread || usage.ru_minflt != last.faults ||
        returned != last.returned || large_changes != last.large_changes || last.resident <= 0) {
        last.thread = &this_thread;
        last.faults = usage.ru_minflt;
        last.returned = returned;
        last.large_changes = large_changes;
        last.resident = ask_resident_bytes();
    }
    return last.resident;
}

/* ---- Shoal: held is what is resident and neither a large block nor a pooled one --
 *
 * Of the heap of objects: what malloc was asked for is not told of from the start
 * nor everywhere, so what the threads' heaps hold is not known. */

static void read_shoal(struct shoal_gauge *gauge) {
    struct shoal_pulse pulse;
    shoal_pulse(&pulse);
    gauge->rss = -1;
    gauge->held = (int64_t)(pulse.resident - pulse.large - pulse.threads) - shoal_profile_pooled();
    gauge->returned = (int64_t)pulse.returned;
}

static void ask_shoal(struct shoal_profile_live *live) {
    struct shoal_pulse pulse;
    shoal_pulse(&pulse);
    live->pooled = (int64_t)shoal_object_bytes();
    live->large = (int64_t)pulse.large;
}

static void read_shoal_and_rss(struct shoal_gauge *gauge) {
    read_shoal(gauge);
    gauge->rss = resident_bytes(gauge->returned);
}

/* ---- pymalloc: of its arenas, held is what is not in pooled blocks ----------------- */

static void read_pymalloc(struct shoal_gauge *gauge) {
    gauge->rss = -1;
    gauge->returned = arenas_freed();
    gauge->held = arenas_taken() - gauge->returned - shoal_profile_pooled();
}

static void ask_pymalloc(struct shoal_profile_live *live) {
    live->pooled = arenas_live_bytes();
    live->large = SHOAL_NOT_KNOWN;
}

static void read_pymalloc_and_rss(struct shoal_gauge *gauge) {
    read_pymalloc(gauge);
    gauge->rss = resident_bytes(gauge->returned);
}

/* ---- What is read ------------------------------------------------------------------ */

static void read_nothing(struct shoal_gauge *gauge) { *gauge = (struct shoal_gauge){-1, 0, 0}; }

static void (*read_used)(struct shoal_gauge *gauge) = read_nothing;

void gauge_read(struct shoal_gauge *gauge) { read_used(gauge); }

static size_t round_to_16(size_t bytes) { return (bytes + 15) & ~(size_t)15; }

void gauge_use(enum gauge_of of, int with_rss) {
    if (with_rss) open_statm();
    if (of == GAUGE_SHOAL) {
        shoal_profile_round_blocks_by(SHOAL_POOLED_MAX, shoal_block_bytes);
        shoal_profile_size_blocks_by(shoal_usable_size);
        shoal_profile_ask_live_by(ask_shoal);
        read_used = read_shoal;
        shoal_profile_read_gauge_by(with_rss ? read_shoal_and_rss : read_shoal);
    } else {
        enum { PYMALLOC_MOST = 512 };
        arenas_watch();
        shoal_profile_round_blocks_by(PYMALLOC_MOST, round_to_16);
        shoal_profile_size_blocks_by(arenas_block_bytes);
        shoal_profile_ask_live_by(ask_pymalloc);
        read_used = read_pymalloc;
        shoal_profile_read_gauge_by(with_rss ? read_pymalloc_and_rss : read_pymalloc);
    }
}
