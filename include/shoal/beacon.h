/* Where a heap's structures are and how they are laid out, for a reader of the
 * process's memory from outside. Nobody else needs it. */
#ifndef SHOAL_BEACON_H
#define SHOAL_BEACON_H

#include <stdint.h>

/* What the reader looks for in the mappings of libshoal.so, or of a program that
 * has the heap in itself. */
#define SHOAL_BEACON_MAGIC \
    "shoal\x01" \
    "beacon\x01" \
    "v1\x01"
enum { SHOAL_BEACON_MAGIC_BYTES = 16, SHOAL_BEACON_ARENAS = 2 };

/* Sizes and offsets in bytes. Every address is of the process that has it. For
 * 64 bits. */
struct shoal_beacon {
    char magic[SHOAL_BEACON_MAGIC_BYTES];
    const void *arenas[SHOAL_BEACON_ARENAS]; /* the first has the objects */
    const void *link_key;
    const void *classes;  /* the table of size classes                        */
    const void *mappings; /* the large blocks' table: {slots, slot_count}, each
                             slot {start, bytes}, start 0 for none            */
    struct {
        uint32_t count, array, bytes; /* in struct arenas; of one arena */
        uint32_t pages, records, top; /* in an arena                    */
    } arena;
    struct {
        uint32_t bytes;
        uint32_t free, run_pages, frees_left, carved, size_class, kind;
    } record;
    struct {
        uint32_t count, bytes;
        uint32_t block_bytes, blocks, pages, first; /* all of 16 bits */
    } size_class;
    struct {
        uint8_t dirty, clean, busy, large, ahead, current, partial, full;
    } kind;
    uint32_t page_bytes, end_mark;
};

#endif
