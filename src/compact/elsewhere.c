/* Only memory that was written can hold an address that a program put there: of private
 * mappings that are the pages which are no longer the file's. Other threads may unmap
 * theirs meanwhile, so where there are any it is copied first, by calls that may fail; and
 * so are pages that are not in memory, for some of these cannot be read. */
#define _GNU_SOURCE
#include "compact/elsewhere.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "compact/own_memory.h"

enum {
    PAGE = SHOAL_MOVING_PAGE,
    PAGES_AT_ONCE = 512,
    TEXT_BYTES = 64 << 10, /* of maps at once; the longest line is a path's */
    EXCLUDED = OWN_MAPPINGS + 2,
};

/* Of an entry of pagemap. */
static const uint64_t IS_PRESENT = UINT64_C(1) << 63, IS_SWAPPED = UINT64_C(1) << 62,
                      IS_OF_FILE = UINT64_C(1) << 61, IS_EXCLUSIVE = UINT64_C(1) << 56;

/* ---- /proc/self --------------------------------------------------------------------- */

static int open_own(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

bool elsewhere_is_readable(void) {
    static const char *const needed[] = {"/proc/self/maps", "/proc/self/pagemap", "/proc/self/mem"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        int file = open_own(needed[i]);
        if (file < 0) return false;
        close(file);
    }
    return true;
}

/* A directory has a link from each of its own, from itself and from above. */
bool elsewhere_has_threads(void) {
    struct stat tasks;
    return stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink != 3;
}

static size_t read_entries(int pagemap, uintptr_t address, size_t pages, uint64_t *entries) {
    off_t at = (off_t)(address / PAGE * sizeof *entries);
    ssize_t got = pread(pagemap, entries, pages * sizeof *entries, at);
    return got > 0 ? (size_t)got / sizeof *entries : 0;
}

/* ---- The heap's pages ------------------------------------------------------------------ */

static void note_shared(struct shoal_mover *mover, size_t page, const uint64_t *entries,
                        size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t pool = mover->pool_of_page[page + i];
        if (pool == 0 || (entries[i] & IS_EXCLUSIVE)) continue;
        if (entries[i] & (IS_PRESENT | IS_SWAPPED)) mover->pools[pool - 1].is_shared = true;
    }
}

bool elsewhere_find_shared(struct own_mover *own) {
    int pagemap = open_own("/proc/self/pagemap");
    if (pagemap < 0) return false;
    uint64_t entries[PAGES_AT_ONCE];
    size_t pages = own->place.page_count, page = 0;
    while (page < pages) {
        size_t wish = pages - page < PAGES_AT_ONCE ? pages - page : PAGES_AT_ONCE;
        size_t got = read_entries(pagemap, own->mover.pages + page * PAGE, wish, entries);
        if (got == 0) break;
        note_shared(&own->mover, page, entries, got);
        page += got;
    }
    close(pagemap);
    return page == pages;
}

/* ---- One mapping after another ----------------------------------------------------------- */

struct mapping {
    uintptr_t from, end;
    bool is_private, is_readable, is_code, is_kernels;
    bool is_stack; /* of the first thread, and nothing else */
};

/* "7f00-7f10 rw-p 00000000 00:00 0     [stack]" */
static bool parse(struct mapping *mapping, char *line) {
    char *rest;
    mapping->from = strtoul(line, &rest, 16);
    if (*rest != '-') return false;
    mapping->end = strtoul(rest + 1, &rest, 16);
    if (*rest != ' ' || strlen(rest) < 5) return false;
    mapping->is_readable = rest[1] == 'r';
    mapping->is_code = rest[3] == 'x';
    mapping->is_private = rest[4] == 'p';
    mapping->is_stack = strstr(rest, " [stack]") != NULL;
    mapping->is_kernels = strstr(rest, " [v") != NULL; /* vdso, vvar, vsyscall */
    return true;
}

struct look {
    struct own_mover *own;
    const char *frame;
    take_words *take;
    int pagemap, memory;
    char *copy;                      /* PAGES_AT_ONCE pages                          */
    bool copies;                     /* other threads may unmap what is read         */
    struct os_range excluded[EXCLUDED];
    size_t excluded_count;
};

/* Copies one page after another where they do not come at once. */
static size_t copy_own(const struct look *look, uintptr_t from, size_t bytes) {
    struct iovec here = {look->copy, bytes}, there = {(void *)from, bytes};
    ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
    if (got < 0) got = pread(look->memory, look->copy, bytes, (off_t)from);
    return got > 0 ? (size_t)got : 0;
}

static void take_copied(const struct look *look, uintptr_t from, uintptr_t end, size_t step,
                        bool is_own_stack) {
    while (from < end) {
        size_t got = copy_own(look, from, end - from);
        if (got > 0) look->take(look->own, look->copy, look->copy + got, step, is_own_stack);
        if (got < end - from) got = (got / PAGE + 1) * PAGE; /* that page is gone */
        from += got;
    }
}

static void take_range(const struct look *look, uintptr_t from, uintptr_t end, size_t step,
                       bool is_own_stack, bool is_present) {
    if (look->copies || !is_present)
        take_copied(look, from, end, step, is_own_stack);
    else
        look->take(look->own, (const char *)from, (const char *)end, step, is_own_stack);
}

static bool was_written(uint64_t entry) {
    return (entry & (IS_PRESENT | IS_SWAPPED)) && !(entry & IS_OF_FILE);
}

/* How many entries from the first on are written and all in memory, or all not: a page that
 * is swapped out, as it seems, may be one that a stack is guarded by (MADV_GUARD_INSTALL). */
static size_t count_alike(const uint64_t *entries, size_t most) {
    size_t count = 0;
    while (count < most && was_written(entries[count]) &&
           !((entries[count] ^ entries[0]) & IS_PRESENT))
        count++;
    return count;
}

/* All pages of [from, end), which are whole but for the first, that were written. */
static bool take_written(const struct look *look, uintptr_t from, uintptr_t end, size_t step,
                         bool is_own_stack) {
    uint64_t entries[PAGES_AT_ONCE];
    uintptr_t page = from & ~(uintptr_t)(PAGE - 1);
    while (page < end) {
        size_t left = (end - page) / PAGE, wish = left < PAGES_AT_ONCE ? left : PAGES_AT_ONCE;
        size_t got = read_entries(look->pagemap, page, wish, entries);
        if (got == 0) return false;
        for (size_t i = 0, run; i < got; i += run ? run : 1) {
            run = count_alike(entries + i, got - i);
            uintptr_t start = page + i * PAGE;
            if (run > 0)
                take_range(look, start < from ? from : start, start + run * PAGE, step,
                           is_own_stack, entries[i] & IS_PRESENT);
        }
        page += got * PAGE;
    }
    return true;
}

/* The next part of [*from, end) that is not excluded; false when there is none. */
static bool next_part(const struct look *look, uintptr_t *from, uintptr_t end, uintptr_t *stop) {
    *stop = end;
    for (size_t i = 0; i < look->excluded_count; i++) {
        uintptr_t start = (uintptr_t)look->excluded[i].start;
        uintptr_t past = start + ((look->excluded[i].bytes + PAGE - 1) & ~(size_t)(PAGE - 1));
        if (*from >= start && *from < past) {
            *from = past;
            return *from < end ? next_part(look, from, end, stop) : false;
        }
        if (start > *from && start < *stop) *stop = start;
    }
    return *from < end;
}

static bool take_parts(const struct look *look, uintptr_t from, uintptr_t end, size_t step,
                       bool is_own_stack) {
    for (uintptr_t stop; next_part(look, &from, end, &stop); from = stop)
        if (!take_written(look, from, stop, step, is_own_stack)) return false;
    return true;
}

/* What is below the frame is dead on the first thread's stack. Another's may share its mapping
 * with other stacks, and with anything. */
static bool take_mapping(const struct look *look, const struct mapping *mapping) {
    uintptr_t frame = (uintptr_t)look->frame & ~(sizeof(uintptr_t) - 1);
    size_t step = mapping->is_code ? 1 : sizeof(uintptr_t);
    if (!mapping->is_readable || !mapping->is_private || mapping->is_kernels) return true;
    if (frame < mapping->from || frame >= mapping->end)
        return take_parts(look, mapping->from, mapping->end, step, false);
    uintptr_t below = frame & ~(uintptr_t)(PAGE - 1);
    if (!mapping->is_stack && !take_parts(look, mapping->from, below, step, false)) return false;
    return take_parts(look, frame, mapping->end, step, true);
}

/* Lines of the text that are whole; what is left of it moves to its beginning. */
static bool take_lines(const struct look *look, char *text, size_t *length) {
    char *line = text, *end;
    while ((end = memchr(line, '\n', (size_t)(text + *length - line)))) {
        struct mapping mapping;
        *end = '\0';
        if (!parse(&mapping, line) || !take_mapping(look, &mapping)) return false;
        line = end + 1;
    }
    *length -= (size_t)(line - text);
    memmove(text, line, *length);
    return *length < TEXT_BYTES;
}

static bool take_mappings(const struct look *look, int maps, char *text) {
    size_t length = 0;
    ssize_t got;
    while ((got = read(maps, text + length, TEXT_BYTES - length)) > 0) {
        length += (size_t)got;
        if (!take_lines(look, text, &length)) return false;
    }
    return got == 0 && length == 0;
}

static void exclude(struct look *look, const void *start, size_t bytes) {
    look->excluded[look->excluded_count++] = (struct os_range){(void *)start, bytes};
}

bool elsewhere_each(struct own_mover *own, const void *frame, take_words *take) {
    struct look look = {.own = own, .frame = frame, .take = take};
    char *text = own_take(own, TEXT_BYTES);
    look.copy = own_take(own, PAGES_AT_ONCE * PAGE);
    look.copies = own->mover.has_threads;
    if (own->mover.is_short) return false;
    exclude(&look, own->place.pages, own->place.mapped);
    exclude(&look, own->place.records, own->place.record_bytes);
    for (size_t i = 0; i < own->mapping_count; i++)
        exclude(&look, own->mappings[i].start, own->mappings[i].bytes);
    int maps = open_own("/proc/self/maps");
    look.pagemap = open_own("/proc/self/pagemap");
    look.memory = open_own("/proc/self/mem");
    bool done =
        maps >= 0 && look.pagemap >= 0 && look.memory >= 0 && take_mappings(&look, maps, text);
    if (maps >= 0) close(maps);
    if (look.pagemap >= 0) close(look.pagemap);
    if (look.memory >= 0) close(look.memory);
    return done;
}
