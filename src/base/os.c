#define _GNU_SOURCE
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef __linux__
#error "Shoal is written for Linux; this file is where another system goes"
#endif

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* Linux 4.17; newer than some C libraries */
#endif

/* Newer than some C libraries: the caller itself in place of a pidfd. */
enum { PIDFD_OF_CALLER = -10000 };

#ifdef __SANITIZE_THREAD__ /* ends a program that chooses addresses of its own */
enum { CHOOSES_NO_ADDRESS = true };
#else
enum { CHOOSES_NO_ADDRESS = false };
#endif

#ifdef SHOAL_TESTING
int os_fail_after = -1;
bool os_nowhere = CHOOSES_NO_ADDRESS;
size_t os_page_told;
uint64_t os_time_told, os_time_tick;

static uint64_t told_time(void) { return os_time_told ? os_time_told += os_time_tick : 0; }

static bool told_to_fail(void) {
    if (os_fail_after < 0) return false;
    if (os_fail_after > 0) {
        os_fail_after--;
        return false;
    }
    errno = ENOMEM;
    return true;
}
#else
enum { os_nowhere = CHOOSES_NO_ADDRESS, os_page_told = 0 };
static inline bool told_to_fail(void) { return false; }
static inline uint64_t told_time(void) { return 0; }
#endif

size_t os_page_bytes(void) { return os_page_told ? (size_t)os_page_told : getauxval(AT_PAGESZ); }

static void *mapping(void *start) { return start == MAP_FAILED ? NULL : start; }

/* Huge pages would bring back whole 2 MiB where we return 4 KiB. */
static void in_small_pages(void *start, size_t bytes) { madvise(start, bytes, MADV_NOHUGEPAGE); }

/* Linux maps from the top of the address space down or, told to map upwards,
 * from a third or a fourth of it (42 TiB of 128 on x86-64); sanitizers' shadows
 * end at 16 TiB, and other allocators that choose addresses stay below 30. */
static const uintptr_t PLACES = (uintptr_t)32 << 40, PLACES_BYTES = (uintptr_t)8 << 40;

void *os_place(size_t bytes) {
    static _Atomic(uintptr_t) random, given;
    const uintptr_t step = (uintptr_t)2 << 20;
    uintptr_t unset = 0;
    if (random == 0) atomic_compare_exchange_strong(&random, &unset, os_random_word() | 1);
    uintptr_t before = atomic_fetch_add(&given, (bytes + step - 1) & ~(step - 1));
    return (void *)(PLACES + (random / step * step + before) % PLACES_BYTES);
}

bool os_map_at(void *start, size_t bytes) {
    if (told_to_fail()) return false;
    enum { FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE };
    void *found = MAP_FAILED;
    errno = EEXIST;
    if (!os_nowhere) found = mmap(start, bytes, PROT_READ | PROT_WRITE, FLAGS, -1, 0);
    if (found == MAP_FAILED) return false;
    if (found != start) { /* an older kernel, or none like it: took it for a wish */
        munmap(found, bytes);
        errno = EEXIST;
        return false;
    }
    in_small_pages(start, bytes);
    return true;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; newer than some C libraries */
#endif

/* What the machine is set to: always, madvise or never, the one in brackets. By plain calls of
 * the system: those of the C library are points at which a thread may be cancelled. */
bool os_has_huge_pages(void) {
    static const char path[] = "/sys/kernel/mm/transparent_hugepage/enabled";
    char setting[64] = "";
    long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    long length = syscall(SYS_read, file, setting, sizeof setting - 1);
    syscall(SYS_close, file);
    return length > 0 && !strstr(setting, "[never]");
}

bool os_fill_huge(void *start, size_t bytes) {
    if (madvise(start, bytes, MADV_HUGEPAGE) != 0) return false;
    bool is_filled = madvise(start, bytes, MADV_POPULATE_WRITE) == 0;
    in_small_pages(start, bytes);
    return is_filled;
}

void *os_reserve(size_t bytes) {
    if (told_to_fail()) return NULL;
    void *start = mapping(mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (start) in_small_pages(start, bytes);
    return start;
}

bool os_commit(void *start, size_t bytes) {
    if (told_to_fail()) return false;
    return mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0;
}

void *os_map(size_t bytes) {
    if (told_to_fail()) return NULL;
    return mapping(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

void os_unmap(void *start, size_t bytes) { munmap(start, bytes); }

void *os_remap(void *start, size_t old_bytes, size_t new_bytes) {
    if (told_to_fail()) return NULL;
    return mapping(mremap(start, old_bytes, new_bytes, MREMAP_MAYMOVE));
}

__thread bool os_is_helper;

#if defined(SYS_process_madvise) && defined(SYS_pidfd_open)

/* How process_madvise is reached: by the caller's own mark (Linux 6.14), by a
 * descriptor opened for the call, or not at all. A descriptor is never kept:
 * programs close, count and inherit descriptors they did not open. */
enum batch_way { BATCH_BY_MARK, BATCH_BY_DESCRIPTOR, BATCH_NOT };
static _Atomic(enum batch_way) batch_way = BATCH_BY_MARK;

static long advise_batch(int pidfd, const struct os_range *ranges, size_t count, int advice) {
    return syscall(SYS_process_madvise, pidfd, ranges, count, advice, 0);
}

/* One way that did work may still fail for some ranges, of locked memory. */
static atomic_bool batch_has_worked;

static long try_batch(enum batch_way way, const struct os_range *ranges, size_t count, int advice) {
    if (way == BATCH_BY_MARK) return advise_batch(PIDFD_OF_CALLER, ranges, count, advice);
    if (os_is_helper) return 0;
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd < 0) return -1;
    long done = advise_batch(pidfd, ranges, count, advice);
    syscall(SYS_close, pidfd); /* no point at which a thread is cancelled */
    return done;
}

/* Bytes at the front of `ranges` that were advised. */
static size_t try_batches(const struct os_range *ranges, size_t count, int advice) {
    enum batch_way way;
    while ((way = batch_way) != BATCH_NOT) {
        long done = try_batch(way, ranges, count, advice);
        if (done >= 0) {
            batch_has_worked = true;
            return (size_t)done;
        }
        if (batch_has_worked) return 0;
        atomic_compare_exchange_strong(&batch_way, &way, way + 1);
    }
    return 0;
}

#else
static size_t try_batches(const struct os_range *ranges, size_t count, int advice) {
    (void)ranges, (void)count, (void)advice;
    return 0;
}
#endif

/* Ranges that the system refuses get no bytes. */
static void advise(struct os_range *ranges, size_t count, int advice) {
    _Static_assert(sizeof(struct os_range) == sizeof(struct iovec), "passed as iovec");
    size_t done = count > 1 ? try_batches(ranges, count, advice) : 0;
    for (size_t i = 0; i < count; i++) {
        if (done >= ranges[i].bytes) {
            done -= ranges[i].bytes;
            continue;
        }
        done = 0;
        if (madvise(ranges[i].start, ranges[i].bytes, advice) != 0) ranges[i].bytes = 0;
    }
}

void os_purge(struct os_range *ranges, size_t count) { advise(ranges, count, MADV_DONTNEED); }

void os_purge_lazily(struct os_range *ranges, size_t count) { advise(ranges, count, MADV_FREE); }

size_t os_resident(void *start, size_t bytes) {
    enum { AT_ONCE = 1024 };
    unsigned char pages[AT_ONCE];
    size_t resident = 0;
    for (size_t done = 0; done < bytes; done += (size_t)AT_ONCE << OS_PAGE_SHIFT) {
        size_t part = bytes - done;
        if (part > (size_t)AT_ONCE << OS_PAGE_SHIFT) part = (size_t)AT_ONCE << OS_PAGE_SHIFT;
        if (mincore((char *)start + done, part, pages) != 0) return bytes;
        for (size_t i = 0; i << OS_PAGE_SHIFT < part; i++) resident += (pages[i] & 1) * OS_PAGE;
    }
    return resident;
}

size_t os_address_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
    return limit.rlim_cur;
}

static uint64_t nanoseconds_of(clockid_t clock) {
    struct timespec now;
    uint64_t told = told_time();
    if (told) return told;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t os_milliseconds(void) { return nanoseconds_of(CLOCK_MONOTONIC_COARSE) / 1000000; }

uint64_t os_nanoseconds(void) { return nanoseconds_of(CLOCK_MONOTONIC); }

uint64_t os_thread_nanoseconds(void) { return nanoseconds_of(CLOCK_THREAD_CPUTIME_ID); }

uintptr_t os_random_word(void) {
    uintptr_t word = 0;
    const void *seed = (const void *)getauxval(AT_RANDOM);
    if (seed) memcpy(&word, seed, sizeof word);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return word ^ ((uintptr_t)now.tv_nsec << 32);
}
