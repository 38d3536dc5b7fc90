#include "inspect/strays.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/malloc_arenas.h"
#include "inspect/words.h"

enum {
    PAGE = REMOTE_PAGE,
    PART_PAGES = 64, /* looked at in one go */
    HEAD_BYTES = 24,
    FRAMES_LEAST = 16384, /* bytes that frames are given at once, or twice that, ... */
    FRAMES_MOST = 1 << 26,
};

static const uint64_t BYTES_MAX = 1ull << 34; /* of memory that is looked at */

struct piece {
    const struct strays *strays;
    uint64_t end;
    uint64_t *bytes_left;
    uint8_t *copy;
};

/* ---- What it may be ----------------------------------------------------------------- */

/* A block of libc's: nothing before it, and its size in whole pages; since glibc 2.43
 * without its head. */
static uint64_t block_bytes(const uint8_t *head, uint64_t left) {
    uint64_t size = word_of(head, 8), bare = size & ~(uint64_t)MALLOC_SIZE_BITS;
    if (bare % PAGE == PAGE - MALLOC_HEAD_BYTES) bare += MALLOC_HEAD_BYTES;
    bool is_block = word_of(head, 0) == 0 && (size & MALLOC_SIZE_BITS) == MALLOC_IS_MAPPED &&
                    bare > 0 && bare % PAGE == 0 && bare <= left;
    return is_block ? bare : 0;
}

/* The frames of a thread: where those before are, how many bytes these have, and how many
 * words of them are used. */
static bool is_frames_head(const uint8_t *head, uint64_t left) {
    uint64_t before = word_of(head, 0), size = word_of(head, 8), used = word_of(head, 16);
    return size >= FRAMES_LEAST && size <= FRAMES_MOST && (size & (size - 1)) == 0 &&
           size <= left && before % PAGE == 0 && used <= (size - HEAD_BYTES) / 8 &&
           (before || size == FRAMES_LEAST);
}

static uint64_t frames_bytes(const struct strays *strays, const uint8_t *head, uint64_t left) {
    uint8_t before[HEAD_BYTES];
    uint64_t at = word_of(head, 0);
    if (!strays->has_frames || !is_frames_head(head, left)) return 0;
    if (at && (!remote_look(strays->remote, at, before, sizeof before) ||
               !is_frames_head(before, FRAMES_MOST)))
        return 0;
    return word_of(head, 8);
}

/* ---- Piece by piece -------------------------------------------------------------------- */

/* Tells of what begins at a page, if anything does; gives its bytes, or a page's, or 0 when
 * no more is to be told. */
static uint64_t look_at(const struct piece *piece, uint64_t at, const uint8_t *head) {
    const struct strays *strays = piece->strays;
    enum shoal_owner owner = SHOAL_OWNER_LARGE;
    uint64_t bytes = block_bytes(head, piece->end - at);
    if (!bytes) {
        owner = SHOAL_OWNER_STACK;
        bytes = frames_bytes(strays, head, piece->end - at);
    }
    if (!bytes) return PAGE;
    return strays->found(strays->context, at, bytes, owner) ? bytes : 0;
}

/* A part of a piece; gives where the next one begins, or 0. */
static uint64_t look_at_part(const struct piece *piece, uint64_t start) {
    struct remote *remote = piece->strays->remote;
    uint64_t bits[PART_PAGES / 64], at = start, left = piece->end - start;
    size_t bytes = left < PART_PAGES * PAGE ? (size_t)left : PART_PAGES * PAGE;
    if (!remote_present(remote, start, bytes / PAGE, bits)) memset(bits, 0xff, sizeof bits);
    size_t got = remote_read_present(remote, start, piece->copy, bytes, bits, 0);
    memset(piece->copy + got, 0, bytes - got);
    while (at < start + bytes) {
        uint64_t step = look_at(piece, at, piece->copy + (at - start));
        if (!step) return 0;
        at += step;
    }
    return at;
}

static bool look_at_piece(const struct strays *strays, uint64_t start, uint64_t end,
                          uint64_t *bytes_left, uint8_t *copy) {
    struct piece piece = {strays, end, bytes_left, copy};
    start = (start + PAGE - 1) / PAGE * PAGE;
    while (start < end && *bytes_left > PART_PAGES * PAGE) {
        *bytes_left -= PART_PAGES * PAGE;
        start = look_at_part(&piece, start);
        if (!start) return false;
    }
    return true;
}

static bool may_have(const struct mapped *mapped) {
    return mapped->is_anonymous && mapped->is_writable && mapped->is_private &&
           strcmp(mapped->path, "[heap]") != 0;
}

/* What of a range is not taken. */
static bool look_between(const struct strays *strays, uint64_t start, uint64_t end, size_t *next,
                         uint64_t *bytes_left, uint8_t *copy) {
    const struct shoal_extent *taken = strays->taken;
    while (*next < strays->taken_count && taken[*next].start + taken[*next].bytes <= start) ++*next;
    for (size_t i = *next; i < strays->taken_count && taken[i].start < end; i++) {
        if (taken[i].start > start &&
            !look_at_piece(strays, start, taken[i].start, bytes_left, copy))
            return false;
        start = taken[i].start + taken[i].bytes;
    }
    return start >= end || look_at_piece(strays, start, end, bytes_left, copy);
}

/* Mappings that follow each other are one: a block may lie in several, as numpy asks for
 * huge pages for all of an array but its head, which cuts the mapping in two. */
bool strays_find(const struct strays *strays) {
    const struct maps *maps = strays->maps;
    uint64_t bytes_left = BYTES_MAX;
    uint8_t *copy = malloc(PART_PAGES * PAGE);
    bool goes_on = copy != NULL;
    size_t next = 0;
    for (size_t i = 0, last; goes_on && i < maps->count; i = last + 1) {
        last = i;
        if (!may_have(&maps->items[i])) continue;
        while (last + 1 < maps->count && may_have(&maps->items[last + 1]) &&
               maps->items[last + 1].start == maps->items[last].end)
            last++;
        goes_on = look_between(strays, maps->items[i].start, maps->items[last].end, &next,
                               &bytes_left, copy);
    }
    free(copy);
    return goes_on;
}

/* ---- Extents ---------------------------------------------------------------------------- */

static int by_start(const void *left, const void *right) {
    const struct shoal_extent *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

size_t extents_merge(struct shoal_extent *extents, size_t count) {
    size_t kept = 0;
    if (count) qsort(extents, count, sizeof *extents, by_start);
    for (size_t i = 0; i < count; i++) {
        struct shoal_extent *last = extents + kept - 1;
        uint64_t end = extents[i].start + extents[i].bytes;
        if (end < extents[i].start) continue;
        if (kept == 0 || extents[i].start > last->start + last->bytes)
            extents[kept++] = extents[i];
        else if (end > last->start + last->bytes)
            last->bytes = end - last->start;
    }
    return kept;
}
