/* Where the versions of CPython keep what is read of them: one table. Offsets and
 * sizes in bytes, of 64-bit builds with the interpreter lock. */
#ifndef SHOAL_INSPECT_LAYOUT_H
#define SHOAL_INSPECT_LAYOUT_H

#include <stdint.h>

struct layout {
    int minor; /* of 3.minor */
    uint32_t pool_bytes, arena_bytes;
    int has_huge_arenas; /* or twice as large, as it was built: an arena's record tells */
    /* An object that the collector tracks has its head, of 16 bytes, before it, and
     * before that, of types with one of these flags, 16 more. */
    uint64_t preheader_flags;
    uint32_t qualname_at; /* of a class: its __qualname__                      */
    uint32_t text_at;   /* of a compact ASCII string: its characters           */
    uint32_t keys_at;   /* of a dict's keys: the indices                       */
    uint32_t values_before; /* an object that has a managed dict: the pointer to its
                               values lies so far before it; 0 when it has none */
    int has_frame_chunks; /* frames are in mappings that lead from one to the next */
    int has_packed_keys; /* sizes of keys are told by logarithms, and keys that
                            are strings have entries without hashes            */
    int has_own_arenas;    /* interpreters beside the main one may             */
    int has_debug_offsets; /* the runtime tells where its interpreters are, and
                              those where their allocator's state is           */
    int has_flags_in_count;  /* above the references of an object, in their word */
    int has_bytes_in_arrays; /* what a bytearray has is in a bytes object        */
};

/* NULL for a version that is not known. */
const struct layout *layout_of(int minor);

enum {
    /* struct pool_header, the same since 3.3 */
    POOL_HEADER_BYTES = 48,
    POOL_COUNT_AT = 0,
    POOL_FREE_AT = 8,
    POOL_ARENA_AT = 32,
    POOL_CLASS_AT = 36,
    POOL_NEXT_AT = 40,
    POOL_MAX_NEXT_AT = 44,
    POOL_CLASSES = 32,

    /* struct arena_object */
    ARENA_OBJECT_BYTES = 48,
    ARENA_ADDRESS_AT = 0,
    ARENA_POOL_AT = 8,
    ARENA_FREE_POOLS_AT = 16,
    ARENA_TOTAL_POOLS_AT = 20,

    /* PyObject, PyTypeObject, PyHeapTypeObject, dict, str */
    OBJECT_TYPE_AT = 8,
    GC_HEAD_BYTES = 16,
    PREHEADER_BYTES = 16,
    TYPE_NAME_AT = 24,
    TYPE_BASIC_SIZE_AT = 32,
    TYPE_FLAGS_AT = 168,
    TYPE_BASE_AT = 256,
    TYPE_DICT_AT = 264,
    TYPE_BYTES = 272, /* as much of one as is read */
    DICT_KEYS_AT = 32,
    DICT_VALUES_AT = 40,
    TEXT_LENGTH_AT = 16,
    TEXT_STATE_AT = 32,
};

#define TYPE_FLAG_INLINE_VALUES (1ull << 2)   /* 3.13 */
#define TYPE_FLAG_MANAGED_WEAKREF (1ull << 3) /* 3.12 */
#define TYPE_FLAG_MANAGED_DICT (1ull << 4)    /* 3.11 */
#define TYPE_FLAG_HEAP (1ull << 9)
#define TYPE_FLAG_READY (1ull << 12)
#define TYPE_FLAG_GC (1ull << 14)
#define TYPE_FLAG_BYTES (1ull << 27)
#define TYPE_FLAG_STR (1ull << 28)
#define TYPE_FLAG_OF_TYPES (1ull << 31)

#endif
