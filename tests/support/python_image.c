#include "python_image.h"

#include <stdlib.h>
#include <string.h>

enum { DATA_BYTES = 1 << 14, OBJECTS_BYTES = 1 << 18, ASCII = 3 << 5, PACKED_STRINGS = 1 };

static const uint64_t DATA_AT = 0x555500400000, OBJECTS_AT = 0x555500800000;

static uint64_t take(struct python_image *python, size_t bytes) {
    uint64_t at = python->next;
    python->next += (bytes + 15) & ~(size_t)15;
    if (!image_at(&python->image, at, bytes)) abort();
    return at;
}

void python_image_init(struct python_image *python, int minor) {
    *python = (struct python_image){.data = DATA_AT, .next = OBJECTS_AT};
    image_init(&python->image);
    python->layout = layout_of(minor);
    python->arena_bytes = python->layout->arena_bytes;
    image_map(&python->image, DATA_AT, DATA_BYTES, "rw-p", IMAGE_PROGRAM);
    image_map(&python->image, OBJECTS_AT, OBJECTS_BYTES, "rw-p", "[heap]");
    if (!remote_init(&python->remote, image_read, &python->image)) abort();
    python->type = OBJECTS_AT;
    python_type(python, "type", 880, TYPE_FLAG_GC | TYPE_FLAG_OF_TYPES);
    python->str = python_type(python, "str", 72, TYPE_FLAG_STR);
    python->dict = python_type(python, "dict", 48, TYPE_FLAG_GC);
}

void python_image_end(struct python_image *python) {
    remote_end(&python->remote);
    image_end(&python->image);
}

/* ---- Objects -------------------------------------------------------------------- */

static uint64_t put_text(struct python_image *python, const char *text) {
    uint64_t at = take(python, strlen(text) + 1);
    image_put(&python->image, at, text, strlen(text) + 1);
    return at;
}

static uint64_t put_object(struct python_image *python, size_t bytes, uint64_t type) {
    uint64_t at = take(python, bytes);
    image_put_word(&python->image, at, 1);
    image_put_word(&python->image, at + OBJECT_TYPE_AT, type);
    return at;
}

uint64_t python_type(struct python_image *python, const char *name, uint64_t basic,
                     uint64_t flags) {
    uint64_t at = put_object(python, python->layout->qualname_at + 8, python->type);
    image_put_word(&python->image, at + TYPE_NAME_AT, put_text(python, name));
    image_put_word(&python->image, at + TYPE_BASIC_SIZE_AT, basic);
    image_put_word(&python->image, at + TYPE_FLAGS_AT, flags | TYPE_FLAG_READY);
    return at;
}

uint64_t python_str(struct python_image *python, const char *text) {
    uint64_t at = put_object(python, python->layout->text_at + strlen(text) + 1, python->str);
    image_put_word(&python->image, at + TEXT_LENGTH_AT, strlen(text));
    image_put_half(&python->image, at + TEXT_STATE_AT, ASCII);
    image_put(&python->image, at + python->layout->text_at, text, strlen(text) + 1);
    return at;
}

/* Of 8 indices, without the hashes, which nobody reads. */
static uint64_t put_keys(struct python_image *python, const uint64_t (*pairs)[2], size_t count,
                         bool has_strings) {
    bool is_packed = python->layout->has_packed_keys, is_short = is_packed && has_strings;
    uint32_t head = is_packed ? 32 : 40, entry = is_short ? 16 : 24;
    uint64_t at = take(python, head + 8 + count * entry);
    const uint8_t packed[] = {3, 3, is_short ? PACKED_STRINGS : 0};
    if (is_packed)
        image_put(&python->image, at + 8, packed, sizeof packed);
    else
        image_put_word(&python->image, at + 8, 8);
    image_put_word(&python->image, at + head - 8, count);
    for (size_t i = 0; i < count; i++)
        image_put(&python->image, at + head + 8 + i * entry + entry - 16, pairs[i], 16);
    return at;
}

uint64_t python_dict(struct python_image *python, const uint64_t (*pairs)[2], size_t count,
                     bool has_strings) {
    uint64_t at = put_object(python, 48, python->dict);
    image_put_word(&python->image, at + DICT_KEYS_AT, put_keys(python, pairs, count, has_strings));
    return at;
}

uint64_t python_class(struct python_image *python, const char *name, const char *module,
                      const char *qualified, uint64_t flags) {
    uint64_t at = python_type(python, name, 16, flags | TYPE_FLAG_HEAP | TYPE_FLAG_GC);
    image_put_word(&python->image, at + python->layout->qualname_at, python_str(python, qualified));
    uint64_t pairs[2][2] = {
        {python_str(python, "__doc__"), python_str(python, "A class.")},
        {python_str(python, "__module__"), module ? python_str(python, module) : 0},
    };
    image_put_word(&python->image, at + TYPE_DICT_AT,
                   python_dict(python, (const uint64_t (*)[2])pairs, module ? 2 : 1, true));
    return at;
}

/* ---- Arenas ----------------------------------------------------------------------- */

static uint64_t put_table(struct python_image *python) {
    python->table = take(python, PYTHON_TABLE_ROOM * ARENA_OBJECT_BYTES);
    for (uint64_t i = 0; i + 1 < PYTHON_TABLE_ROOM; i++) {
        uint64_t object = python->table + i * ARENA_OBJECT_BYTES;
        image_put_word(&python->image, object + 32, object + ARENA_OBJECT_BYTES);
    }
    return python->table;
}

void python_table(struct python_image *python) {
    image_put_word(&python->image, python->data + 4096, put_table(python));
}

/* ---- Interpreters ----------------------------------------------------------------- */

/* The main one is in the data; its state ends where the pointer to the table is. */
enum { HEAD_AT = 512, MAIN_AT = 1024, RUNTIME_AT = 64, POINTER_AT = 4096, LISTS_BYTES = 512 };
enum { NEXT_AT = 24, STATE_AT = 40, INTERPRETER_BYTES = 4096 }; /* of 3.13 */

static void put_runtime(struct python_image *python) {
    const uint64_t offsets[] = {0, 0, 0, 0, 0, HEAD_AT - RUNTIME_AT, INTERPRETER_BYTES, 0, NEXT_AT};
    image_put(&python->image, python->data + RUNTIME_AT, offsets, sizeof offsets);
    image_put(&python->image, python->data + RUNTIME_AT, "xdebugpy", 8);
    image_put_word(&python->image, python->data + MAIN_AT + STATE_AT,
                   python->data + POINTER_AT - LISTS_BYTES);
}

/* Where the interpreter's state begins. */
static uint64_t put_state(struct python_image *python, uint64_t interpreter) {
    if (!python->layout->has_debug_offsets) return interpreter + POINTER_AT - LISTS_BYTES - MAIN_AT;
    uint64_t state = take(python, LISTS_BYTES + 8);
    image_put_word(&python->image, interpreter + STATE_AT, state);
    return state;
}

void python_interpreter(struct python_image *python) {
    uint64_t at = take(python, INTERPRETER_BYTES);
    uint64_t before = python->newest ? python->newest : python->data + MAIN_AT;
    bool has_offsets = python->layout->has_debug_offsets;
    if (has_offsets) put_runtime(python);
    image_put_word(&python->image, at + (has_offsets ? NEXT_AT : 0), before);
    image_put_word(&python->image, at + 8, ++python->interpreters);
    image_put_word(&python->image, python->data + HEAD_AT, at);
    image_put_word(&python->image, put_state(python, at) + LISTS_BYTES, put_table(python));
    python->newest = at;
}

void python_arena(struct python_image *python, uint32_t index, uint64_t address, uint32_t pools) {
    uint32_t pool_bytes = python->layout->pool_bytes, arena_bytes = python->arena_bytes;
    uint64_t object = python->table + index * ARENA_OBJECT_BYTES;
    uint64_t first = (address + pool_bytes - 1) / pool_bytes * pool_bytes;
    uint32_t total = arena_bytes / pool_bytes - (first != address);
    if (!image_map(&python->image, address, arena_bytes, "rw-p", "")) abort();
    image_put_word(&python->image, object + ARENA_ADDRESS_AT, address);
    image_put_word(&python->image, object + ARENA_POOL_AT, first + pools * (uint64_t)pool_bytes);
    image_put_half(&python->image, object + ARENA_FREE_POOLS_AT, total - pools);
    image_put_half(&python->image, object + ARENA_TOTAL_POOLS_AT, total);
}

/* ---- Pools -------------------------------------------------------------------------- */

static uint32_t half_of(const uint8_t *bytes, size_t at) {
    uint32_t half;
    memcpy(&half, bytes + at, sizeof half);
    return half;
}

static void put_half(uint8_t *bytes, size_t at, uint32_t half) {
    memcpy(bytes + at, &half, sizeof half);
}

static void put_word(uint8_t *bytes, size_t at, uint64_t word) {
    memcpy(bytes + at, &word, sizeof word);
}

uint32_t pool_offset(const uint8_t *pool, uint32_t block) {
    return POOL_HEADER_BYTES + block * (half_of(pool, POOL_CLASS_AT) + 1) * 16;
}

void pool_build(uint8_t *pool, uint32_t bytes, uint32_t size_class, uint32_t carved) {
    uint32_t block_bytes = (size_class + 1) * 16;
    memset(pool, 0, bytes);
    put_half(pool, POOL_COUNT_AT, carved);
    put_half(pool, POOL_CLASS_AT, size_class);
    put_half(pool, POOL_NEXT_AT, POOL_HEADER_BYTES + carved * block_bytes);
    put_half(pool, POOL_MAX_NEXT_AT, bytes - block_bytes);
}

void pool_release(uint8_t *pool, uint64_t address, uint32_t block) {
    uint32_t offset = pool_offset(pool, block);
    memcpy(pool + offset, pool + POOL_FREE_AT, 8);
    put_word(pool, POOL_FREE_AT, address + offset);
    put_half(pool, POOL_COUNT_AT, half_of(pool, POOL_COUNT_AT) - 1);
}

void pool_put_object(uint8_t *pool, uint32_t block, uint32_t header, uint64_t type) {
    uint32_t at = pool_offset(pool, block) + header;
    put_word(pool, at, 1);
    put_word(pool, at + OBJECT_TYPE_AT, type);
}

uint8_t *python_pool(struct python_image *python, uint32_t index, uint64_t address,
                     uint32_t size_class, uint32_t carved) {
    uint8_t *pool = image_at(&python->image, address, python->layout->pool_bytes);
    if (!pool) abort();
    pool_build(pool, python->layout->pool_bytes, size_class, carved);
    put_half(pool, POOL_ARENA_AT, index);
    return pool;
}
