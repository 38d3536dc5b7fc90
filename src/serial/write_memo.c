#include "shoal/pickle_memo.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST_SLOTS = 64, LEAST_ENTRIES = 32 };

/* Objects made one after the other lie side by side, and so do their slots: a
 * hash that scattered them would cost a cache miss for each. */
static size_t first_slot(const void *object) {
    uintptr_t address = (uintptr_t)object;

    return (size_t)((address >> 4) ^ (address >> 24));
}

/* The slot that holds an object, or the free one where it would go. */
static size_t find_slot(const struct pickle_write_memo *memo, const void *object) {
    uintptr_t perturb = (uintptr_t)object >> 4;
    size_t slot = first_slot(object) & memo->mask;

    for (;;) {
        uint32_t position = memo->table[slot];

        if (position == 0 || memo->entries[position - 1].object == object) return slot;
        perturb >>= 5;
        slot = (slot * 5 + perturb + 1) & memo->mask;
    }
}

const struct pickle_memo_entry *pickle_memo_find_slow(const struct pickle_write_memo *memo,
                                                      const void *object) {
    uint32_t position = memo->table[find_slot(memo, object)];

    return position == 0 ? NULL : &memo->entries[position - 1];
}

static bool grow_table(struct pickle_write_memo *memo) {
    size_t slots = memo->table == NULL ? LEAST_SLOTS : 2 * (memo->mask + 1);
    uint32_t *table = calloc(slots, sizeof *table);

    if (table == NULL) return false;
    free(memo->table);
    memo->table = table;
    memo->mask = slots - 1;
    for (size_t i = 0; i < memo->count; i++)
        table[find_slot(memo, memo->entries[i].object)] = (uint32_t)(i + 1);
    return true;
}

static bool grow_entries(struct pickle_write_memo *memo) {
    size_t capacity = memo->capacity + memo->capacity / 4 + LEAST_ENTRIES;
    struct pickle_memo_entry *entries =
        realloc(memo->lent ? NULL : memo->entries, capacity * sizeof *entries);

    if (entries == NULL) return false;
    if (memo->lent) memcpy(entries, memo->entries, memo->count * sizeof *entries);
    memo->lent = false;
    memo->entries = entries;
    memo->capacity = capacity;
    return true;
}

bool pickle_memo_add_slow(struct pickle_write_memo *memo, void *object, size_t index) {
    if (memo->count >= UINT32_MAX - 1) return false;
    if (memo->count == memo->capacity && !grow_entries(memo)) return false;
    if (memo->table == NULL || memo->count * 3 >= (memo->mask + 1) * 2)
        if (!grow_table(memo)) return false;
    memo->entries[memo->count] = (struct pickle_memo_entry){object, index};
    memo->count++;
    memo->table[find_slot(memo, object)] = (uint32_t)memo->count;
    return true;
}

void pickle_memo_free(struct pickle_write_memo *memo) {
    if (!memo->lent) free(memo->entries);
    free(memo->table);
    memset(memo, 0, sizeof *memo);
}
