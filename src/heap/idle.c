#include "heap/idle.h"

#include <string.h>

#include "heap/collect.h"
#include "heap/mapping.h"
#include "heap/pages.h"
#include "heap/process.h"

enum {
    SMALL_LOOKS = 8,  /* so many looks in a row at next to nothing are enough     */
    RENT = 50,        /* giving back may cost a fiftieth of the time              */
    PAGES_A_MS = 500, /* that can be returned and taken back                      */
};

/* Who keeps pages, and what the looks at it have shown. */
struct keeper {
    struct arenas *arenas; /* NULL: mapping.c */
    struct {
        size_t unused[QUIET_LOOKS]; /* pages that nobody took between two looks      */
        size_t share;               /* pages to return a look                        */
        size_t due;                 /* pages that may be returned, and are not yet   */
        unsigned events;            /* at the last look                              */
    } seen;
};
static struct keeper keepers[] = {{.arenas = &object_arenas}, {.arenas = &shared_arenas}, {0}};
enum { KEEPERS = sizeof keepers / sizeof *keepers };

static unsigned looks;
static unsigned still_looks; /* in a row, in which nothing was taken or given */
static unsigned small_looks; /* in a row, in which less was kept than is worth it */
static bool is_settled;      /* nothing was taken or given since all was collected */
static uint64_t next_collect, next_return; /* ms: not before, as the last one took so long */

void idle_begin(void) {
    looks = still_looks = small_looks = 0;
    is_settled = false;
    for (int i = 0; i < KEEPERS; i++) memset(&keepers[i].seen, 0, sizeof keepers[i].seen);
}

static size_t keeper_return(const struct keeper *keeper, size_t pages) {
    return keeper->arenas ? arenas_return(keeper->arenas, pages) : mapping_return(pages);
}

/* ---- The reserve ------------------------------------------------------------- */

/* Pages that nobody took for QUIET_LOOKS looks. */
static size_t quiet_pages(struct keeper *keeper, size_t unused) {
    keeper->seen.unused[looks % QUIET_LOOKS] = unused;
    for (int i = 0; i < QUIET_LOOKS; i++)
        if (keeper->seen.unused[i] < unused) unused = keeper->seen.unused[i];
    return unused;
}

/* How many pages may go now, of those that are quiet. Of mappings, which go whole, what is
 * due adds up until it is enough for one. */
static size_t due_pages(struct keeper *keeper, size_t quiet) {
    if (quiet == 0) {
        keeper->seen.share = keeper->seen.due = 0;
        return 0;
    }
    if (keeper->seen.share < quiet / LOOKS_FOR_ALL) keeper->seen.share = quiet / LOOKS_FOR_ALL;
    if (keeper->seen.share < PAGES_A_LOOK) keeper->seen.share = PAGES_A_LOOK;
    keeper->seen.due += keeper->seen.share;
    if (keeper->seen.due > quiet) keeper->seen.due = quiet;
    return keeper->seen.due;
}

/* Gives the pages that are still kept and may go later; *moved: others were taken or given. */
static size_t look_at(struct keeper *keeper, bool *moved) {
    struct kept kept = keeper->arenas ? arenas_look(keeper->arenas) : mapping_look();
    if (kept.events != keeper->seen.events) *moved = true;
    keeper->seen.events = kept.events;
    size_t due = due_pages(keeper, quiet_pages(keeper, kept.unused));
    if (due == 0) return kept.pages;
    size_t returned = keeper_return(keeper, due);
    keeper->seen.due -= returned;
    bool is_refused = keeper->arenas && returned == 0; /* locked memory */
    return is_refused ? 0 : kept.pages - returned;
}

/* ---- What others freed, and what was taken ahead -------------------------------- */

static void collect_from(struct heap *heap, bool is_still) {
    size_t fresh = atomic_load_explicit(&heap->remote_new, memory_order_relaxed);
    if (fresh >= REMOTE_WORTH || (is_still && atomic_load(&heap->remote))) heap_collect(heap);
    if (is_still) heap_give_ahead(heap);
}

/* Collecting looks at every block that waits, so it must not be done too often. False when
 * it has to wait itself. */
static bool collect(bool is_still) {
    uint64_t begin = os_milliseconds();
    if (begin < next_collect) return false;
    uint32_t count = atomic_load(&heap_count);
    for (uint32_t id = OBJECT_HEAP_ID; id < count; id++) collect_from(heap_of_id[id], is_still);
    uint64_t end = os_milliseconds();
    next_collect = end + (end - begin) * RENT;
    return true;
}

bool idle_look(void) {
    bool is_still = still_looks >= QUIET_LOOKS, moved = false;
    size_t kept = 0;
    bool is_collected = collect(is_still && !is_settled);
    for (int i = 0; i < KEEPERS; i++) kept += look_at(&keepers[i], &moved);
    looks++;
    still_looks = moved ? 0 : still_looks + 1;
    small_looks = kept < IDLE_WORTH ? small_looks + 1 : 0;
    is_settled = !moved && is_still && (is_settled || is_collected);
    if (!is_collected) return true;
    return !(is_settled && kept == 0) && small_looks < SMALL_LOOKS;
}

/* ---- Besides ------------------------------------------------------------------- */

size_t idle_pages(void) {
    return arenas_dirty(&object_arenas) + arenas_dirty(&shared_arenas) +
           (mapping_kept() >> PAGE_SHIFT);
}

void idle_return_all(void) {
    if (!reserve_may_shrink()) return;
    for (int i = 0; i < KEEPERS; i++) keeper_return(&keepers[i], SIZE_MAX);
}

void idle_return_before_fork(void) {
    uint64_t now = os_milliseconds();
    size_t pages = idle_pages();
    if (pages < IDLE_WORTH || now < next_return) return;
    idle_return_all();
    next_return = now + pages * RENT / PAGES_A_MS;
}
