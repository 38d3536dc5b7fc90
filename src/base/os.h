/* What Shoal asks of the operating system. The only room with platform #ifs.
 *
 * Every function leaves errno as the system set it when it fails and is safe
 * to call before constructors have run and inside malloc: none allocates. */
#ifndef SHOAL_BASE_OS_H
#define SHOAL_BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OS_PAGE_SHIFT = 12, OS_PAGE = 1 << OS_PAGE_SHIFT };

/* The pages that this system has, in bytes. Where they are not of OS_PAGE bytes, what is
 * said here of parts of a mapping does not hold: os_commit, os_purge, os_purge_lazily. */
size_t os_page_bytes(void);

/* A run of whole pages, as the kernel's iovec has it. */
struct os_range {
    void *start;
    size_t bytes;
};

/* An address with `bytes` behind it that other mappings seldom come to. Only a
 * guess: nothing is mapped or reserved there, and after some TiB of them the
 * same ones come again.
 * Costs nothing, and no limit on address space counts it. */
void *os_place(size_t bytes);

/* Fresh zeroed memory at this very address. False, with errno EEXIST, when
 * something is there already or nothing can be; with another when there is no
 * memory, or a limit on address space is reached. */
bool os_map_at(void *start, size_t bytes);

/* Address space without memory; NULL when there is none of that size. */
void *os_reserve(size_t bytes);

/* Makes reserved pages readable and writable. They read as zero. */
bool os_commit(void *start, size_t bytes);

/* Fresh zeroed memory of its own; NULL when there is none. */
void *os_map(size_t bytes);
void os_unmap(void *start, size_t bytes);

/* Grows or shrinks a mapping of os_map, moving it when it must. */
void *os_remap(void *start, size_t old_bytes, size_t new_bytes);

/* The calling thread is not the program's: nothing that it does may show. Purging by
 * batches needs a descriptor on some systems, which such a thread must not open, not for a
 * moment: a file that the program opens meanwhile would get another number. */
extern __thread bool os_is_helper;

/* Gives the memory behind these ranges back; they stay mapped and read as
 * zero. One system call for all of them where the kernel can (0.4 us a page),
 * one for each where it cannot (1.3 us). A range that the system will not take, of
 * locked memory, is left as it was and gets `bytes` 0. */
void os_purge(struct os_range *ranges, size_t count);

/* Whether the machine is set to give huge pages to whoever asks. Reads a file: once. */
bool os_has_huge_pages(void);

/* Puts memory behind a range of 2 MiB that has none, at such an address, as one huge page if the
 * system has one to give. It stays a range of small pages for what comes later. False where the
 * system cannot. Some 200 us, most of them for clearing it. */
bool os_fill_huge(void *start, size_t bytes);

/* Lets the system take the memory behind these ranges when it runs short, as
 * os_purge otherwise. Until it does they keep their contents, and count in RSS,
 * as LazyFree; what is written to again is the process's own again. 0.06 us a
 * page, and 0.09 us when it is written to, a twelfth of purging. */
void os_purge_lazily(struct os_range *ranges, size_t count);

/* Bytes of a range that are resident, in whole pages; all of it where the system does not
 * say. Cost: a byte of the system's for each page, some 10 ns. */
size_t os_resident(void *start, size_t bytes);

/* The limit on address space in bytes, SIZE_MAX when there is none. */
size_t os_address_limit(void);

/* Milliseconds of a clock that never goes back; a few ns to read. */
uint64_t os_milliseconds(void);

/* The same clock as finely as it goes, at six times the cost. */
uint64_t os_nanoseconds(void);

/* What the calling thread has had of a processor. A call of the system. */
uint64_t os_thread_nanoseconds(void);

/* A word that another process cannot guess. */
uintptr_t os_random_word(void);

/* For tests of running out of memory: when it is not negative it counts down
 * at each of os_map_at, os_reserve, os_commit, os_map and os_remap, which fail
 * from the moment it is zero. os_nowhere: every address of os_place is taken. */
#ifdef SHOAL_TESTING
extern int os_fail_after;
extern bool os_nowhere;
extern size_t os_page_told; /* what os_page_bytes returns, if it is not 0 */
extern uint64_t os_time_told; /* ns: what all three clocks say, if it is not 0 */
extern uint64_t os_time_tick; /* ns that pass whenever one is asked then         */
#endif

#endif
