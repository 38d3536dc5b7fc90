/* Arrays that grow. */
#ifndef SHOAL_INSPECT_GROW_H
#define SHOAL_INSPECT_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* `items` is the address of the array's pointer, NULL at first. Makes room for one
 * more than `count` items; false, and all as it was, when
 * there is no memory. */
static inline bool grow(void *items, size_t *room, size_t count, size_t item_bytes) {
    void *before, *grown;
    if (count < *room) return true;
    size_t more = *room ? *room * 2 : 16;
    memcpy(&before, items, sizeof before);
    if (!(grown = realloc(before, more * item_bytes))) return false;
    memcpy(items, &grown, sizeof grown);
    *room = more;
    return true;
}

#endif
