#include "inspect/type_table.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/grow.h"
#include "inspect/type_name.h"
#include "inspect/words.h"

enum {
    FIRST_SLOTS = 4096,
    SLOTS_MAX = 1 << 20, /* 16 MiB; when half are used only types are remembered */
    PROBES_MAX = 256, /* as good as never reached, if not on purpose */
    TYPES_MAX = 1 << 17, /* at most 40 MiB with their names */
    BASIC_BYTES_MAX = 1 << 24,
};

/* Addresses of user space, above the pages that are never mapped. */
static const uint64_t ADDRESS_MIN = 1 << 16, ADDRESS_MAX = 1ull << 56;

bool type_table_init(struct type_table *table, struct remote *remote, const struct layout *layout) {
    *table = (struct type_table){.remote = remote, .layout = layout, .slot_count = FIRST_SLOTS};
    table->slots = calloc(FIRST_SLOTS, sizeof *table->slots);
    return table->slots != NULL;
}

void type_table_end(struct type_table *table) {
    for (size_t i = 0; i < table->type_count; i++) free(table->types[i].name);
    free(table->types);
    free(table->slots);
    *table = (struct type_table){0};
}

/* ---- What its objects point to --------------------------------------------------- */

static const struct holding holdings[] = {
    {"collections.OrderedDict", {32, 64}, 48, 56, 16},
    {"dict", {32, 40}, 0, 0, 0},
    {"list", {24}, 0, 0, 0},
    {"set", {40}, 0, 0, 0},
    {"frozenset", {40}, 0, 0, 0},
    {"bytearray", {32}, 0, 0, 0},
    {"array.array", {24}, 0, 0, 0},
    {"collections.deque", {0}, 24, 32, 520},
    {"numpy.ndarray", {16, 32}, 0, 0, 0},
};

/* A class made in Python may have the bare name of a builtin type, but no dot in it. */
static const struct holding *holding_named(const char *name, bool is_builtin) {
    if (!is_builtin && !strchr(name, '.')) return NULL;
    for (size_t i = 0; i < sizeof holdings / sizeof *holdings; i++)
        if (strcmp(holdings[i].name, name) == 0) return &holdings[i];
    return NULL;
}

/* Its own, or that of the first type it is made from that has one. */
static const struct holding *find_holding(struct remote *remote, uint64_t type) {
    enum { BASES_MAX = 16 };
    char name[TYPE_NAME_ROOM];
    uint64_t name_at, flags;
    for (int i = 0; i < BASES_MAX && type; i++) {
        if (!remote_word(remote, type + TYPE_NAME_AT, &name_at) ||
            !remote_word(remote, type + TYPE_FLAGS_AT, &flags))
            return NULL;
        if (remote_text(remote, name_at, name, sizeof name)) {
            const struct holding *found = holding_named(name, !(flags & TYPE_FLAG_HEAP));
            if (found) return found;
        }
        if (!remote_word(remote, type + TYPE_BASE_AT, &type)) return NULL;
    }
    return NULL;
}

/* ---- Is it a type object? -------------------------------------------------- */

static bool read_flags(struct type_table *table, uint64_t type, uint64_t *flags) {
    return remote_word(table->remote, type + TYPE_FLAGS_AT, flags);
}

/* The type of a type is a type of types, and so is that one's. */
static bool is_metatype(struct type_table *table, uint64_t address) {
    uint64_t flags, above;
    return address && read_flags(table, address, &flags) && (flags & TYPE_FLAG_OF_TYPES) &&
           remote_word(table->remote, address + OBJECT_TYPE_AT, &above) &&
           read_flags(table, above, &flags) && (flags & TYPE_FLAG_OF_TYPES);
}

static uint32_t header_bytes(const struct layout *layout, uint64_t flags) {
    uint32_t bytes = flags & TYPE_FLAG_GC ? GC_HEAD_BYTES : 0;
    return flags & layout->preheader_flags ? bytes + PREHEADER_BYTES : bytes;
}

/* An str takes less than its type says when it is ASCII; those of classes made from
 * it do not. */
static uint32_t least_bytes(const struct layout *layout, uint64_t flags, uint64_t basic) {
    bool is_str = (flags & TYPE_FLAG_STR) && !(flags & TYPE_FLAG_HEAP);
    return is_str && basic > layout->text_at ? layout->text_at : (uint32_t)basic;
}

/* A type that is just being made, or no longer one, may say so without room for them. */
static bool has_values(const struct layout *layout, uint64_t flags, uint32_t header) {
    return layout->values_before && layout->values_before <= header &&
           (flags & TYPE_FLAG_MANAGED_DICT);
}

static bool read_type(struct type_table *table, uint64_t address, struct type *type) {
    uint8_t bytes[TYPE_BYTES];
    char name[TYPE_NAME_ROOM];
    if (!remote_look(table->remote, address, bytes, sizeof bytes)) return false;
    uint64_t flags = word_of(bytes, TYPE_FLAGS_AT);
    uint64_t basic = word_of(bytes, TYPE_BASIC_SIZE_AT);
    if (!(flags & TYPE_FLAG_READY) || basic == 0 || basic > BASIC_BYTES_MAX) return false;
    if (!is_metatype(table, word_of(bytes, OBJECT_TYPE_AT))) return false;
    if (!type_name_read(table->remote, table->layout, address, bytes, name, sizeof name))
        return false;
    uint32_t header = header_bytes(table->layout, flags);
    *type = (struct type){
        .name = strdup(name),
        .basic_bytes = least_bytes(table->layout, flags, basic),
        .header_bytes = header,
        .is_gc = flags & TYPE_FLAG_GC,
        .is_type = (flags & TYPE_FLAG_OF_TYPES) != 0,
        .is_bytes = table->layout->has_bytes_in_arrays && (flags & TYPE_FLAG_BYTES) &&
                    !(flags & TYPE_FLAG_HEAP),
        .has_values = has_values(table->layout, flags, header),
        .holding = find_holding(table->remote, address),
    };
    return type->name != NULL;
}

/* ---- The table ---------------------------------------------------------------- */

/* The slot of an address, or the empty one that it may have; NULL when others are
 * crowded there. */
static struct type_slot *slot_of(struct type_slot *slots, size_t count, uint64_t address) {
    size_t first = (size_t)((address >> 3) * 0x9E3779B97F4A7C15ull >> 32);
    for (size_t i = first; i < first + PROBES_MAX; i++) {
        struct type_slot *slot = &slots[i & (count - 1)];
        if (slot->address == address || slot->address == 0) return slot;
    }
    return NULL;
}

static bool make_room(struct type_table *table) {
    if (table->used * 2 < table->slot_count) return true;
    if (table->slot_count == SLOTS_MAX) return false;
    size_t count = table->slot_count * 2;
    struct type_slot *slots = calloc(count, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < table->slot_count; i++) {
        uint64_t address = table->slots[i].address;
        struct type_slot *slot = address ? slot_of(slots, count, address) : NULL;
        if (slot) *slot = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return true;
}

static int32_t add_type(struct type_table *table, uint64_t address) {
    struct type type;
    if (table->type_count == TYPES_MAX || !read_type(table, address, &type)) return TYPE_NONE;
    if (!grow(&table->types, &table->type_room, table->type_count, sizeof *table->types)) {
        free(type.name);
        return TYPE_NONE;
    }
    table->types[table->type_count] = type;
    return (int32_t)table->type_count++;
}

int32_t type_table_find(struct type_table *table, uint64_t address) {
    if (address % 8 || address < ADDRESS_MIN || address >= ADDRESS_MAX) return TYPE_NONE;
    struct type_slot *slot = slot_of(table->slots, table->slot_count, address);
    if (slot && slot->address) return slot->type;
    int32_t type = add_type(table, address);
    bool has_room = make_room(table) || type != TYPE_NONE;
    slot = slot_of(table->slots, table->slot_count, address);
    if (slot && has_room) {
        *slot = (struct type_slot){address, type};
        table->used++;
    }
    return type;
}
