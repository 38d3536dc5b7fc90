#include "heap/ahead.h"

#include "heap/counters.h"
#include "heap/pages.h"

enum { AHEAD_MAX = 16 }; /* pages; a class's first times fewer */

/* Makes the record of the first unused page that of the whole rest. */
static void mark_rest(struct ahead *ahead, uint16_t owner) {
    struct pool *rest = ahead->next;
    rest->run_pages = ahead->left;
    rest->owner = owner;
    rest->frees_left = 0;
    rest->kind = PAGE_AHEAD;
    rest->carved = ahead->is_dirty;
}

static bool refill(struct heap *heap, struct ahead *ahead) {
    size_t wish = ahead->length < AHEAD_MAX ? ahead->length + 1u : AHEAD_MAX;
    size_t pages;
    bool zeroed;
    struct pool *run = arenas_take_ahead(heap->arenas, wish, &pages, &zeroed);
    if (!run) return false;
    *ahead = (struct ahead){run, (uint8_t)pages, (uint8_t)wish, !zeroed};
    return true;
}

struct pool *ahead_take(struct heap *heap, unsigned class) {
    struct ahead *ahead = &heap->ahead[class];
    if (ahead->left == 0 && !refill(heap, ahead)) return NULL;
    struct pool *page = ahead->next++;
    if (--ahead->left > 0) mark_rest(ahead, heap->id);
    if (!ahead->is_dirty) arenas_grew(heap->arenas, 1);
    return page;
}

void ahead_give_all(struct heap *heap) {
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        struct ahead *ahead = &heap->ahead[class];
        if (ahead->left > 0)
            arenas_give_unused(heap->arenas, ahead->next, ahead->left, ahead->is_dirty);
        ahead->left = 0;
    }
}
