/* The heaps of this process: one for the interpreter's objects, one for each
 * thread, and which of them a block belongs to. */
#ifndef SHOAL_HEAP_PROCESS_H
#define SHOAL_HEAP_PROCESS_H

#include "heap/arena.h"
#include "heap/fast_paths.h"
#include "shoal/beacon.h"

enum {
    OBJECT_HEAP_ID = 1,
    FIRST_THREAD_ID = 2,
};

extern const struct shoal_beacon heap_beacon; /* for readers from outside */

extern struct arenas shared_arenas; /* of all threads' heaps   */
extern struct arenas object_arenas; /* of the interpreter's    */
extern struct heap object_heap;     /* guarded by its lock     */

/* Heaps by id; entries are never taken away. heap_count is the first unused id. */
extern struct heap *heap_of_id[OWNERS_MAX];
extern _Atomic(uint32_t) heap_count;

/* Whether the calling thread may touch object_heap now. Answers no until an
 * interpreter is found. */
extern bool (*may_touch_object_heap)(void);

/* Readies all this at the first call; any thread, and before constructors. */
void process_init(void);

/* Where a block is. */
struct place {
    struct arenas *arenas;
    struct pool *record; /* of the page the block starts in        */
    struct pool *first;  /* of its pool or run; may be no live one */
    size_t bytes;        /* that may be used; 0 for no live block  */
};

/* Looks in `likely_in` first. False when the block is in no arena. */
bool place_find(struct place *place, struct arenas *likely_in, const void *block);

/* Whether `block` is the very start of a block of a pool, not the inside of one, as
 * a wrapper around the heap may hand out. */
bool is_pooled_block(const void *block);

/* Aborts with one line when there is no live block. `mine` is the heap that the
 * caller owns: only its free lists are searched. `verb`: "free" or "realloc". */
void place_must_be_block(const struct place *place, const struct heap *mine, const void *block,
                         const char *verb);

/* The same for a block of any place, about to be freed. */
void must_be_block(struct arenas *likely_in, const struct heap *mine, const void *block);

/* Aborts with one line for a block that is in no arena and no mapping. */
_Noreturn void no_such_block(const void *block, const char *verb);

#endif
