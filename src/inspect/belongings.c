#include "inspect/belongings.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/grow.h"
#include "inspect/words.h"

enum {
    LINKS_MAX = 1 << 20, /* of all chains: each may cost a call of the system */
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
    ADDRESS_BITS = 48,
    GRANULE_BITS = 4, /* within 16 bytes the order does not matter: blocks begin at multiples */
};

void belongings_init(struct belongings *belongings, struct remote *remote) {
    *belongings = (struct belongings){.remote = remote, .links_left = LINKS_MAX};
}

void belongings_end(struct belongings *belongings) { free(belongings->claims); }

static void claim(struct belongings *belongings, uint64_t at, int32_t type) {
    if (at < REMOTE_PAGE || at >> ADDRESS_BITS) return;
    if (grow(&belongings->claims, &belongings->room, belongings->count, sizeof *belongings->claims))
        belongings->claims[belongings->count++] = (struct claim){at, type};
    else
        belongings->is_out_of_memory = true;
}

/* Blocks of which each leads to the next, by a word `next_at` bytes into it. */
static void claim_chain(struct belongings *belongings, uint64_t first, uint64_t last,
                        uint32_t next_at, int32_t type) {
    for (uint64_t at = first; at && belongings->links_left > 0; belongings->links_left--) {
        claim(belongings, at, type);
        if (at == last || !remote_word(belongings->remote, at + next_at, &at)) return;
    }
}

void belongings_add(struct belongings *belongings, const struct type_table *table, int32_t type,
                    const uint8_t *copy, uint32_t at, uint32_t bytes) {
    const struct type *of = &table->types[type];
    const struct holding *holding = of->holding;
    if (of->has_values) claim(belongings, word_of(copy, at - table->layout->values_before), type);
    if (of->is_type && at + table->layout->qualname_at + 16 <= bytes) /* its instances' keys */
        claim(belongings, word_of(copy, at + table->layout->qualname_at + 8), type);
    if (!holding) return;
    for (size_t i = 0; i < HOLDING_POINTERS && holding->at[i]; i++)
        if (at + holding->at[i] + 8 <= bytes)
            claim(belongings, word_of(copy, at + holding->at[i]), type);
    if (holding->next_at && at + holding->last_at + 8 <= bytes)
        claim_chain(belongings, word_of(copy, at + holding->first_at),
                    word_of(copy, at + holding->last_at), holding->next_at, type);
}

/* ---- Sorted ----------------------------------------------------------------------- */

static void sort_by_digit(const struct claim *from, struct claim *to, size_t count,
                          unsigned shift) {
    size_t starts[DIGITS] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++) starts[from[i].at >> shift & (DIGITS - 1)]++;
    for (size_t i = 0; i < DIGITS; i++) {
        size_t here = starts[i];
        starts[i] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++) to[starts[from[i].at >> shift & (DIGITS - 1)]++] = from[i];
}

/* By address, digit after digit: there may be as many as objects. */
bool belongings_sort(struct belongings *belongings) {
    size_t count = belongings->count;
    if (belongings->is_out_of_memory) return false;
    if (count == 0) return true;
    struct claim *from = belongings->claims, *to = malloc(count * sizeof *to);
    if (!to) return false;
    for (unsigned shift = GRANULE_BITS; shift < ADDRESS_BITS; shift += DIGIT_BITS) {
        sort_by_digit(from, to, count, shift);
        struct claim *sorted = to;
        to = from;
        from = sorted;
    }
    free(to);
    belongings->claims = from;
    belongings->room = count;
    return true;
}

static size_t first_from(const struct belongings *belongings, uint64_t at) {
    size_t low = 0, high = belongings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (belongings->claims[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t belongings_owner(struct belongings *belongings, uint64_t at, uint64_t bytes) {
    enum { STEPS = 64 };
    const struct claim *claims = belongings->claims;
    size_t cursor = belongings->cursor, count = belongings->count, steps = 0;
    if (cursor > 0 && claims[cursor - 1].at >= at) cursor = first_from(belongings, at);
    while (cursor < count && claims[cursor].at < at && steps++ < STEPS) cursor++;
    if (cursor < count && claims[cursor].at < at) cursor = first_from(belongings, at);
    belongings->cursor = cursor;
    if (cursor == count || claims[cursor].at - at >= bytes) return TYPE_NONE;
    return (int32_t)claims[cursor].type;
}
