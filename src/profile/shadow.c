#include "profile/shadow.h"

#include <stdatomic.h>

#include "base/hints.h"
#include "base/os.h"

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
};

typedef uint16_t cell;

/* The cells of a block that starts at the end of a leaf reach past that end:
 * there is room for them there, and nobody else's are in the next leaf. */
static const size_t LEAF_BYTES = (LEAF_CELLS + MORE_CELLS) * sizeof(cell);

/* The leaves by address. 16 MiB of addresses, a page of it for every 32 GiB of
 * the program's that are in use. */
static _Atomic(cell *) *leaves;
static atomic_size_t leaf_count;

static never_inline bool map_root(void) {
    static _Atomic(void *) root;
    void *unset = NULL, *fresh = os_map(LEAVES * sizeof *leaves);
    if (!fresh) return false;
    if (!atomic_compare_exchange_strong(&root, &unset, fresh))
        os_unmap(fresh, LEAVES * sizeof *leaves);
    leaves = atomic_load(&root);
    return true;
}

static never_inline cell *map_leaf(size_t index) {
    cell *unset = NULL;
    if (index >= LEAVES || (!leaves && !map_root())) return NULL;
    cell *fresh = os_map(LEAF_BYTES);
    if (!fresh) return NULL;
    if (!atomic_compare_exchange_strong(&leaves[index], &unset, fresh)) {
        os_unmap(fresh, LEAF_BYTES);
        return unset;
    }
    atomic_fetch_add(&leaf_count, 1);
    return fresh;
}

/* The first cell for an address, NULL when nothing near it was ever noted. */
static always_inline cell *cell_of(const void *block) {
    uintptr_t address = (uintptr_t)block;
    size_t index = address >> LEAF_SHIFT;
    if (unlikely(!leaves || index >= LEAVES)) return NULL;
    cell *leaf = atomic_load_explicit(&leaves[index], memory_order_acquire);
    return likely(leaf) ? leaf + ((address >> GRANULE_SHIFT) & (LEAF_CELLS - 1)) : NULL;
}

static never_inline cell *cell_made(const void *block) {
    cell *leaf = map_leaf((uintptr_t)block >> LEAF_SHIFT);
    return leaf ? cell_of(block) : NULL;
}

bool shadow_note(const void *block, struct note *note) {
    cell *to = cell_of(block);
    if (unlikely(!to) && !(to = cell_made(block))) return false;
    if (note->bytes <= GRANULE) {
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

bool shadow_forget(const void *block, struct note *note) {
    cell *from = cell_of(block);
    if (!from || from[0] == 0) return false;
    *note = read_note(from);
    from[0] = 0;
    return true;
}

size_t shadow_bytes(void) {
    return (leaves ? LEAVES * sizeof *leaves : 0) + atomic_load(&leaf_count) * LEAF_BYTES;
}
