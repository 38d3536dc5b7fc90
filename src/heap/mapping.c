#include "heap/mapping.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "heap/counters.h"
#include "heap/idle.h"
#include "heap/lock.h"

enum {
    FIRST_SLOTS = 256, /* 4 KiB */
    KEPT_MAX = 16,     /* mappings kept for the next request */
};

struct mapping_table mapping_table;

/* Mappings given back and not yet unmapped, oldest first. */
static struct mapping kept[KEPT_MAX];
static size_t kept_count;
static size_t kept_pages;
static size_t lazy_count;      /* of `kept` the first are lazy: the system may
                                  take them when it runs short               */
static _Atomic(uint64_t) look_at; /* ms: when most of them may be lazy; 0: no need to */
static size_t lately_returned; /* pages unmapped and not asked for again yet */
static struct reserve reserve;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void mapping_lock(void) { lock_take(&lock); }
void mapping_unlock(void) { lock_drop(&lock); }
void mapping_init(void) { reserve_init(&reserve, 0); }

/* ---- The table ------------------------------------------------------------ */

static size_t home_of(const void *start) {
    return (((uintptr_t)start >> PAGE_SHIFT) * 0x9E3779B97F4A7C15ull) >> 20;
}

static struct mapping *slot_of(const void *start) {
    size_t mask = mapping_table.slot_count - 1;
    for (size_t i = home_of(start) & mask;; i = (i + 1) & mask)
        if (!mapping_table.slots[i].start || mapping_table.slots[i].start == start)
            return &mapping_table.slots[i];
}

static struct mapping *find(const void *start) {
    if (mapping_table.used == 0) return NULL;
    struct mapping *slot = slot_of(start);
    return slot->start ? slot : NULL;
}

static bool table_make_room(void) {
    if (mapping_table.used * 2 < mapping_table.slot_count) return true;
    struct mapping *old = mapping_table.slots;
    size_t old_count = mapping_table.slot_count;
    size_t count = old_count ? old_count * 2 : FIRST_SLOTS;
    struct mapping *slots = os_map(count * sizeof *slots);
    if (!slots) return false;
    mapping_table.slots = slots;
    mapping_table.slot_count = count;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].start) *slot_of(old[i].start) = old[i];
    if (old) os_unmap(old, old_count * sizeof *old);
    atomic_fetch_add(&counters.own, (count - old_count) * sizeof *slots);
    return true;
}

static void table_add(struct mapping mapping) {
    *slot_of(mapping.start) = mapping;
    mapping_table.used++;
    atomic_fetch_add(&counters.mapped, mapping.bytes);
}

/* Moves later entries of the same run of slots up, so that none is lost. */
static void table_remove(struct mapping *slot) {
    size_t mask = mapping_table.slot_count - 1;
    size_t hole = (size_t)(slot - mapping_table.slots);
    atomic_fetch_sub(&counters.mapped, slot->bytes);
    mapping_table.used--;
    for (size_t i = (hole + 1) & mask; mapping_table.slots[i].start; i = (i + 1) & mask) {
        size_t home = home_of(mapping_table.slots[i].start) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        mapping_table.slots[hole] = mapping_table.slots[i];
        hole = i;
    }
    mapping_table.slots[hole] = (struct mapping){NULL, 0};
}

/* ---- What is kept --------------------------------------------------------- */

static struct mapping kept_remove(size_t index) {
    struct mapping mapping = kept[index];
    kept_count--;
    if (index < lazy_count) lazy_count--;
    kept_pages -= mapping.bytes >> PAGE_SHIFT;
    memmove(&kept[index], &kept[index + 1], (kept_count - index) * sizeof *kept);
    return mapping;
}

static void unmap(struct mapping mapping) {
    os_unmap(mapping.start, mapping.bytes);
    resident_returned(mapping.bytes >> PAGE_SHIFT);
    lately_returned += mapping.bytes >> PAGE_SHIFT;
}

static void return_down_to(size_t pages) {
    while (kept_pages > pages) unmap(kept_remove(0));
}

/* A kept mapping that fits without wasting more than a quarter of it. */
static bool kept_take(size_t bytes, size_t align, struct mapping *found) {
    for (size_t i = kept_count; i-- > 0;) {
        bool fits = kept[i].bytes >= bytes && kept[i].bytes - bytes <= bytes / 4;
        if (!fits || ((uintptr_t)kept[i].start & (align - 1))) continue;
        *found = kept_remove(i);
        return true;
    }
    return false;
}

/* ---- Blocks --------------------------------------------------------------- */

static bool map_aligned(struct mapping *mapping, size_t align) {
    size_t spare = align > PAGE_BYTES ? align : 0;
    if (mapping->bytes + spare < mapping->bytes || os_page_bytes() != PAGE_BYTES) return false;
    char *start = os_map(mapping->bytes + spare);
    if (!start) return false;
    size_t before = spare ? -(uintptr_t)start & (align - 1) : 0;
    if (before) os_unmap(start, before);
    if (spare > before) os_unmap(start + before + mapping->bytes, spare - before);
    mapping->start = start + before;
    return true;
}

static void note_taken(size_t pages, bool is_new) {
    size_t taken_back = 0;
    if (is_new) {
        taken_back = pages < lately_returned ? pages : lately_returned;
        lately_returned -= taken_back;
        resident_grew(pages);
    }
    return_down_to(reserve_note_taken(&reserve, kept_pages, pages, taken_back));
    atomic_store_explicit(&look_at, reserve.quiet_at, memory_order_relaxed);
}

static size_t page_ceiling(size_t bytes) {
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

void *mapping_take(size_t bytes, size_t align, bool *zeroed) {
    struct mapping mapping = {.bytes = page_ceiling(bytes)};
    if (mapping.bytes < bytes) return NULL;
    mapping_lock();
    bool done = table_make_room();
    bool is_new = done && !kept_take(mapping.bytes, align, &mapping);
    if (is_new) done = map_aligned(&mapping, align);
    if (done) {
        table_add(mapping);
        note_taken(mapping.bytes >> PAGE_SHIFT, is_new);
    }
    *zeroed = is_new;
    mapping_unlock();
    return done ? mapping.start : NULL;
}

static void keep_or_unmap(struct mapping mapping) {
    size_t pages = mapping.bytes >> PAGE_SHIFT;
    if (kept_count == KEPT_MAX) unmap(kept_remove(0));
    kept[kept_count++] = mapping;
    kept_pages += pages;
    return_down_to(reserve_note_given(&reserve, kept_pages, pages));
    if (kept_pages) idle_expect();
    atomic_store_explicit(&look_at, reserve.quiet_at, memory_order_relaxed);
}

/* Whatever else is kept becomes lazy with the last: it is older. */
static void make_lazy(void) {
    size_t eager = 0;
    for (size_t i = lazy_count; i < kept_count; i++) eager += kept[i].bytes >> PAGE_SHIFT;
    size_t at_least = eager < LAZY_MAX ? eager : LAZY_MAX;
    if (reserve_grant_lazy(&reserve, eager, at_least) == 0) return;
    for (; lazy_count < kept_count; lazy_count++) {
        struct os_range range = {kept[lazy_count].start, kept[lazy_count].bytes};
        os_purge_lazily(&range, 1);
    }
}

void mapping_tend(void) {
    uint64_t due = atomic_load_explicit(&look_at, memory_order_relaxed);
    if (due == 0 || os_milliseconds() < due) return;
    int saved_errno = errno;
    mapping_lock();
    make_lazy();
    atomic_store_explicit(&look_at, reserve.quiet_at, memory_order_relaxed);
    mapping_unlock();
    errno = saved_errno;
}

bool mapping_give(void *block) {
    int saved_errno = errno;
    mapping_lock();
    struct mapping *slot = find(block);
    if (slot) {
        struct mapping mapping = *slot;
        table_remove(slot);
        keep_or_unmap(mapping);
    }
    mapping_unlock();
    errno = saved_errno;
    return slot != NULL;
}

size_t mapping_bytes(const void *block) {
    if (mapping_table.used == 0) return 0;
    mapping_lock();
    struct mapping *slot = find(block);
    size_t bytes = slot ? slot->bytes : 0;
    mapping_unlock();
    return bytes;
}

void *mapping_around(const void *address) {
    void *start = NULL;
    mapping_lock();
    for (size_t i = 0; i < mapping_table.slot_count; i++) {
        struct mapping *slot = &mapping_table.slots[i];
        if (slot->start && (uintptr_t)address - (uintptr_t)slot->start < slot->bytes)
            start = slot->start;
    }
    mapping_unlock();
    return start;
}

void *mapping_resize(void *block, size_t bytes) {
    struct mapping new = {.bytes = page_ceiling(bytes)};
    if (new.bytes < bytes) return NULL;
    mapping_lock();
    struct mapping old = *find(block);
    new.start = old.bytes == new.bytes ? block : os_remap(block, old.bytes, new.bytes);
    if (new.start) {
        table_remove(find(block));
        table_add(new);
        if (new.bytes > old.bytes) resident_grew((new.bytes - old.bytes) >> PAGE_SHIFT);
        if (new.bytes < old.bytes) resident_returned((old.bytes - new.bytes) >> PAGE_SHIFT);
    }
    mapping_unlock();
    return new.start;
}

size_t mapping_return(size_t pages) {
    size_t returned = 0;
    mapping_lock();
    while (kept_count && kept[0].bytes >> PAGE_SHIFT <= pages - returned) {
        returned += kept[0].bytes >> PAGE_SHIFT;
        unmap(kept_remove(0));
    }
    mapping_unlock();
    return returned;
}

struct kept mapping_look(void) {
    mapping_lock();
    struct kept now = reserve_look(&reserve, kept_pages);
    mapping_unlock();
    return now;
}

size_t mapping_kept(void) {
    mapping_lock();
    size_t pages = kept_pages;
    mapping_unlock();
    return pages << PAGE_SHIFT;
}

void mapping_each(void (*see)(void *start, size_t bytes, bool in_use, void *context),
                  void *context) {
    mapping_lock();
    for (size_t i = 0; i < mapping_table.slot_count; i++)
        if (mapping_table.slots[i].start)
            see(mapping_table.slots[i].start, mapping_table.slots[i].bytes, true, context);
    for (size_t i = 0; i < kept_count; i++) see(kept[i].start, kept[i].bytes, false, context);
    mapping_unlock();
}
