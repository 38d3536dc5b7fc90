#include "inspect/type_census.h"

#include <stdlib.h>
#include <string.h>

static void add_type(struct shoal_inspection *result, const struct type *type, const char *name,
                     enum shoal_block_kind kind) {
    if (type->blocks == 0) return;
    result->types[result->type_count++] = (struct shoal_type_census){
        .name = name,
        .kind = kind,
        .blocks = type->blocks,
        .bytes = type->bytes,
        .pinned_arenas = type->pinned_arenas,
        .pinned_blocks = type->pinned_blocks,
        .pinned_held = type->pinned_held,
    };
}

static int by_bytes(const void *left, const void *right) {
    const struct shoal_type_census *a = left, *b = right;
    if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int by_name(const void *left, const void *right) {
    const struct shoal_type_census *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : (int)a->kind - (int)b->kind;
}

static void add_twin(struct shoal_type_census *to, const struct shoal_type_census *twin) {
    to->blocks += twin->blocks;
    to->bytes += twin->bytes;
    to->pinned_arenas += twin->pinned_arenas;
    to->pinned_blocks += twin->pinned_blocks;
    to->pinned_held += twin->pinned_held;
}

/* Several types may have one name: of a class that was made again and again, say. They
 * are told as one; arenas that two of them pin count twice, but never more often than
 * there are arenas. */
static void merge_twins(struct shoal_inspection *result) {
    size_t kept = 0;
    qsort(result->types, result->type_count, sizeof *result->types, by_name);
    for (size_t i = 0; i < result->type_count; i++) {
        struct shoal_type_census *last = &result->types[kept ? kept - 1 : 0];
        if (kept && by_name(last, &result->types[i]) == 0)
            add_twin(last, &result->types[i]);
        else
            result->types[kept++] = result->types[i];
        last = &result->types[kept - 1];
        if (last->pinned_arenas > result->arena_count) last->pinned_arenas = result->arena_count;
    }
    result->type_count = kept;
}

bool type_census(struct shoal_inspection *result, const struct type_table *table,
                 const struct type *raw) {
    size_t room = 0;
    for (size_t i = 0; i < table->type_count; i++) room += strlen(table->types[i].name) + 1;
    result->types = calloc(table->type_count + 1, sizeof *result->types);
    char *names = result->names = malloc(room + 1);
    if (!result->types || !names) return false;
    for (size_t i = 0; i < table->type_count; i++) {
        const struct type *type = &table->types[i];
        size_t length = strlen(type->name) + 1;
        memcpy(names, type->name, length);
        add_type(result, type, names, type->is_gc ? SHOAL_BLOCK_GC : SHOAL_BLOCK_OBJECT);
        names += length;
    }
    add_type(result, raw, "(not Python objects)", SHOAL_BLOCK_RAW);
    merge_twins(result);
    qsort(result->types, result->type_count, sizeof *result->types, by_bytes);
    return true;
}
