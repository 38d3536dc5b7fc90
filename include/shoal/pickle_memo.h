/* The two memos of pickle: the writer's, from an object to its index, and the
 * reader's, from an index to an object. Objects are addresses here; whoever uses
 * a memo owns what the addresses stand for. */
#ifndef SHOAL_PICKLE_MEMO_H
#define SHOAL_PICKLE_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The writer's -------------------------------------------------------- */

struct pickle_memo_entry {
    void *object;
    size_t index; /* by which the stream calls it */
};

/* Entries in the order in which they came, and a hash table of their positions:
 * 16 bytes an object and 6 to 12 for the table. All zero: an empty memo. */
struct pickle_write_memo {
    struct pickle_memo_entry *entries;
    size_t count;
    size_t capacity; /* entries that there is room for */
    uint32_t *table; /* 1 + position of an entry; 0: free. NULL: the entries are few */
    size_t mask;     /* slots of the table less one; a power of two less one */
    bool lent;       /* the entries are the caller's, for as long as they suffice */
};

/* How many entries are lent: so few are found sooner without a table. */
enum { PICKLE_FEW = 16 };

/* Gives an empty memo its first entries, so that few objects cost no allocation. */
static inline void pickle_memo_lend(struct pickle_write_memo *memo,
                                    struct pickle_memo_entry entries[PICKLE_FEW]) {
    memo->entries = entries;
    memo->capacity = PICKLE_FEW;
    memo->lent = true;
}

/* The entry of an object, or NULL. Expected cost: one or two cache misses. */
const struct pickle_memo_entry *pickle_memo_find_slow(const struct pickle_write_memo *memo,
                                                      const void *object);
static inline const struct pickle_memo_entry *pickle_memo_find(const struct pickle_write_memo *memo,
                                                               const void *object) {
    if (memo->table != NULL) return pickle_memo_find_slow(memo, object);
    for (size_t i = memo->count; i-- > 0;)
        if (memo->entries[i].object == object) return &memo->entries[i];
    return NULL;
}

/* Adds an object that is not in the memo. False: no memory, nothing changed. */
bool pickle_memo_add_slow(struct pickle_write_memo *memo, void *object, size_t index);
static inline bool pickle_memo_add(struct pickle_write_memo *memo, void *object, size_t index) {
    if (!memo->lent || memo->count == memo->capacity)
        return pickle_memo_add_slow(memo, object, index);
    memo->entries[memo->count++] = (struct pickle_memo_entry){object, index};
    return true;
}

/* Gives the memory back. What the entries stand for is the caller's to release. */
void pickle_memo_free(struct pickle_write_memo *memo);

/* ---- The reader's -------------------------------------------------------- */

/* Indices that follow each other are in an array; one far above them, as only a
 * hostile or a hand-made stream has, is in a table of its own, so that an index
 * of 2**31 costs as little as one of 5. All zero: an empty memo. */
struct pickle_read_memo {
    void **array;
    size_t length;   /* indices below it are in the array, NULL where nothing is stored */
    size_t capacity; /* of the array; what is above its length was never written to */
    size_t count;    /* indices in use, in the array and in the table */
    struct pickle_memo_entry *table; /* by index; object NULL: free */
    size_t mask;                     /* slots of the table less one */
    size_t far;                      /* entries in the table */
};

/* What is at an index, or NULL. */
void *pickle_read_memo_far(const struct pickle_read_memo *memo, size_t index);
static inline void *pickle_read_memo_get(const struct pickle_read_memo *memo, size_t index) {
    if (index < memo->length && memo->array[index] != NULL) return memo->array[index];
    return memo->far == 0 ? NULL : pickle_read_memo_far(memo, index);
}

/* Stores an object at an index; `*former` is what was there, or NULL. False: no
 * memory, nothing changed. */
bool pickle_read_memo_slow_put(struct pickle_read_memo *memo, size_t index, void *object,
                               void **former);
static inline bool pickle_read_memo_put(struct pickle_read_memo *memo, size_t index, void *object,
                                        void **former) {
    if (index != memo->length || index == memo->capacity || memo->far != 0)
        return pickle_read_memo_slow_put(memo, index, object, former);
    *former = NULL;
    memo->array[index] = object;
    memo->length++;
    memo->count++;
    return true;
}

/* Goes through the memo: starts at `*cursor` 0, false at the end. */
bool pickle_read_memo_next(const struct pickle_read_memo *memo, size_t *cursor, size_t *index,
                           void **object);

void pickle_read_memo_free(struct pickle_read_memo *memo);

#endif
