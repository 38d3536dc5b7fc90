#include "compact/own_memory.h"

#include "base/fatal.h"

enum { FIRST_ROOM = 8192 }; /* pointers of a list */

void *own_take(struct own_mover *own, size_t bytes) {
    if (own->mapping_count == OWN_MAPPINGS) fatal("compact: more tables than there is room for");
    if (bytes == 0) bytes = 1;
    void *start = os_map(bytes);
    if (!start) {
        own->mover.is_short = true;
        return NULL;
    }
    own->mappings[own->mapping_count++] = (struct os_range){start, bytes};
    own->mover.table_bytes += bytes;
    return start;
}

void *own_grow(struct own_mover *own, void *start, size_t bytes) {
    for (size_t i = 0; i < own->mapping_count; i++) {
        struct os_range *mapping = &own->mappings[i];
        if (mapping->start != start) continue;
        void *grown = os_remap(start, mapping->bytes, bytes);
        if (grown) own->mover.table_bytes += bytes - mapping->bytes;
        if (grown) *mapping = (struct os_range){grown, bytes};
        if (!grown) own->mover.is_short = true;
        return grown;
    }
    fatal("compact: %p is no table", start);
}

void *shoal_mover_memory(struct shoal_mover *mover, size_t bytes) {
    return own_take(own_mover_of(mover), bytes);
}

bool shoal_pointers_add(struct shoal_mover *mover, struct shoal_pointers *list, void *item) {
    if (list->count == list->room) {
        struct own_mover *own = own_mover_of(mover);
        size_t room = list->room ? list->room * 2 : FIRST_ROOM, bytes = room * sizeof(void *);
        void **items = list->items ? own_grow(own, list->items, bytes) : own_take(own, bytes);
        if (!items) return false;
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = item;
    return true;
}
