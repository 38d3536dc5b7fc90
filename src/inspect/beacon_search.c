#define _GNU_SOURCE
#include "inspect/beacon_search.h"

#include <string.h>

enum {
    PAGE = REMOTE_PAGE,
    SEARCH_BYTES = 1 << 16,
    SEARCHED_MAX = 256 << 20, /* bytes of the library and the program */
};

static bool fits(uint32_t offset, uint32_t bytes, uint32_t whole) {
    return offset <= whole && bytes <= whole - offset;
}

/* Whether its offsets lie in what it says they are offsets in. */
static bool is_sound(const struct shoal_beacon *beacon) {
    uint32_t record = beacon->record.bytes, class = beacon->size_class.bytes;
    return beacon->page_bytes == PAGE && record >= 16 && record <= BEACON_RECORD_MAX &&
           fits(beacon->record.free, 8, record) && fits(beacon->record.run_pages, 8, record) &&
           fits(beacon->record.frees_left, 2, record) && fits(beacon->record.carved, 2, record) &&
           fits(beacon->record.size_class, 1, record) && fits(beacon->record.kind, 1, record) &&
           beacon->size_class.count <= BEACON_CLASSES_MAX && class <= BEACON_CLASS_MAX &&
           fits(beacon->size_class.block_bytes, 2, class) &&
           fits(beacon->size_class.blocks, 2, class) && fits(beacon->size_class.pages, 2, class) &&
           fits(beacon->size_class.first, 2, class);
}

/* A process may have the library and all its memory from elsewhere. Nor is a beacon of
 * use as it is in the file, before its addresses were known: the mapping before that
 * of the data may show it as well. */
static bool is_used(const struct shoal_beacon *beacon, struct remote *remote) {
    for (int i = 0; i < SHOAL_BEACON_ARENAS; i++) {
        uint64_t at = (uintptr_t)beacon->arenas[i] + beacon->arena.count, count;
        if (remote_word(remote, at, &count) && count) return true;
    }
    return false;
}

static bool search_mapping(struct shoal_beacon *beacon, struct remote *remote,
                           const struct mapped *mapped) {
    static const char magic[SHOAL_BEACON_MAGIC_BYTES] = SHOAL_BEACON_MAGIC;
    uint8_t bytes[SEARCH_BYTES];
    uint64_t step = SEARCH_BYTES - sizeof magic;
    for (uint64_t at = mapped->start; at < mapped->end; at += step) {
        uint64_t left = mapped->end - at;
        size_t got = remote_read(remote, at, bytes, left < sizeof bytes ? left : sizeof bytes);
        const uint8_t *from = bytes, *found;
        while ((found = memmem(from, got - (size_t)(from - bytes), magic, sizeof magic))) {
            uint64_t address = at + (uint64_t)(found - bytes);
            if (remote_look(remote, address, beacon, sizeof *beacon) && is_sound(beacon) &&
                is_used(beacon, remote))
                return true;
            from = found + 1;
        }
    }
    return false;
}

bool beacon_find(struct shoal_beacon *beacon, struct remote *remote, const struct maps *maps) {
    uint64_t bytes_left = SEARCHED_MAX;
    for (size_t i = 0; i < maps->count; i++) {
        const struct mapped *mapped = &maps->items[i];
        bool may_have = strstr(mapped->path, "libshoal") || !strcmp(mapped->path, maps->program);
        if (!may_have || mapped->is_executable) continue;
        if (mapped->end - mapped->start > bytes_left) return false;
        bytes_left -= mapped->end - mapped->start;
        if (search_mapping(beacon, remote, mapped)) return true;
    }
    return false;
}
