#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "arenas.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

static PyObjectArenaAllocator before;
static _Atomic(int64_t) taken, freed;

int64_t arenas_taken(void) { return atomic_load_explicit(&taken, memory_order_relaxed); }
int64_t arenas_freed(void) { return atomic_load_explicit(&freed, memory_order_relaxed); }

/* ---- The list, in no order; interpreters with locks of their own share it ------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const void **list;
static size_t count, list_room;

static int grow_list(void) {
    enum { FIRST_ROOM = 256 };
    size_t room = list_room ? list_room * 2 : FIRST_ROOM;
    size_t old_bytes = list_room * sizeof *list, bytes = room * sizeof *list;
    void *grown =
        list ? mremap(list, old_bytes, bytes, MREMAP_MAYMOVE)
             : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (grown == MAP_FAILED) return 0;
    list = grown;
    list_room = room;
    return 1;
}

/* Without memory the arena is not remembered: nobody pins it, then. */
static void remember(const void *start) {
    pthread_mutex_lock(&lock);
    if (count < list_room || grow_list()) list[count++] = start;
    pthread_mutex_unlock(&lock);
}

static void forget(const void *start) {
    size_t at = 0;
    pthread_mutex_lock(&lock);
    while (at < count && list[at] != start) at++;
    if (at < count) list[at] = list[--count];
    pthread_mutex_unlock(&lock);
}

size_t arenas_list(const void **arenas, size_t room) {
    pthread_mutex_lock(&lock);
    size_t all = count, copied = all < room ? all : room;
    if (copied) memcpy(arenas, list, copied * sizeof *list);
    pthread_mutex_unlock(&lock);
    return all;
}

/* ---- By address: where in each MiB an arena begins, if one does ------------------
 *
 * Of 64 GiB around the first one; what is beyond is not found. */

enum { SLOT_SHIFT = 20, SLOTS = 1 << 16, PAGE_SHIFT = 12, PAGES_A_SLOT = 1 << 8 };

static _Atomic(uint16_t) begins_at[SLOTS]; /* a page of the slot, from 1; 0 for none */
static _Atomic(size_t) first_slot;

static size_t slot_of(const void *address) {
    return ((uintptr_t)address >> SLOT_SHIFT) -
           atomic_load_explicit(&first_slot, memory_order_relaxed);
}

static unsigned page_of(const void *address) {
    return (uintptr_t)address >> PAGE_SHIFT & (PAGES_A_SLOT - 1);
}

static void mark(const void *start, int is_there) {
    size_t unset = 0, chosen = ((uintptr_t)start >> SLOT_SHIFT) - SLOTS / 2;
    atomic_compare_exchange_strong(&first_slot, &unset, chosen);
    if (slot_of(start) < SLOTS)
        begins_at[slot_of(start)] = is_there ? (uint16_t)(page_of(start) + 1) : 0;
}

static int is_in_arena(const void *address) {
    size_t slot = slot_of(address);
    if (slot == 0 || slot >= SLOTS) return 0;
    unsigned page = page_of(address) + 1, here = begins_at[slot], before_it = begins_at[slot - 1];
    return (here && page >= here) || (before_it && page < before_it);
}

/* ---- Watching -------------------------------------------------------------------- */

/* The interpreter takes its stack of frames from here, too, in other sizes. */
static int is_arena(size_t size) { return size == ARENA_BYTES; }

static void *take_arena(void *context, size_t size) {
    void *arena = before.alloc(context, size);
    if (!arena || !is_arena(size)) return arena;
    atomic_fetch_add_explicit(&taken, (int64_t)size, memory_order_relaxed);
    remember(arena);
    mark(arena, 1);
    return arena;
}

static void free_arena(void *context, void *arena, size_t size) {
    if (is_arena(size)) { /* first: once it is freed it may be another's */
        forget(arena);
        mark(arena, 0);
        atomic_fetch_add_explicit(&freed, (int64_t)size, memory_order_relaxed);
    }
    before.free(context, arena, size);
}

void arenas_watch(void) {
    if (before.alloc) return;
    PyObject_GetArenaAllocator(&before);
    PyObjectArenaAllocator watching = {before.ctx, take_arena, free_arena};
    PyObject_SetArenaAllocator(&watching);
}

/* ---- Inside of an arena ------------------------------------------------------------ */

/* Pools lie at multiples of their size; one begins with this. One without live
 * blocks, or never used, has a count of 0. */
struct pool_header {
    union {
        void *padding;
        unsigned count; /* of live blocks */
    };
    void *free, *next, *previous;
    unsigned arena;
    unsigned size_class; /* of blocks of 16 bytes more than 16 times this */
    unsigned next_offset, last_offset;
};

enum { POOL_BYTES = 1 << 14 };

struct arena_live arena_live(const void *arena) {
    uintptr_t end = (uintptr_t)arena + ARENA_BYTES;
    uintptr_t pool = ((uintptr_t)arena + POOL_BYTES - 1) & ~(uintptr_t)(POOL_BYTES - 1);
    struct arena_live sum = {0, 0};
    for (; pool + POOL_BYTES <= end; pool += POOL_BYTES) {
        const struct pool_header *header = (const struct pool_header *)pool;
        sum.blocks += header->count;
        sum.bytes += (size_t)header->count * (header->size_class + 1) * 16;
    }
    return sum;
}

int64_t arenas_live_bytes(void) {
    int64_t sum = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++) sum += (int64_t)arena_live(list[i]).bytes;
    pthread_mutex_unlock(&lock);
    return sum;
}

size_t arenas_block_bytes(const void *block) {
    if (!is_in_arena(block)) return 0;
    uintptr_t pool = (uintptr_t)block & ~(uintptr_t)(POOL_BYTES - 1);
    return (size_t)(((const struct pool_header *)pool)->size_class + 1) * 16;
}
