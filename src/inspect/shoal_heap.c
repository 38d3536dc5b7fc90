#include "inspect/shoal_heap.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/beacon_search.h"
#include "inspect/words.h"

enum {
    PAGE = REMOTE_PAGE,
    PART_PAGES = 256, /* pages looked at in one go: a MiB */
    POOL_PAGES_MAX = 64,
    COPY_PAGES = PART_PAGES + POOL_PAGES_MAX,
    ARENAS_MAX = 64,
    SLOTS_MAX = 1 << 20,
    REGION = 2 << 20,
    FILLED_LEAST = 1 << 15, /* pages: smaller arenas grow by small ones */
};

static const uint64_t PAGES_MAX = 1ull << 36; /* of an arena: all that there can be */

struct class_of {
    uint32_t block_bytes, blocks, pages, first;
};

struct walk {
    struct census *census;
    struct remote *remote;
    const struct shoal_beacon *beacon;
    struct class_of classes[BEACON_CLASSES_MAX];
    uint64_t link_key;
    bool has_objects;
    uint64_t pages; /* address of the arena's first page */
    uint8_t records[COPY_PAGES * BEACON_RECORD_MAX];
    uint8_t copy[COPY_PAGES * PAGE];
};

/* ---- Pools ------------------------------------------------------------------------ */

static bool read_classes(struct walk *walk) {
    const struct shoal_beacon *beacon = walk->beacon;
    uint64_t at = (uintptr_t)beacon->classes;
    for (uint32_t i = 0; i < beacon->size_class.count; i++, at += beacon->size_class.bytes) {
        uint8_t bytes[BEACON_CLASS_MAX];
        struct class_of *class = &walk->classes[i];
        if (!remote_look(walk->remote, at, bytes, beacon->size_class.bytes)) return false;
        class->block_bytes = short_of(bytes, beacon->size_class.block_bytes);
        class->blocks = short_of(bytes, beacon->size_class.blocks);
        class->pages = short_of(bytes, beacon->size_class.pages);
        class->first = short_of(bytes, beacon->size_class.first);
        if (class->block_bytes == 0 || class->block_bytes % GRANULE || class->first % GRANULE ||
            class->block_bytes / GRANULE >= SIZES_MAX || class->blocks > POOL_BLOCKS_MAX ||
            class->pages == 0 || class->pages > POOL_PAGES_MAX ||
            class->first + class->blocks * class->block_bytes > class->pages * PAGE)
            return false;
    }
    return true;
}

static const uint8_t *record_at(const struct walk *walk, size_t page) {
    return walk->records + page * walk->beacon->record.bytes;
}

static uint8_t kind_at(const struct walk *walk, size_t page) {
    return record_at(walk, page)[walk->beacon->record.kind];
}

static bool is_pool(const struct walk *walk, uint8_t kind) {
    return kind == walk->beacon->kind.current || kind == walk->beacon->kind.partial ||
           kind == walk->beacon->kind.full;
}

/* The class of the pool that begins at a page, NULL when it has none. */
static const struct class_of *class_at(const struct walk *walk, size_t page) {
    uint8_t class = record_at(walk, page)[walk->beacon->record.size_class];
    return class < walk->beacon->size_class.count ? &walk->classes[class] : NULL;
}

/* The list of free blocks: their links are hidden with the key, and the last leads
 * to the pool's end mark. In the copy it becomes plain, as pymalloc's. */
static uint64_t plain_list(struct walk *walk, uint8_t *copy, uint64_t start, uint64_t bytes,
                           uint64_t list) {
    uint64_t end = start + walk->beacon->end_mark, at = list;
    for (int steps = 0; at != end && steps < POOL_BLOCKS_MAX; steps++) {
        if (at - start > bytes - 8) break;
        uint64_t next = word_of(copy, (size_t)(at - start)) ^ walk->link_key;
        uint64_t plain = next == end ? 0 : next;
        memcpy(copy + (at - start), &plain, sizeof plain);
        at = next;
    }
    return list == end ? 0 : list;
}

static void count_pool(struct walk *walk, size_t page, const struct class_of *class) {
    const uint8_t *record = record_at(walk, page);
    uint8_t kind = kind_at(walk, page);
    uint8_t *copy = walk->copy + page * PAGE;
    uint64_t address = walk->census->arena.start + page * PAGE;
    uint32_t bytes = class->pages * PAGE,
             frees_left = short_of(record, walk->beacon->record.frees_left);
    struct pool_view pool = {
        .state = POOL_USED,
        .block_bytes = class->block_bytes,
        .first = class->first,
        .blocks = class->blocks,
        .carved = short_of(record, walk->beacon->record.carved),
    };
    if (pool.carved > pool.blocks) pool.carved = pool.blocks;
    pool.live = kind == walk->beacon->kind.full      ? pool.carved
                : kind == walk->beacon->kind.current ? frees_left - (frees_left > 0)
                                                     : frees_left;
    if (pool.live > pool.carved) pool.live = pool.carved;
    uint64_t list = 0;
    if (kind != walk->beacon->kind.full)
        list = plain_list(walk, copy, address, bytes, word_of(record, walk->beacon->record.free));
    pool_view_mark(&pool, copy, address, list, bytes);
    census_add_pool(walk->census, &pool, copy, address, bytes, walk->has_objects);
}

/* ---- Arenas ------------------------------------------------------------------------- */

/* Reads the memory of the pools that begin among the first `count` pages, a stretch
 * of neighbours at a time; what cannot be read is zero. */
static void read_pools(struct walk *walk, size_t count, size_t known) {
    for (size_t page = 0; page < count;) {
        size_t end = page;
        while (end < count && is_pool(walk, kind_at(walk, end)) && class_at(walk, end))
            end += class_at(walk, end)->pages;
        if (end > known) end = known;
        if (end > page) {
            uint8_t *to = walk->copy + page * PAGE;
            size_t bytes = (end - page) * PAGE;
            size_t got = census_read(walk->census, page * PAGE, to, bytes);
            memset(to + got, 0, bytes - got);
        }
        page = end > page ? end : page + 1;
    }
}

/* A record that has a run's length. Another may be met when the heap changes while it
 * is read: then the next page may be the first of something again. */
static bool is_run(const struct walk *walk, size_t page) {
    uint8_t kind = kind_at(walk, page);
    return kind == walk->beacon->kind.dirty || kind == walk->beacon->kind.clean ||
           kind == walk->beacon->kind.busy || kind == walk->beacon->kind.large ||
           kind == walk->beacon->kind.ahead;
}

/* Whether a run of free pages was used before. Those taken ahead were never touched when
 * nothing is carved of them. */
static bool was_used(const struct walk *walk, size_t page) {
    uint8_t kind = kind_at(walk, page);
    if (kind == walk->beacon->kind.ahead)
        return short_of(record_at(walk, page), walk->beacon->record.carved) != 0;
    return kind == walk->beacon->kind.dirty || kind == walk->beacon->kind.busy;
}

/* What begins at a page, of which `left` are left in the arena and `known` in the
 * copy; gives how many pages it has. */
static uint64_t count_run(struct walk *walk, size_t page, size_t known, uint64_t left) {
    const struct shoal_beacon *beacon = walk->beacon;
    const struct class_of *class = class_at(walk, page);
    uint8_t kind = kind_at(walk, page);
    uint64_t start = walk->census->arena.start + page * PAGE;
    if (is_pool(walk, kind) && class && page + class->pages <= known) {
        count_pool(walk, page, class);
        return class->pages;
    }
    uint64_t pages = word_of(record_at(walk, page), beacon->record.run_pages);
    if (!is_run(walk, page) || pages == 0) return 1;
    if (pages > left) pages = left;
    if (kind == beacon->kind.large) {
        census_add_large(walk->census, start, pages * PAGE);
    } else if (was_used(walk, page)) {
        uint64_t here = pages < known - page ? pages : known - page;
        census_add_reserve(walk->census, page * PAGE, here * PAGE);
        census_add_reserve_apart(walk->census, start + here * PAGE, (pages - here) * PAGE);
    }
    return pages;
}

/* What the pages from one to another look like, of which `live` bytes are live. */
static void add_places(struct walk *walk, size_t from, size_t to, uint64_t live) {
    uint8_t place = live ? (uint8_t)(live * 100 / ((to - from) * PAGE)) : SHOAL_PLACE_FREE;
    census_add_place(walk->census, place, (to - from) * PAGE);
}

/* A part of an arena, from a page on which something begins; gives the page, from
 * there, on which the first thing behind it begins. */
static uint64_t count_part(struct walk *walk, uint64_t first, uint64_t top, uint64_t records) {
    uint64_t left = top - first, page = 0;
    size_t known = left < COPY_PAGES ? (size_t)left : COPY_PAGES;
    size_t count = left < PART_PAGES ? (size_t)left : PART_PAGES, end = 0;
    size_t bytes = known * walk->beacon->record.bytes;
    uint64_t at = records + first * walk->beacon->record.bytes;
    if (remote_read(walk->remote, at, walk->records, bytes) < bytes) return left;
    census_begin_arena(walk->census, walk->pages + first * PAGE, known * PAGE);
    read_pools(walk, count, known);
    while (page < count) {
        uint64_t live = walk->census->arena.live;
        uint64_t next = page + count_run(walk, (size_t)page, known, left - page);
        end = next < known ? (size_t)next : known;
        add_places(walk, (size_t)page, end, walk->census->arena.live - live);
        page = next;
    }
    if (walk->census->arena.pools)
        census_end_arena(walk->census, end * PAGE);
    else
        census_drop_arena(walk->census, end * PAGE);
    return page;
}

/* A large arena that grows is resident up to where its last region of 2 MiB ends
 * (heap/huge.h). */
static void count_filled(const struct walk *walk, uint64_t top) {
    uint64_t from = walk->pages + top * PAGE, end = (from + REGION - 1) / REGION * REGION;
    if (top >= FILLED_LEAST && end > from && walk->census->knows_present)
        census_add_reserve_apart(walk->census, from, end - from);
}

static void count_arenas(struct walk *walk, uint64_t arenas) {
    const struct shoal_beacon *beacon = walk->beacon;
    uint64_t count;
    if (!arenas || !remote_word(walk->remote, arenas + beacon->arena.count, &count)) return;
    if (count > ARENAS_MAX) count = ARENAS_MAX;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = arenas + beacon->arena.array + i * beacon->arena.bytes, records, top;
        if (!remote_word(walk->remote, at + beacon->arena.pages, &walk->pages) ||
            !remote_word(walk->remote, at + beacon->arena.records, &records) ||
            !remote_word(walk->remote, at + beacon->arena.top, &top) || top > PAGES_MAX)
            continue;
        census_add_range(walk->census, walk->pages, top * PAGE);
        census_add_owned(walk->census, records, top * beacon->record.bytes, SHOAL_OWNER_RECORDS);
        for (uint64_t page = 0; page < top;) page += count_part(walk, page, top, records);
        count_filled(walk, top);
    }
}

/* ---- Mappings --------------------------------------------------------------------------- */

static void count_mappings(struct walk *walk) {
    uint64_t table[2], slot[2];
    if (!remote_look(walk->remote, (uintptr_t)walk->beacon->mappings, table, sizeof table)) return;
    if (table[1] <= SLOTS_MAX)
        census_add_owned(walk->census, table[0], table[1] * sizeof slot, SHOAL_OWNER_RECORDS);
    for (uint64_t i = 0; i < table[1] && i < SLOTS_MAX; i++) {
        if (!remote_look(walk->remote, table[0] + i * sizeof slot, slot, sizeof slot)) return;
        if (slot[0]) census_add_large(walk->census, slot[0], slot[1]);
    }
}

static uint64_t live_blocks(const struct shoal_inspection *result) {
    uint64_t blocks = 0;
    for (size_t i = 0; i < result->arena_count; i++) blocks += result->arenas[i].live_blocks;
    return blocks;
}

bool shoal_heap_count(struct census *census, struct remote *remote,
                      const struct shoal_beacon *beacon, bool has_python, bool *serves_objects) {
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk) return false;
    walk->census = census;
    walk->remote = remote;
    walk->beacon = beacon;
    if (read_classes(walk) && remote_word(remote, (uintptr_t)beacon->link_key, &walk->link_key)) {
        uint64_t before = live_blocks(census->result);
        walk->has_objects = has_python;
        count_arenas(walk, (uintptr_t)beacon->arenas[0]);
        /* Where neither these nor pymalloc have any (PYTHONMALLOC=malloc), objects
         * are malloc's. */
        uint64_t after = live_blocks(census->result);
        walk->has_objects = has_python && after == 0;
        *serves_objects = walk->has_objects || after > before;
        count_arenas(walk, (uintptr_t)beacon->arenas[1]);
        count_mappings(walk);
    }
    free(walk);
    return !census->is_out_of_memory;
}
