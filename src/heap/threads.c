#include "heap/threads.h"

#include "heap/counters.h"
#include "heap/mapping.h"
#include "heap/process.h"

struct counters counters;
__thread struct heap *thread_heap = &no_heap;

#define EIGHT(x) x, x, x, x, x, x, x, x
struct heap no_heap = {
    .current = {EIGHT(&no_pool), EIGHT(&no_pool), EIGHT(&no_pool), EIGHT(&no_pool), EIGHT(&no_pool),
                EIGHT(&no_pool), EIGHT(&no_pool), &no_pool},
    .id = NO_OWNER,
    .real_heap = threads_attach,
};
_Static_assert(CLASS_COUNT == 57, "no_heap has a no_pool for each class");

/* Guards the orphans, the making of heaps, and `remote` of orphaned heaps.
 * Taken before an arena's lock, never after. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct heap *orphans; /* through next_orphan */
static pthread_key_t exit_key;

/* A thread ends: its heap waits for another one. Blocks may live on in it, and
 * be freed by others, who take them off `remote` themselves from now on. */
static void orphan(void *argument) {
    struct heap *heap = argument;
    thread_heap = &no_heap;
    pthread_mutex_lock(&lock);
    atomic_store(&heap->orphaned, true); /* first: nobody's free may be missed */
    heap_take_remote(heap);
    heap_retire_empty(heap);
    heap->next_orphan = orphans;
    orphans = heap;
    pthread_mutex_unlock(&lock);
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

static void make_exit_key(void) { pthread_key_create(&exit_key, orphan); }

struct heap *threads_attach(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    process_init();
    pthread_once(&once, make_exit_key);
    if (thread_heap != &no_heap) return thread_heap;
    pthread_mutex_lock(&lock);
    struct heap *heap = adopt();
    if (!heap) heap = new_heap();
    pthread_mutex_unlock(&lock);
    if (!heap) return NULL;
    thread_heap = heap; /* before the next line, which may allocate */
    pthread_setspecific(exit_key, heap);
    return heap;
}

void threads_give_remote(struct heap *owner, void *block) {
    heap_give_remote(owner, block); /* sequentially consistent, like the next */
    if (!atomic_load(&owner->orphaned)) return;
    pthread_mutex_lock(&lock);
    if (atomic_load(&owner->orphaned)) {
        heap_take_remote(owner);
    }
    pthread_mutex_unlock(&lock);
}

void threads_retire_empty(void) {
    if (thread_heap != &no_heap) {
        heap_take_remote(thread_heap);
        heap_retire_empty(thread_heap);
    }
    pthread_mutex_lock(&lock);
    for (struct heap *heap = orphans; heap; heap = heap->next_orphan) {
        heap_take_remote(heap);
        heap_retire_empty(heap);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- fork ------------------------------------------------------------------
 * The child has the forking thread only. Locks are held across the fork, so
 * what they guard is whole. Heaps of the threads that are gone may have been
 * in the middle of something: the child never touches them again, it only
 * queues what it frees into them. */

static void before_fork(void) {
    pthread_mutex_lock(&lock);
    arenas_lock(&shared_arenas);
    mapping_lock();
}

static void after_fork(void) {
    mapping_unlock();
    arenas_unlock(&shared_arenas);
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void watch_forks(void) {
    process_init();
    pthread_atfork(before_fork, after_fork, after_fork);
}
