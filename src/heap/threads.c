#include "heap/threads.h"

#include <limits.h>

#include "base/os_threads.h"
#include "heap/collect.h"
#include "heap/counters.h"
#include "heap/idle.h"
#include "heap/lock.h"
#include "heap/mapping.h"
#include "heap/pages.h"
#include "heap/process.h"

struct counters counters;
__thread struct heap *thread_heap = &no_heap;
__thread bool lock_holds_all;

#define EIGHT(x) x, x, x, x, x, x, x, x
struct heap no_heap = {
    .current = {EIGHT(&no_pool), EIGHT(&no_pool), EIGHT(&no_pool), EIGHT(&no_pool), EIGHT(&no_pool),
                EIGHT(&no_pool), EIGHT(&no_pool), &no_pool},
    .id = NO_OWNER,
    .real_heap = threads_attach,
};
_Static_assert(CLASS_COUNT == 57, "no_heap has a no_pool for each class");

/* Guards the orphans, the making of heaps, and `remote` of orphaned heaps. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct heap *orphans; /* through next_orphan */
static pthread_key_t exit_key;
static bool has_exit_key; /* there are at most PTHREAD_KEYS_MAX in a process */

/* A thread ends: its heap waits for another one. Blocks may live on in it, and
 * be freed by others, who take them off `remote` themselves from now on. */
static void orphan(struct heap *heap) {
    thread_heap = &no_heap;
    lock_take(&lock);
    atomic_store(&heap->orphaned, true); /* first: nobody's free may be missed */
    heap_take_remote(heap);
    heap_retire_empty(heap);
    heap->next_orphan = orphans;
    orphans = heap;
    lock_drop(&lock);
}

/* The destructors of other keys may allocate and free after this one: it has
 * itself called again until the last round but one of them, as what allocates
 * even after that makes a last one needed. */
static void at_thread_exit(void *heap) {
    static __thread int rounds;
    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1 && pthread_setspecific(exit_key, heap) == 0)
        return;
    orphan(heap);
}

static struct heap *adopt(void) {
    struct heap *heap = orphans;
    if (!heap) return NULL;
    orphans = heap->next_orphan;
    atomic_store(&heap->orphaned, false);
    heap_take_remote(heap);
    return heap;
}

/* Heaps are cut from pages of their own and live as long as the process. */
static struct heap *new_heap(void) {
    static char *room, *room_end;
    uint32_t id = atomic_load(&heap_count);
    if (id == NO_OWNER) return NULL;
    if ((size_t)(room_end - room) < sizeof(struct heap)) {
        enum { ROOM = 16 * PAGE_BYTES };
        char *fresh = os_map(ROOM);
        if (!fresh) return NULL;
        room = fresh;
        room_end = room + ROOM;
        atomic_fetch_add(&counters.own, ROOM);
    }
    struct heap *heap = (struct heap *)room;
    room += (sizeof(struct heap) + 63) & ~(size_t)63;
    heap_init(heap, &shared_arenas, (uint16_t)id);
    heap_of_id[id] = heap;
    atomic_store(&heap_count, id + 1);
    return heap;
}

/* The interpreter's heap too. */
static void heaps_each(void (*act)(struct heap *)) {
    uint32_t count = atomic_load(&heap_count);
    for (uint32_t id = OBJECT_HEAP_ID; id < count; id++) act(heap_of_id[id]);
}

/* ---- Threads ----------------------------------------------------------------- */

static void make_exit_key(void) {
    has_exit_key = pthread_key_create(&exit_key, at_thread_exit) == 0;
}

struct heap *threads_attach(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    process_init();
    pthread_once(&once, make_exit_key);
    if (thread_heap != &no_heap) return thread_heap;
    lock_take(&lock);
    struct heap *heap = adopt();
    if (!heap) heap = new_heap();
    lock_drop(&lock);
    if (!heap) return NULL;
    thread_heap = heap; /* before the next line, which may allocate */
    if (has_exit_key) pthread_setspecific(exit_key, heap);
    return heap;
}

void threads_give_remote(struct heap *owner, void *block) {
    heap_give_remote(owner, block); /* sequentially consistent, like the next */
    if (!atomic_load(&owner->orphaned)) return;
    lock_take(&lock);
    if (atomic_load(&owner->orphaned)) {
        heap_take_remote(owner);
    }
    lock_drop(&lock);
}

static void retire_empty(struct heap *heap) {
    heap_take_remote(heap);
    heap_retire_empty(heap);
}

void threads_collect(void) { heaps_each(heap_collect); }

void threads_retire_empty(void) {
    if (thread_heap != &no_heap) retire_empty(thread_heap);
    lock_take(&lock);
    for (struct heap *heap = orphans; heap; heap = heap->next_orphan) retire_empty(heap);
    lock_drop(&lock);
    threads_collect();
    heaps_each(heap_give_ahead);
}

/* ---- All locks ----------------------------------------------------------------- */

static void heap_lock(struct heap *heap) { lock_take(&heap->lock); }
static void heap_unlock(struct heap *heap) { lock_drop(&heap->lock); }

void threads_lock_all(void) {
    lock_take(&lock);
    heaps_each(heap_lock);
    arenas_lock(&object_arenas);
    arenas_lock(&shared_arenas);
    mapping_lock();
    lock_holds_all = true;
}

void threads_unlock_all(void) {
    lock_holds_all = false;
    mapping_unlock();
    arenas_unlock(&shared_arenas);
    arenas_unlock(&object_arenas);
    heaps_each(heap_unlock);
    lock_drop(&lock);
}

/* ---- fork ------------------------------------------------------------------
 * The child has the forking thread only. Locks are held across the fork, so
 * what they guard is whole. The current pools of the threads that are gone may have
 * been in the middle of something: the child never touches them again. What it frees
 * of those heaps is queued, and comes back by whole pools (collect.h). */

/* What nobody uses goes first: the child would have it too. */
static void before_fork(void) {
    idle_pause();
    idle_return_before_fork();
    threads_lock_all();
}

static void after_fork_in_parent(void) {
    threads_unlock_all();
    idle_go_on();
}

static void after_fork_in_child(void) {
    arenas_recover_busy(&object_arenas); /* who was returning them is gone */
    arenas_recover_busy(&shared_arenas);
    threads_unlock_all();
    idle_return_all();
    idle_go_on_in_child();
}

__attribute__((constructor)) static void watch_forks(void) {
    process_init();
    os_find_c_library();
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}
