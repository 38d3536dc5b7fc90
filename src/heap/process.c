#include "heap/process.h"

#include "base/fatal.h"
#include "heap/aside.h"
#include "heap/idle.h"
#include "heap/mapping.h"

bool malloc_is_aside;
struct arenas shared_arenas;
struct arenas object_arenas;
struct heap object_heap;
struct heap *heap_of_id[OWNERS_MAX];
_Atomic(uint32_t) heap_count = FIRST_THREAD_ID;

/* Of an archive a linker takes only what something refers to. */
__attribute__((used, retain)) static const void *const beacon = &heap_beacon;

static bool nobody_may(void) { return false; }
bool (*may_touch_object_heap)(void) = nobody_may;

static void init_once(void) {
    /* Links stay odd words: bit 3 is the end mark's, so leave low bits alone. */
    link_key = os_random_word() & ~(uintptr_t)0xFFF;
    arenas_init(&shared_arenas, true);
    arenas_init(&object_arenas, false);
    heap_init(&object_heap, &object_arenas, OBJECT_HEAP_ID);
    heap_of_id[OBJECT_HEAP_ID] = &object_heap;
    mapping_init();
    idle_init();
}

void process_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
}

static void place_fill(struct place *place, struct arenas *arenas, struct pool *record) {
    struct pool *first = record->kind == POOL_TAIL ? record - record->back_pages : record;
    place->arenas = arenas;
    place->record = record;
    place->first = first;
    place->bytes = is_pool(first)              ? pool_class(first)->block_bytes
                   : first->kind == PAGE_LARGE ? first->run_pages << PAGE_SHIFT
                                               : 0;
}

bool place_find(struct place *place, struct arenas *arenas, const void *block) {
    struct pool *record;
    if (!record_fast(arenas, block, &record)) record = arenas_record(arenas, block);
    if (!record) {
        arenas = arenas == &shared_arenas ? &object_arenas : &shared_arenas;
        record = arenas_record(arenas, block);
    }
    if (record) place_fill(place, arenas, record);
    return record != NULL;
}

bool is_pooled_block(const void *block) {
    struct place place;
    return place_find(&place, &shared_arenas, block) && is_pool(place.first) &&
           pool_has(place.first, run_start(place.arenas, place.first), block);
}

/* The run that a page without a record of its own is inside of, a free one or a large block. */
static struct pool *run_around(const struct place *place) {
    struct arena *arena = arena_of_record(place->arenas, place->record);
    struct pool *record = place->record;
    while (record > arena->records && record->kind == PAGE_UNUSED) record--;
    bool covers = record->kind != PAGE_UNUSED && !is_pool(record) && record->kind != POOL_TAIL &&
                  (size_t)(place->record - record) < record->run_pages;
    return covers ? record : NULL;
}

void place_must_be_block(const struct place *place, const struct heap *mine, const void *block,
                         const char *verb) {
    struct pool *first = place->first;
    char *start = run_start(place->arenas, first);
    if (is_pool(first)) {
        (first->owner == mine->id ? pool_must_own : pool_must_have)(first, start, block, verb);
        return;
    }
    struct pool *run = run_around(place);
    if (run && run->kind == PAGE_CLEAN && place->record->size_class == 0)
        fatal("invalid %s of %p: its page is not in use; what was there was freed", verb, block);
    if (!run || run->kind != PAGE_LARGE) pool_no_block(place->record, block, verb);
    start = run_start(place->arenas, run);
    if (start != block)
        fatal("invalid %s of %p: inside the %zu-byte block %p", verb, block,
              run->run_pages << PAGE_SHIFT, (void *)start);
}

void must_be_block(struct arenas *likely_in, const struct heap *mine, const void *block) {
    struct place place;
    if (place_find(&place, likely_in, block))
        place_must_be_block(&place, mine, block, "free");
    else if (mapping_bytes(block) == 0)
        no_such_block(block, "free");
}

void no_such_block(const void *block, const char *verb) {
    void *start = mapping_around(block);
    if (start)
        fatal("invalid %s of %p: inside the %zu-byte block %p", verb, block, mapping_bytes(start),
              start);
    pool_no_block(NULL, block, verb);
}
