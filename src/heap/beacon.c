/* The beacon: how a reader from outside finds its way in this heap. */
#include "heap/mapping.h"
#include "heap/pool.h"
#include "heap/process.h"

/* Kept though no code refers to it; in data, as its addresses are only known
 * once the library is loaded. */
__attribute__((used, retain)) const struct shoal_beacon heap_beacon = {
    .magic = SHOAL_BEACON_MAGIC,
    .arenas = {&object_arenas, &shared_arenas},
    .link_key = &link_key,
    .classes = size_classes,
    .mappings = &mapping_table,
    .arena = {offsetof(struct arenas, arena_count), offsetof(struct arenas, arena),
              sizeof(struct arena), offsetof(struct arena, pages), offsetof(struct arena, records),
              offsetof(struct arena, top)},
    .record = {sizeof(struct pool), offsetof(struct pool, free), offsetof(struct pool, run_pages),
               offsetof(struct pool, frees_left), offsetof(struct pool, carved),
               offsetof(struct pool, size_class), offsetof(struct pool, kind)},
    .size_class = {CLASS_COUNT, sizeof(struct size_class), offsetof(struct size_class, block_bytes),
                   offsetof(struct size_class, blocks), offsetof(struct size_class, pages),
                   offsetof(struct size_class, first)},
    .kind = {PAGE_DIRTY, PAGE_CLEAN, PAGE_BUSY, PAGE_LARGE, PAGE_AHEAD, POOL_CURRENT, POOL_PARTIAL,
             POOL_FULL},
    .page_bytes = PAGE_BYTES,
    .end_mark = END_MARK,
};
