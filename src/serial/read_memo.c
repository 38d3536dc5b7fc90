#include "shoal/pickle_memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

enum { LEAST_ARRAY = 32, LEAST_FAR_SLOTS = 16, LARGE = 1 << 20 };
enum { PAGE_SLOTS = OS_PAGE / sizeof(void *) };

static size_t find_far_slot(const struct pickle_memo_entry *table, size_t mask, size_t index) {
    size_t slot = (index * (size_t)0x9E3779B97F4A7C15u) >> 16 & mask;

    while (table[slot].object != NULL && table[slot].index != index) slot = (slot + 1) & mask;
    return slot;
}

void *pickle_read_memo_far(const struct pickle_read_memo *memo, size_t index) {
    return memo->table[find_far_slot(memo->table, memo->mask, index)].object;
}

static bool grow_far(struct pickle_read_memo *memo) {
    size_t slots = memo->table == NULL ? LEAST_FAR_SLOTS : 2 * (memo->mask + 1);
    struct pickle_memo_entry *table = calloc(slots, sizeof *table);

    if (table == NULL) return false;
    for (size_t i = 0; memo->table != NULL && i <= memo->mask; i++)
        if (memo->table[i].object != NULL)
            table[find_far_slot(table, slots - 1, memo->table[i].index)] = memo->table[i];
    free(memo->table);
    memo->table = table;
    memo->mask = slots - 1;
    return true;
}

static bool put_far(struct pickle_read_memo *memo, size_t index, void *object, void **former) {
    struct pickle_memo_entry *entry;

    if (memo->table == NULL || memo->far * 2 > memo->mask)
        if (!grow_far(memo)) return false;
    entry = &memo->table[find_far_slot(memo->table, memo->mask, index)];
    *former = entry->object;
    memo->far += *former == NULL;
    memo->count += *former == NULL;
    *entry = (struct pickle_memo_entry){object, index};
    return true;
}

static bool is_large(size_t capacity) { return capacity * sizeof(void *) >= LARGE; }

/* A large array is a mapping of its own: it grows without being copied, and goes back
 * to the system whatever malloc has learnt to keep. */
static void **resize(void **array, size_t old, size_t new) {
    void **mapped;

    if (!is_large(new)) return realloc(array, new * sizeof *array);
    if (is_large(old)) return os_remap(array, old * sizeof *array, new * sizeof *array);
    mapped = os_map(new * sizeof *array);
    if (mapped == NULL) return NULL;
    if (old > 0) memcpy(mapped, array, old * sizeof *array);
    free(array);
    return mapped;
}

static bool grow_array(struct pickle_read_memo *memo, size_t index) {
    size_t capacity = memo->capacity + memo->capacity / 2 + LEAST_ARRAY;
    void **array;

    if (capacity <= index) capacity = index + 1;
    if (is_large(capacity)) capacity = (capacity + PAGE_SLOTS - 1) / PAGE_SLOTS * PAGE_SLOTS;
    array = resize(memo->array, memo->capacity, capacity);
    if (array == NULL) return false;
    memo->array = array;
    memo->capacity = capacity;
    return true;
}

/* The array reaches to an index as long as it stays at least half full. */
static bool extend_to(struct pickle_read_memo *memo, size_t index) {
    if (index >= memo->capacity && !grow_array(memo, index)) return false;
    memset(memo->array + memo->length, 0, (index + 1 - memo->length) * sizeof *memo->array);
    memo->length = index + 1;
    return true;
}

bool pickle_read_memo_slow_put(struct pickle_read_memo *memo, size_t index, void *object,
                               void **former) {
    bool is_far = memo->far != 0 && pickle_read_memo_far(memo, index) != NULL;

    if (is_far) return put_far(memo, index, object, former);
    if (index >= memo->length) {
        if (index >= 2 * memo->count + LEAST_ARRAY) return put_far(memo, index, object, former);
        if (!extend_to(memo, index)) return false;
    }
    *former = memo->array[index];
    memo->count += *former == NULL;
    memo->array[index] = object;
    return true;
}

bool pickle_read_memo_next(const struct pickle_read_memo *memo, size_t *cursor, size_t *index,
                           void **object) {
    size_t slots = memo->table == NULL ? 0 : memo->mask + 1;

    for (; *cursor < memo->length; ++*cursor) {
        if (memo->array[*cursor] == NULL) continue;
        *index = *cursor;
        *object = memo->array[(*cursor)++];
        return true;
    }
    for (; *cursor - memo->length < slots; ++*cursor) {
        const struct pickle_memo_entry *entry = &memo->table[*cursor - memo->length];

        if (entry->object == NULL) continue;
        *index = entry->index;
        *object = entry->object;
        ++*cursor;
        return true;
    }
    return false;
}

void pickle_read_memo_free(struct pickle_read_memo *memo) {
    if (is_large(memo->capacity))
        os_unmap(memo->array, memo->capacity * sizeof *memo->array);
    else
        free(memo->array);
    free(memo->table);
    memset(memo, 0, sizeof *memo);
}
