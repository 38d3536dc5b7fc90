#include "profile/ledger.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/hints.h"
#include "base/os.h"
#include "profile/shadow.h"
#include "shoal/profile.h"

__thread struct tally tally;

struct atomic_account {
    _Atomic(int64_t) live, live_blocks, made, made_blocks;
};

/* By site, and only what was touched of them is resident. */
static struct accounts {
    struct shoal_account guarded[SITES_MAX + 1];
    struct atomic_account unguarded[SITES_MAX + 1];
} *accounts;
static unsigned site_count;

unsigned ledger_new_site(void) {
    if (!accounts) accounts = os_map(sizeof *accounts);
    if (!accounts) return 0;
    if (site_count < SITES_MAX) site_count++;
    return site_count;
}

static always_inline void raise_by(_Atomic(int64_t) *sum, int64_t by) {
    atomic_fetch_add_explicit(sum, by, memory_order_relaxed);
}

static always_inline void enter_made(unsigned site, int64_t bytes, bool guarded) {
    if (likely(guarded)) {
        accounts->guarded[site].made += bytes;
        accounts->guarded[site].made_blocks++;
    } else {
        raise_by(&accounts->unguarded[site].made, bytes);
        raise_by(&accounts->unguarded[site].made_blocks, 1);
    }
}

static always_inline void enter_live(unsigned site, int64_t bytes, int64_t blocks, bool guarded) {
    if (likely(guarded)) {
        accounts->guarded[site].live += bytes;
        accounts->guarded[site].live_blocks += blocks;
    } else {
        raise_by(&accounts->unguarded[site].live, bytes);
        raise_by(&accounts->unguarded[site].live_blocks, blocks);
    }
}

struct shoal_account shoal_profile_account(unsigned site) {
    struct shoal_account sum = {0};
    if (!accounts || site == 0 || site > SITES_MAX) return sum;
    sum = accounts->guarded[site];
    struct atomic_account *more = &accounts->unguarded[site];
    sum.live += more->live;
    sum.live_blocks += more->live_blocks;
    sum.made += more->made;
    sum.made_blocks += more->made_blocks;
    return sum;
}

/* ---- Blocks ------------------------------------------------------------------- */

static size_t (*size_of_block)(const void *block);
static bool some_sizes_are_unknown;

void shoal_profile_size_blocks_by(size_t (*size_of)(const void *block), int knows_all) {
    size_of_block = size_of;
    some_sizes_are_unknown = size_of && !knows_all;
}

/* Live bytes of pooled blocks, as the allocator rounds them, of guarded calls. */
static int64_t pooled;
static size_t pooled_max;
static size_t (*pooled_bytes)(size_t bytes);

void shoal_profile_round_blocks_by(size_t most, size_t (*rounded)(size_t bytes)) {
    pooled_max = most;
    pooled_bytes = rounded;
}

int64_t shoal_profile_pooled(void) { return pooled; }

/* Blocks too large for pools that came or went: each may have been a mapping. */
static _Atomic(int64_t) large_changes;

int64_t shoal_profile_large_changes(void) {
    return atomic_load_explicit(&large_changes, memory_order_relaxed);
}

static always_inline void add_pooled(size_t bytes, int64_t sign, bool guarded) {
    enum { EVEN_MAX = 512 }; /* up to here allocators round to 16 */
    if (unlikely(bytes > pooled_max)) {
        raise_by(&large_changes, 1);
        return;
    }
    if (unlikely(!guarded)) return;
    size_t rounded = likely(bytes <= EVEN_MAX) ? (bytes + 15) & ~(size_t)15 : pooled_bytes(bytes);
    pooled += sign * (int64_t)rounded;
}

/* Of a block without a note. */
static size_t told_bytes(const void *block) { return size_of_block ? size_of_block(block) : 0; }

/* Whether a block counts that no line takes. */
static always_inline bool will_be_known(const void *block) {
    return likely(!some_sizes_are_unknown) || told_bytes(block) > 0;
}

static always_inline void take_net(size_t bytes, bool guarded) {
    add_pooled(bytes, 1, guarded);
    tally.net += (int64_t)bytes;
    if (tally.net > tally.high) tally.high = tally.net;
}

static always_inline void give_net(size_t bytes, bool guarded) {
    add_pooled(bytes, -1, guarded);
    tally.net -= (int64_t)bytes;
}

static always_inline void note_block(const void *block, size_t bytes, unsigned site, bool guarded) {
    struct note note = {bytes, site};
    if (shadow_note(block, &note)) enter_live(note.site, (int64_t)bytes, 1, guarded);
}

static always_inline bool take_note(const void *block, struct note *note, bool guarded) {
    if (!shadow_forget(block, note)) return false;
    if (likely(note->site)) enter_live(note->site, -(int64_t)note->bytes, -1, guarded);
    return true;
}

void shoal_profile_took(const void *block, size_t bytes, int guarded) {
    if (bytes == 0) bytes = 1; /* a note has no 0 */
    if (tally.site || will_be_known(block)) take_net(bytes, guarded);
    if (!tally.site) return;
    enter_made(tally.site, (int64_t)bytes, guarded);
    note_block(block, bytes, tally.site, guarded);
}

/* The bytes and the site of a block that goes; its note goes first: once the
 * block is free or has moved, another thread may have been given its place. */
static always_inline struct shoal_profile_note take_off(const void *block, bool guarded) {
    struct note note;
    if (likely(take_note(block, &note, guarded)))
        return (struct shoal_profile_note){note.bytes, note.site};
    size_t bytes = told_bytes(block);
    if (bytes == 0) raise_by(&large_changes, 1); /* may have been a mapping */
    return (struct shoal_profile_note){bytes, 0};
}

void shoal_profile_gave(const void *block, int guarded) {
    if (block) give_net(take_off(block, guarded).bytes, guarded);
}

/* What it took away from the open line it gives back. That it raised the highest
 * point is only known while the thread stands there. */
void shoal_profile_disown(const void *block, size_t bytes) {
    struct note note = {told_bytes(block), 0}, nobodys = {0, 0};
    bool is_noted = shadow_look(block, &note), stands_highest = tally.high == tally.net;
    if (is_noted ? note.site == 0 : bytes <= 16) return;
    if (is_noted) {
        take_note(block, &note, true);
        accounts->guarded[note.site].made -= (int64_t)note.bytes;
        accounts->guarded[note.site].made_blocks--;
    }
    give_net(note.bytes, true);
    if (stands_highest) tally.high = tally.net;
    if (bytes > 16) shadow_note(block, &nobodys);
}

struct shoal_profile_note shoal_profile_resizing(const void *block, int guarded) {
    return take_off(block, guarded);
}

void shoal_profile_resized(struct shoal_profile_note before, const void *block, const void *resized,
                           size_t bytes, int guarded) {
    if (!resized) {
        if (before.site) note_block(block, before.bytes, before.site, guarded);
        return;
    }
    if (bytes == 0) bytes = 1;
    unsigned site = tally.site ? tally.site : before.site;
    give_net(before.bytes, guarded);
    if (site || will_be_known(resized)) take_net(bytes, guarded);
    if (!site) return;
    if (tally.site && bytes > before.bytes)
        enter_made(site, (int64_t)(bytes - before.bytes), guarded);
    note_block(resized, bytes, site, guarded);
}

size_t ledger_bytes(void) { return accounts ? sizeof *accounts : 0; }

/* The accounts of the sites there are; seldom are there any of the unguarded. */
static size_t ledger_resident(void) {
    size_t bytes = accounts ? (site_count + 1) * sizeof(struct shoal_account) : 0;
    return (bytes + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1);
}

size_t shoal_profile_own_bytes(void) { return shadow_bytes() + ledger_bytes(); }

size_t shoal_profile_own_resident(void) { return shadow_resident() + ledger_resident(); }
