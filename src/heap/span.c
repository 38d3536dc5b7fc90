#include "heap/span.h"

#include "heap/arena.h"
#include "heap/counters.h"

enum { SPAN_MAX = 16 }; /* pages; a class's first spans are shorter */

/* Makes the record of the first unused page that of the whole rest. */
static void mark_rest(struct span *span, uint16_t owner) {
    struct pool *rest = span->next;
    rest->run_pages = span->left;
    rest->owner = owner;
    rest->frees_left = 0;
    rest->kind = PAGE_SPAN;
    rest->carved = span->is_dirty;
}

static bool refill(struct heap *heap, struct span *span) {
    size_t wish = span->length < SPAN_MAX ? span->length + 1u : SPAN_MAX;
    size_t pages;
    bool zeroed;
    struct pool *run = arenas_take_span(heap->arenas, wish, &pages, &zeroed);
    if (!run) return false;
    *span = (struct span){run, (uint8_t)pages, (uint8_t)wish, !zeroed};
    return true;
}

struct pool *span_take(struct heap *heap, unsigned class) {
    struct span *span = &heap->span[class];
    if (span->left == 0 && !refill(heap, span)) return NULL;
    struct pool *page = span->next++;
    if (--span->left > 0) mark_rest(span, heap->id);
    if (!span->is_dirty) resident_grew(1);
    return page;
}

void span_give_all(struct heap *heap) {
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        struct span *span = &heap->span[class];
        if (span->left > 0)
            arenas_give_unused(heap->arenas, span->next, span->left, span->is_dirty);
        span->left = 0;
    }
}
