#include "inspect/arena_table.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/grow.h"
#include "inspect/interpreter.h"
#include "inspect/interpreters.h"

enum {
    ARENAS_MAX = 1 << 20, /* a TiB of them */
    WORDS_A_READ = 4096,
    DATA_BYTES_MAX = 64 << 20, /* of the interpreter that are searched */
};

struct search {
    struct remote *remote;
    const struct maps *maps;
    const struct layout *layout;
    struct arena_table best;
    uint64_t best_start, best_end; /* where it is */
    uint64_t best_at;              /* where the pointer to it is */
    uint64_t bytes_left;           /* of the interpreter's data to search */
};

struct arena_object {
    uint64_t address, carved_end;
    uint32_t free_pools, total_pools;
    uint64_t free_list, next, previous;
};
_Static_assert(sizeof(struct arena_object) == ARENA_OBJECT_BYTES, "as it is in the process");

/* ---- One arena object ---------------------------------------------------------- */

static bool is_there(const struct search *search, uint64_t address) {
    uint8_t byte;
    return remote_look(search->remote, address, &byte, 1);
}

/* By how many pools it has: one fewer where it begins between multiples of their size. */
static uint32_t arena_bytes_of(const struct layout *layout, const struct arena_object *object) {
    for (uint32_t huge = 0; huge <= (uint32_t)layout->has_huge_arenas; huge++) {
        uint32_t bytes = layout->arena_bytes << huge, pools = bytes / layout->pool_bytes;
        if (object->total_pools == pools || object->total_pools == pools - 1) return bytes;
    }
    return 0;
}

/* `bytes`: of one of the table's arenas; 0 while it is not known. */
static bool is_used_arena(const struct search *search, const struct arena_object *object,
                          uint32_t bytes) {
    uint32_t own_bytes = arena_bytes_of(search->layout, object);
    uint64_t end = object->address + own_bytes;
    if (own_bytes == 0 || (bytes && bytes != own_bytes)) return false;
    if (object->address % REMOTE_PAGE || end < object->address) return false;
    if (object->carved_end < object->address ||
        object->carved_end > end + search->layout->pool_bytes)
        return false;
    if (object->free_pools > object->total_pools) return false;
    const struct mapped *mapped = maps_at(search->maps, object->address);
    if (mapped) return mapped->is_writable && mapped->is_anonymous;
    return is_there(search, object->address); /* since the mappings were read */
}

/* One that has no arena is in a list of such; only the last has no next. */
static bool is_unused_object(const struct arena_object *object, uint64_t table, int *ends) {
    if (object->next == 0) return ++*ends == 1;
    uint64_t distance = object->next - table;
    return distance % ARENA_OBJECT_BYTES == 0 && distance / ARENA_OBJECT_BYTES < ARENAS_MAX;
}

/* ---- A table --------------------------------------------------------------------- */

static bool add_arena(struct arena_table *table, const struct arena_object *object, uint32_t index,
                      const struct layout *layout) {
    if (!grow(&table->arenas, &table->room, table->count, sizeof *table->arenas)) return false;
    table->arena_bytes = arena_bytes_of(layout, object);
    uint64_t end = object->address + table->arena_bytes;
    uint64_t carved = object->carved_end < end ? object->carved_end : end;
    table->arenas[table->count++] = (struct arena_ref){object->address, carved, index};
    return true;
}

/* Reads the table that may be at an address, as far as it is one. */
static bool read_table(struct search *search, uint64_t at, struct arena_table *table,
                       uint64_t *place) {
    int ends = 0;
    *place = at;
    for (uint32_t i = 0; i < ARENAS_MAX && table->count < ARENAS_MAX;
         i++, *place += ARENA_OBJECT_BYTES) {
        struct arena_object object;
        if (!remote_look(search->remote, *place, &object, sizeof object)) return true;
        if (object.address == 0) {
            if (!is_unused_object(&object, at, &ends)) return true;
        } else if (!is_used_arena(search, &object, table->arena_bytes)) {
            return true;
        } else if (!add_arena(table, &object, i, search->layout)) {
            return false;
        }
    }
    return true;
}

/* Lists of the table's arenas lead into it. */
static bool is_part_of_best(const struct search *search, uint64_t at) {
    return at >= search->best_start && at < search->best_end &&
           (at - search->best_start) % ARENA_OBJECT_BYTES == 0;
}

static bool try_table(struct search *search, uint64_t at, uint64_t pointer_at) {
    struct arena_table table = {0};
    uint64_t end;
    if (is_part_of_best(search, at)) return true;
    bool has_memory = read_table(search, at, &table, &end);
    if (has_memory && table.count > search->best.count) {
        struct arena_table worse = search->best;
        search->best = table;
        search->best_start = at;
        search->best_end = end;
        search->best_at = pointer_at;
        table = worse;
    }
    arena_table_end(&table);
    return has_memory;
}

/* ---- The interpreter's data --------------------------------------------------------- */

static bool may_be_table(const struct search *search, uint64_t word) {
    if (word == 0 || word % 16) return false;
    const struct mapped *mapped = maps_at(search->maps, word);
    return mapped && mapped->is_writable && mapped->is_anonymous;
}

static bool search_data(struct search *search, uint64_t start, uint64_t end) {
    uint64_t words[WORDS_A_READ];
    if (end - start > search->bytes_left) end = start + search->bytes_left;
    search->bytes_left -= end - start;
    for (uint64_t at = start; at < end; at += sizeof words) {
        size_t bytes = end - at < sizeof words ? (size_t)(end - at) : sizeof words;
        size_t count = remote_read(search->remote, at, words, bytes) / sizeof *words;
        for (size_t i = 0; i < count; i++)
            if (may_be_table(search, words[i]) &&
                !try_table(search, words[i], at + i * sizeof *words))
                return false;
    }
    return true;
}

static int by_address(const void *left, const void *right) {
    const struct arena_ref *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* What two arenas have in common would be counted twice. */
static void drop_twins(struct arena_table *table) {
    size_t kept = 0;
    qsort(table->arenas, table->count, sizeof *table->arenas, by_address);
    for (size_t i = 0; i < table->count; i++)
        if (kept == 0 ||
            table->arenas[i].start - table->arenas[kept - 1].start >= table->arena_bytes)
            table->arenas[kept++] = table->arenas[i];
    table->count = kept;
}

/* The tables of other interpreters are read behind the main one's. */
static bool add_others(struct search *search) {
    uint64_t tables[INTERPRETERS_MAX], end;
    size_t count =
        interpreters_tables(search->remote, search->maps, search->layout, search->best_at, tables);
    for (size_t i = 0; i < count; i++)
        if (may_be_table(search, tables[i]) && !read_table(search, tables[i], &search->best, &end))
            return false;
    return true;
}

bool arena_table_find(struct arena_table *table, struct remote *remote, const struct maps *maps,
                      const struct layout *layout) {
    struct search search = {
        .remote = remote, .maps = maps, .layout = layout, .bytes_left = DATA_BYTES_MAX};
    bool has_memory = true;
    for (size_t i = 0; has_memory && i < maps->count; i++)
        if (interpreter_has_data(maps, i))
            has_memory = search_data(&search, maps->items[i].start, maps->items[i].end);
    if (has_memory && search.best.count > 0) {
        has_memory = add_others(&search);
        drop_twins(&search.best);
    }
    *table = search.best;
    return has_memory;
}

void arena_table_end(struct arena_table *table) {
    free(table->arenas);
    *table = (struct arena_table){0};
}
