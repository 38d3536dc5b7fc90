/* Every word of the process that is in no block that is laid out: which of them point into
 * blocks. */
#include <string.h>

#include "base/hints.h"
#include "compact/elsewhere.h"
#include "compact/own_memory.h"

enum { GRANULE_BYTES = 16 };

/* A word that nobody will rewrite. */
static inline void meet_unknown(const struct shoal_mover *mover, uintptr_t word,
                                enum shoal_reason reason) {
    struct shoal_found found;
    if (shoal_find(mover, word, &found)) shoal_keep(found.note, reason);
}

/* A word that is one of the known ones, or keeps what it points to. */
static inline void meet(struct shoal_note *note, enum shoal_reason reason) {
    if (note->known > 0)
        note->known--;
    else
        shoal_keep(note, reason);
}

/* ---- Blocks ------------------------------------------------------------------------ */

/* Of memory outside of the pools. */
static reads_anything void take_plain(const struct shoal_mover *mover, const char *from,
                                      const char *end) {
    const uintptr_t pages = mover->pages, bytes = mover->page_bytes;
    struct shoal_found found;
    for (; from + sizeof(uintptr_t) <= end; from += sizeof(uintptr_t)) {
        uintptr_t word = *(const shoal_word *)from;
        if (word - pages < bytes && shoal_find(mover, word, &found))
            meet(found.note, SHOAL_REASON_OUTSIDE);
    }
}

/* Of a block that may hold references nobody knows the place of: those that were told of. */
static reads_anything void take_holder(const struct shoal_mover *mover, const char *from,
                                       const char *end) {
    const uintptr_t pages = mover->pages, bytes = mover->page_bytes;
    struct shoal_found found;
    for (; from < end; from += sizeof(uintptr_t)) {
        uintptr_t word = *(const shoal_word *)from;
        if (word - pages >= bytes || !shoal_find(mover, word, &found)) continue;
        bool is_to_object = (found.note->marks & SHOAL_IS_OBJECT) &&
                            word == (uintptr_t)found.start + shoal_offset(found.note);
        if (!is_to_object)
            meet(found.note, SHOAL_REASON_HOLDER);
        else if (found.note->told > 0)
            found.note->told--;
        else
            shoal_keep(found.note, SHOAL_REASON_HOLDER);
    }
}

/* At all multiples of `step`, which may be less than a word. No known word is there. */
static reads_anything void take_steps(const struct shoal_mover *mover, const char *from,
                                      const char *end, size_t step, enum shoal_reason reason) {
    for (; from + sizeof(uintptr_t) <= end; from += step) {
        uintptr_t word;
        memcpy(&word, from, sizeof word);
        if (word - mover->pages < mover->page_bytes) meet_unknown(mover, word, reason);
    }
}

static void take_number(const struct shoal_mover *mover, const void *block) {
    uintptr_t addresses[2];
    unsigned count = mover->client.number_addresses(block, addresses);
    for (unsigned i = 0; i < count; i++) meet_unknown(mover, addresses[i], SHOAL_REASON_NUMBER);
}

static void take_block(const struct shoal_mover *mover, const struct shoal_note *note,
                       const char *block, size_t bytes) {
    uintptr_t second = has_mark(note) ? ((const shoal_word *)block)[1] : 0;
    if (second == mover->client.number_mark && bytes >= 2 * GRANULE_BYTES)
        take_number(mover, block);
    if (second == mover->client.code_mark)
        take_steps(mover, block, block + bytes, 2, SHOAL_REASON_CODE);
    else
        take_holder(mover, block, block + used_bytes(note, bytes));
}

static void take_blocks(const struct shoal_mover *mover) {
    for_each_block(mover, walk) {
        if (walk.note->marks & (SHOAL_IS_LAID_OUT | SHOAL_IS_TABLE)) continue;
        take_block(mover, walk.note, walk.start, walk.pool->block_bytes);
    }
}

static void take_large(const struct shoal_mover *mover, const struct shoal_moving_large *large) {
    const char *end = large->start + large->bytes;
    if (!shoal_is_read(mover, large->start)) return;
    if (((const shoal_word *)large->start)[1] == mover->client.code_mark)
        take_steps(mover, large->start, end, 2, SHOAL_REASON_CODE);
    else
        take_plain(mover, large->start, end);
}

/* ---- Elsewhere ------------------------------------------------------------------------ */

/* Compilers keep p + n or p - 8 in the place of p. */
static void take_beside(const struct shoal_mover *mover, uintptr_t word) {
    struct shoal_found at, beside;
    bool is_in = shoal_find(mover, word, &at);
    if (is_in && word == (uintptr_t)at.start) meet_unknown(mover, word - 1, SHOAL_REASON_STACK);
    if (shoal_find(mover, word + GRANULE_BYTES, &beside) && !(is_in && at.note == beside.note))
        shoal_keep(beside.note, SHOAL_REASON_STACK);
}

static reads_anything void take_stack(const struct shoal_mover *mover, const char *from,
                                      const char *end) {
    for (; from < end; from += sizeof(uintptr_t)) {
        uintptr_t word = *(const shoal_word *)from;
        if (word - mover->pages >= mover->page_bytes) continue;
        meet_unknown(mover, word, SHOAL_REASON_STACK);
        take_beside(mover, word);
    }
}

static void take_elsewhere(struct own_mover *own, const char *from, const char *end, size_t step,
                           bool is_own_stack) {
    if (is_own_stack)
        take_stack(&own->mover, from, end);
    else if (step < sizeof(uintptr_t))
        take_steps(&own->mover, from, end, step, SHOAL_REASON_OUTSIDE);
    else
        take_plain(&own->mover, from, end);
}

bool shoal_mover_scan(struct shoal_mover *mover, const void *frame) {
    struct own_mover *own = own_mover_of(mover);
    take_blocks(mover);
    for (size_t i = 0; i < own->large_count; i++) take_large(mover, &own->larges[i]);
    bool done = elsewhere_each(own, frame, take_elsewhere);
    shoal_mover_spent(mover, SHOAL_PHASE_SCAN);
    return done;
}
