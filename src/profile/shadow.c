#include "profile/shadow.h"

#include <stdatomic.h>
#include <string.h>

#include "base/hints.h"
#include "base/os.h"
#include "shoal/profile.h"

enum {
    GRANULE_SHIFT = 4,
    LEAF_SHIFT = 26,                                  /* a leaf is for 64 MiB of addresses ... */
    LEAF_CELLS = 1 << (LEAF_SHIFT - GRANULE_SHIFT),   /* ... and has 8 MiB of cells            */
    ADDRESS_BITS = 47,                              /* of a program's on x86-64 and arm64     */
    LEAVES = 1 << (ADDRESS_BITS - LEAF_SHIFT),
    GRANULE = 1 << GRANULE_SHIFT,
    IS_LONG = 1 << 15,
    HUGE = 0xFFFF,
    MORE_CELLS = 5, /* after the first */
    CELLS_A_PAGE_SHIFT = OS_PAGE_SHIFT - 1,
    PAGES_OF_CELLS = LEAF_CELLS >> CELLS_A_PAGE_SHIFT,
};

typedef uint16_t cell;

/* The cells of a block that starts at the end of a leaf reach past that end:
 * there is room for them there, and nobody else's are in the next leaf. */
struct leaf {
    cell cells[LEAF_CELLS + MORE_CELLS];
    atomic_bool is_touched[PAGES_OF_CELLS]; /* by page of cells */
};

/* The leaves by address. 16 MiB of addresses, a page of it for every 32 GiB of
 * the program's that are in use. */
static _Atomic(struct leaf *) *leaves;
static atomic_size_t leaf_count;
static atomic_size_t touched_pages; /* of cells */

static never_inline bool map_root(void) {
    static _Atomic(void *) root;
    void *unset = NULL, *fresh = os_map(LEAVES * sizeof *leaves);
    if (!fresh) return false;
    if (!atomic_compare_exchange_strong(&root, &unset, fresh))
        os_unmap(fresh, LEAVES * sizeof *leaves);
    leaves = atomic_load(&root);
    return true;
}

/* In small pages, so that a page of cells is all that touching it costs. */
static struct leaf *fresh_leaf(void) {
    void *fresh = os_reserve(sizeof(struct leaf));
    if (!fresh || os_commit(fresh, sizeof(struct leaf))) return fresh;
    os_unmap(fresh, sizeof(struct leaf));
    return NULL;
}

static never_inline struct leaf *map_leaf(size_t index) {
    struct leaf *unset = NULL;
    if (index >= LEAVES || (!leaves && !map_root())) return NULL;
    struct leaf *fresh = fresh_leaf();
    if (!fresh) return NULL;
    if (!atomic_compare_exchange_strong(&leaves[index], &unset, fresh)) {
        os_unmap(fresh, sizeof(struct leaf));
        return unset;
    }
    atomic_fetch_add(&leaf_count, 1);
    return fresh;
}

/* NULL when nothing near the address was ever noted. */
static always_inline struct leaf *leaf_of(uintptr_t address) {
    size_t index = address >> LEAF_SHIFT;
    if (unlikely(!leaves || index >= LEAVES)) return NULL;
    return atomic_load_explicit(&leaves[index], memory_order_acquire);
}

static always_inline size_t index_of(uintptr_t address) {
    return (address >> GRANULE_SHIFT) & (LEAF_CELLS - 1);
}

/* The first cell for an address, NULL as above. */
static always_inline cell *cell_of(const void *block) {
    struct leaf *leaf = leaf_of((uintptr_t)block);
    return likely(leaf) ? &leaf->cells[index_of((uintptr_t)block)] : NULL;
}

static never_inline void touch(atomic_bool *page) {
    if (!atomic_exchange(page, true)) atomic_fetch_add(&touched_pages, 1);
}

/* The same, to be written to. */
static always_inline cell *cell_made(const void *block) {
    struct leaf *leaf = leaf_of((uintptr_t)block);
    size_t index = index_of((uintptr_t)block);
    if (unlikely(!leaf) && !(leaf = map_leaf((uintptr_t)block >> LEAF_SHIFT))) return NULL;
    atomic_bool *page = &leaf->is_touched[index >> CELLS_A_PAGE_SHIFT];
    if (unlikely(!atomic_load_explicit(page, memory_order_relaxed))) touch(page);
    return &leaf->cells[index];
}

bool shadow_note(const void *block, struct note *note) {
    cell *to = cell_made(block);
    if (unlikely(!to)) return false;
    if (note->bytes - 1 < GRANULE) {
        if (note->site > SHORT_SITES_MAX) note->site = SHORT_SITES_MAX;
        to[0] = (cell)(note->site << GRANULE_SHIFT | (note->bytes - 1));
        return true;
    }
    to[0] = (cell)(IS_LONG | note->site);
    to[1] = (cell)(note->bytes < HUGE ? note->bytes : HUGE);
    if (unlikely(note->bytes >= HUGE))
        for (int i = 0; i < 4; i++) to[2 + i] = (cell)(note->bytes >> 16 * i);
    return true;
}

static size_t huge_bytes(const cell *from) {
    size_t bytes = 0;
    for (int i = 0; i < 4; i++) bytes |= (size_t)from[2 + i] << 16 * i;
    return bytes;
}

static always_inline struct note read_note(const cell *from) {
    if (!(from[0] & IS_LONG))
        return (struct note){(from[0] & (GRANULE - 1)) + 1u, from[0] >> GRANULE_SHIFT};
    size_t bytes = likely(from[1] != HUGE) ? from[1] : huge_bytes(from);
    return (struct note){bytes, from[0] & SITES_MAX};
}

bool shadow_look(const void *block, struct note *note) {
    const cell *from = cell_of(block);
    if (!from || from[0] == 0) return false;
    *note = read_note(from);
    return true;
}

/* Most blocks are near none that was noted: their cells are not even looked at,
 * which would cost more than all the rest. */
int shoal_profile_is_noted(const void *block) {
    struct leaf *leaf = leaf_of((uintptr_t)block);
    size_t index = index_of((uintptr_t)block);
    if (!leaf) return 0;
    const atomic_bool *page = &leaf->is_touched[index >> CELLS_A_PAGE_SHIFT];
    return atomic_load_explicit(page, memory_order_relaxed) && leaf->cells[index] != 0;
}

/* No cell of it may stay: there, a smaller block may come to begin. */
static always_inline void clear(cell *note) {
    if (note[0] & IS_LONG) {
        if (unlikely(note[1] == HUGE))
            for (int i = 0; i < 4; i++) note[2 + i] = 0;
        note[1] = 0;
    }
    note[0] = 0;
}

bool shadow_forget(const void *block, struct note *note) {
    cell *from = cell_of(block);
    if (!from || from[0] == 0) return false;
    *note = read_note(from);
    clear(from);
    return true;
}

enum { CELLS_A_WORD = sizeof(uint64_t) / sizeof(cell) };

static always_inline bool are_zero(const cell *cells) {
    uint64_t word;
    memcpy(&word, cells, sizeof word);
    return word == 0;
}

/* The first cell from `index` on that is not 0, before `end`; else `end`. */
static size_t next_cell(const cell *cells, size_t index, size_t end) {
    while (index < end && cells[index] == 0) {
        index++;
        if (index % CELLS_A_WORD) continue;
        while (index + CELLS_A_WORD <= end && are_zero(&cells[index])) index += CELLS_A_WORD;
    }
    return index;
}

static uintptr_t next_noted(uintptr_t from, uintptr_t end) {
    while (from < end) {
        const uintptr_t leaf_start = from >> LEAF_SHIFT << LEAF_SHIFT;
        const uintptr_t leaf_end = leaf_start + ((uintptr_t)1 << LEAF_SHIFT);
        const uintptr_t until = leaf_end < end ? leaf_end : end;
        const struct leaf *leaf = leaf_of(from);
        if (leaf) {
            size_t cells = (until - leaf_start) >> GRANULE_SHIFT;
            size_t index = next_cell(leaf->cells, index_of(from), cells);
            if (index < cells) return leaf_start + (index << GRANULE_SHIFT);
        }
        from = until;
    }
    return end;
}

const void *shadow_next(const void *from, const void *end, struct note *note) {
    uintptr_t found = next_noted((uintptr_t)from, (uintptr_t)end);
    if (found >= (uintptr_t)end || !shadow_look((const void *)found, note)) return NULL;
    return (const void *)found;
}

size_t shadow_bytes(void) {
    return (leaves ? LEAVES * sizeof *leaves : 0) + atomic_load(&leaf_count) * sizeof(struct leaf);
}

/* Of each leaf one page more, what follows its cells, and the root has one in use. */
size_t shadow_resident(void) {
    size_t pages = atomic_load(&touched_pages) + atomic_load(&leaf_count) + (leaves != NULL);
    return pages << OS_PAGE_SHIFT;
}
