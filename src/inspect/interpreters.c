#include "inspect/interpreters.h"

#include <stddef.h>
#include <string.h>

#include "inspect/interpreter.h"

enum {
    ARENAS_AT = 512, /* in the state of pymalloc, behind two words for each size class */
    ID_AT = 8,        /* in an interpreter of 3.12, which begins with the next one */
    STATE_AT_MAX = 1 << 16,
    SIZE_MAX_BYTES = 1 << 22,
    WORDS_A_READ = 4096,
    DATA_BYTES_MAX = 64 << 20,
};

/* The list of interpreters, the newest first; the last is the main one. */
struct list {
    struct remote *remote;
    const struct maps *maps;
    uint64_t main_state; /* pymalloc's, of the main interpreter */
    uint64_t head;
    uint64_t next_at, state_at; /* in an interpreter */
    bool has_pointer; /* at state_at: to the state, which else is there itself */
};

/* What begins the runtime of 3.13 and tells debuggers where things are. */
struct debug_offsets {
    char cookie[8];
    uint64_t version, free_threaded;
    uint64_t runtime_size, finalizing_at, head_at;
    uint64_t interpreter_size, id_at, next_at;
};

static uint64_t word_at(struct remote *remote, uint64_t address) {
    uint64_t word;
    return remote_word(remote, address, &word) ? word : 0;
}

/* Calls `look` with each word of the interpreter's data, until it says true. */
static bool search_data(struct list *list,
                        bool (*look)(struct list *list, uint64_t at, uint64_t word)) {
    uint64_t words[WORDS_A_READ], left = DATA_BYTES_MAX;
    for (size_t i = 0; i < list->maps->count; i++) {
        const struct mapped *mapped = &list->maps->items[i];
        uint64_t size = mapped->end - mapped->start;
        if (!interpreter_has_data(list->maps, i) || size > left) continue;
        left -= size;
        for (uint64_t at = mapped->start; at < mapped->end; at += sizeof words) {
            uint64_t rest = mapped->end - at;
            size_t bytes = rest < sizeof words ? (size_t)rest : sizeof words;
            size_t count = remote_read(list->remote, at, words, bytes) / sizeof *words;
            for (size_t k = 0; k < count; k++)
                if (look(list, at + k * sizeof *words, words[k])) return true;
        }
    }
    return false;
}

/* ---- 3.12: by what looks like the list ------------------------------------------- */

/* The main interpreter is in the data and ends the list; its state holds the pointer
 * that led to its table. */
static bool is_main(const struct list *list, uint64_t at) {
    return at < list->main_state && list->main_state - at < STATE_AT_MAX &&
           word_at(list->remote, at) == 0 && word_at(list->remote, at + ID_AT) == 0;
}

static bool is_anonymous(const struct maps *maps, uint64_t address) {
    const struct mapped *mapped = address % 16 ? NULL : maps_at(maps, address);
    return mapped && mapped->is_writable && mapped->is_anonymous;
}

/* What looks like the list by chance leads to no table. */
static bool has_tables(const struct list *list) {
    uint64_t node = list->head;
    for (int i = 0; i < INTERPRETERS_MAX && node; i++) {
        uint64_t table = word_at(list->remote, node + list->state_at + ARENAS_AT);
        if (table && is_anonymous(list->maps, node) && is_anonymous(list->maps, table)) return true;
        node = word_at(list->remote, node + list->next_at);
    }
    return false;
}

/* Newer interpreters have higher numbers. */
static bool is_head(struct list *list, uint64_t at, uint64_t word) {
    uint64_t node = word, id = UINT64_MAX;
    (void)at;
    for (int i = 0; i < INTERPRETERS_MAX && is_anonymous(list->maps, node); i++) {
        uint64_t its = word_at(list->remote, node + ID_AT);
        if (its == 0 || its >= id) return false;
        id = its;
        node = word_at(list->remote, node);
        if (!is_main(list, node)) continue;
        list->head = word;
        list->next_at = 0;
        list->state_at = list->main_state - node;
        return has_tables(list);
    }
    return false;
}

/* ---- 3.13: as it tells -------------------------------------------------------------- */

/* Where an interpreter, the main one, has the address of the main state. */
static bool find_pointer(struct list *list, uint64_t node, uint64_t size) {
    for (uint64_t at = 0; at + 8 <= size; at += 8)
        if (word_at(list->remote, node + at) == list->main_state) {
            list->state_at = at;
            return true;
        }
    return false;
}

static bool has_cookie(uint64_t word) { return memcmp(&word, "xdebugpy", 8) == 0; }

static bool is_runtime(struct list *list, uint64_t at, uint64_t word) {
    struct debug_offsets offsets;
    if (!has_cookie(word) || !remote_look(list->remote, at, &offsets, sizeof offsets) ||
        offsets.interpreter_size > SIZE_MAX_BYTES || offsets.next_at > offsets.interpreter_size)
        return false;
    uint64_t node = list->head = word_at(list->remote, at + offsets.head_at);
    list->next_at = offsets.next_at;
    for (int i = 0; i < INTERPRETERS_MAX && node; i++) {
        uint64_t next = word_at(list->remote, node + list->next_at);
        if (next == 0) return find_pointer(list, node, offsets.interpreter_size);
        node = next;
    }
    return false;
}

static bool is_free_threaded(struct list *list, uint64_t at, uint64_t word) {
    return has_cookie(word) &&
           word_at(list->remote, at + offsetof(struct debug_offsets, free_threaded)) == 1;
}

bool interpreters_are_free_threaded(struct remote *remote, const struct maps *maps) {
    struct list list = {.remote = remote, .maps = maps};
    return search_data(&list, is_free_threaded);
}

/* ---- Both -------------------------------------------------------------------------------- */

size_t interpreters_tables(struct remote *remote, const struct maps *maps,
                           const struct layout *layout, uint64_t main_at, uint64_t *tables) {
    struct list list = {.remote = remote, .maps = maps, .main_state = main_at - ARENAS_AT};
    size_t count = 0;
    list.has_pointer = layout->has_debug_offsets;
    if (!layout->has_own_arenas || !search_data(&list, list.has_pointer ? is_runtime : is_head))
        return 0;
    uint64_t node = list.head;
    for (int i = 0; i < INTERPRETERS_MAX && node; i++) {
        uint64_t state = node + list.state_at;
        if (list.has_pointer) state = word_at(remote, state);
        uint64_t table = state == list.main_state ? 0 : word_at(remote, state + ARENAS_AT);
        if (table) tables[count++] = table;
        node = word_at(remote, node + list.next_at);
    }
    return count;
}
