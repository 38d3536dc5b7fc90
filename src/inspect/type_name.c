#include "inspect/type_name.h"

#include <stdio.h>
#include <string.h>

#include "inspect/text.h"
#include "inspect/words.h"

enum {
    ENTRIES_MAX = 4096, /* looked at, of a class's dict */
    MODULE_ROOM = 128,
    COMPACT_ASCII = 3, /* bits 5 and 6 of a string's state */
};

/* The characters of a str object that is compact ASCII, as names are. */
static bool read_str(struct remote *remote, const struct layout *layout, uint64_t str, char *text,
                     size_t room) {
    uint64_t length;
    uint32_t state;
    if (!str || !remote_word(remote, str + TEXT_LENGTH_AT, &length) ||
        !remote_look(remote, str + TEXT_STATE_AT, &state, sizeof state))
        return false;
    if (length == 0 || length >= room || (state >> 5 & 3) != COMPACT_ASCII) return false;
    if (!remote_look(remote, str + layout->text_at, text, (size_t)length)) return false;
    text[length] = '\0';
    return strlen(text) == length && text_is_printable(text);
}

/* ---- A dict's keys -------------------------------------------------------------- */

struct keys {
    uint64_t entries; /* their address */
    uint64_t count;
    uint32_t entry_bytes, key_at; /* the value follows the key */
};

static bool read_packed_keys(struct remote *remote, uint64_t at, struct keys *keys) {
    uint8_t head[32];
    if (!remote_look(remote, at, head, sizeof head)) return false;
    uint8_t index_log2 = head[9], kind = head[10];
    if (index_log2 > 32 || kind > 2) return false;
    keys->entries = at + sizeof head + (1ull << index_log2);
    keys->count = word_of(head, 24);
    keys->entry_bytes = kind == 0 ? 24 : 16;
    keys->key_at = kind == 0 ? 8 : 0;
    return true;
}

static bool read_plain_keys(struct remote *remote, uint64_t at, struct keys *keys) {
    uint8_t head[40];
    if (!remote_look(remote, at, head, sizeof head)) return false;
    uint64_t size = word_of(head, 8);
    if (size > 1ull << 32) return false;
    uint64_t index_bytes = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
    keys->entries = at + sizeof head + size * index_bytes;
    keys->count = word_of(head, 32);
    keys->entry_bytes = 24;
    keys->key_at = 8;
    return true;
}

/* The value of a string key in a dict that is not split; 0 when it has none. */
static uint64_t dict_value(struct remote *remote, const struct layout *layout, uint64_t dict,
                           const char *wanted) {
    uint64_t at, values, pair[2];
    char key[32];
    struct keys keys;
    if (!dict || !remote_word(remote, dict + DICT_KEYS_AT, &at) || !at ||
        !remote_word(remote, dict + DICT_VALUES_AT, &values) || values)
        return 0;
    if (!(layout->has_packed_keys ? read_packed_keys : read_plain_keys)(remote, at, &keys))
        return 0;
    if (keys.count > ENTRIES_MAX) keys.count = ENTRIES_MAX;
    for (uint64_t i = 0; i < keys.count; i++) {
        uint64_t entry = keys.entries + i * keys.entry_bytes + keys.key_at;
        if (!remote_look(remote, entry, pair, sizeof pair)) return 0;
        if (pair[0] && read_str(remote, layout, pair[0], key, sizeof key) &&
            strcmp(key, wanted) == 0)
            return pair[1];
    }
    return 0;
}

/* ---- Names ------------------------------------------------------------------------ */

bool type_name_read(struct remote *remote, const struct layout *layout, uint64_t address,
                    const uint8_t *type, char *name, size_t room) {
    char module[MODULE_ROOM], qualified[MODULE_ROOM];
    if (!remote_text(remote, word_of(type, TYPE_NAME_AT), name, room)) return false;
    if (!(word_of(type, TYPE_FLAGS_AT) & TYPE_FLAG_HEAP) || strchr(name, '.')) return true;
    uint64_t dict = word_of(type, TYPE_DICT_AT), qualname;
    if (!read_str(remote, layout, dict_value(remote, layout, dict, "__module__"), module,
                  sizeof module))
        return true;
    if (!remote_word(remote, address + layout->qualname_at, &qualname) ||
        !read_str(remote, layout, qualname, qualified, sizeof qualified))
        snprintf(qualified, sizeof qualified, "%.*s", (int)sizeof qualified - 1, name);
    if (strcmp(module, "builtins") == 0)
        snprintf(name, room, "%s", qualified);
    else
        snprintf(name, room, "%s.%s", module, qualified);
    return text_is_printable(name); /* which takes away what was cut in two */
}
