#include "profile/ledger.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/hints.h"
#include "base/os.h"
#include "profile/mark.h"
#include "profile/shadow.h"
#include "shoal/profile.h"

__thread struct tally tally;

/* Of a site, all that ever came and went: what a block costs is two sums when it
 * comes and two when it goes. `again` is the part of `came` that was not made,
 * since it had been another's, or the same block's, before that was resized. */
struct sums {
    int64_t came, came_blocks, went, went_blocks, again, again_blocks;
};

struct atomic_sums {
    _Atomic(int64_t) came, came_blocks, went, went_blocks, again, again_blocks;
};

/* By site, and only what was touched of them is resident. */
static struct accounts {
    struct sums guarded[SITES_MAX + 1];
    struct atomic_sums unguarded[SITES_MAX + 1];
} *accounts;
static unsigned site_count = MARK_SITES;

bool ledger_has_accounts(void) {
    if (!accounts) accounts = os_map(sizeof *accounts);
    return accounts;
}

unsigned ledger_new_site(void) {
    if (!ledger_has_accounts()) return 0;
    if (site_count < SITES_MAX) site_count++;
    return site_count;
}

static always_inline void raise_by(_Atomic(int64_t) *sum, int64_t by) {
    atomic_fetch_add_explicit(sum, by, memory_order_relaxed);
}

#define RAISE(site, bytes, blocks, sum) \
    do { \
        if (likely(guarded)) { \
            accounts->guarded[site].sum += (bytes); \
            accounts->guarded[site].sum##_blocks += (blocks); \
        } else { \
            raise_by(&accounts->unguarded[site].sum, bytes); \
            raise_by(&accounts->unguarded[site].sum##_blocks, blocks); \
        } \
    } while (0)

static always_inline void enter_came(unsigned site, size_t bytes, bool guarded) {
    RAISE(site, (int64_t)bytes, 1, came);
}

static always_inline void enter_went(unsigned site, size_t bytes, bool guarded) {
    RAISE(site, (int64_t)bytes, 1, went);
}

static always_inline void enter_again(unsigned site, size_t bytes, int64_t blocks, bool guarded) {
    RAISE(site, (int64_t)bytes, blocks, again);
}

/* ---- Idle or not ----------------------------------------------------------------- */

atomic_int ledger_busy;
static void (*begin_telling)(void);

void shoal_profile_begin_by(void (*begin)(void)) { begin_telling = begin; }

/* Blocks too large for pools that came or went: each may have been a mapping. */
static _Atomic(int64_t) large_changes;

int64_t shoal_profile_large_changes(void) {
    return atomic_load_explicit(&large_changes, memory_order_relaxed);
}

/* What came and went while it was idle nobody knows. */
void ledger_begin(void) {
    if (atomic_fetch_add(&ledger_busy, 1) > 0) return;
    raise_by(&large_changes, 1);
    if (begin_telling) begin_telling();
}

void ledger_end(void) { atomic_fetch_sub(&ledger_busy, 1); }

static always_inline bool is_idle(void) {
    return atomic_load_explicit(&ledger_busy, memory_order_relaxed) == 0;
}

int shoal_profile_is_idle(void) { return is_idle(); }

/* Those of site 0, nobody's, too. */
int64_t shoal_profile_noted_blocks(void) {
    int64_t blocks = 0;
    for (unsigned site = 0; site <= site_count; site++)
        blocks += shoal_profile_account(site).live_blocks;
    return blocks;
}

struct shoal_account shoal_profile_account(unsigned site) {
    if (!accounts || site > SITES_MAX) return (struct shoal_account){0};
    const struct sums *sums = &accounts->guarded[site];
    struct atomic_sums *more = &accounts->unguarded[site];
    int64_t came = sums->came + more->came, came_blocks = sums->came_blocks + more->came_blocks;
    return (struct shoal_account){
        .live = came - sums->went - more->went,
        .live_blocks = came_blocks - sums->went_blocks - more->went_blocks,
        .made = came - sums->again - more->again,
        .made_blocks = came_blocks - sums->again_blocks - more->again_blocks,
    };
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

enum { EVEN_MAX = 512 }; /* up to here allocators round to 16 */

static always_inline void add_pooled(size_t bytes, int64_t sign, bool guarded) {
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if (unlikely(bytes > EVEN_MAX)) {
        if (bytes > pooled_max) {
            raise_by(&large_changes, 1);
            return;
        }
        rounded = pooled_bytes(bytes);
    }
    if (likely(guarded)) pooled += sign * (int64_t)rounded;
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

/* False when there is no memory for it. */
static always_inline bool note_block(const void *block, struct note *note, bool guarded) {
    if (!shadow_note(block, note)) return false;
    enter_came(note->site, note->bytes, guarded);
    if (mark_counts(note->site)) mark_change((int64_t)note->bytes, guarded);
    return true;
}

static always_inline bool take_note(const void *block, struct note *note, bool guarded) {
    if (!shadow_forget(block, note)) return false;
    enter_went(note->site, note->bytes, guarded);
    if (mark_counts(note->site)) mark_change(-(int64_t)note->bytes, guarded);
    return true;
}

/* Whose blocks those are that the thread asks for now, 0 for nobody's. */
static always_inline unsigned site_now(void) { return tally.site ? tally.site : mark_site(); }

static always_inline void *took_now(void *block, size_t bytes, bool guarded) {
    struct note note = {bytes, site_now()};
    if (likely(note.site) || will_be_known(block)) take_net(bytes, guarded);
    if (note.site) note_block(block, &note, guarded);
    return block;
}

static never_inline void *took_unusual(void *block, size_t bytes, bool guarded) {
    if (bytes == 0) bytes = 1; /* a note has no 0 */
    return took_now(block, bytes, guarded);
}

/* The branches that small blocks do not have are left out here. */
static always_inline void *took(void *block, size_t bytes, bool guarded) {
    if (unlikely(!block)) return NULL;
    if (unlikely(bytes - 1 >= EVEN_MAX)) return took_unusual(block, bytes, guarded);
    return took_now(block, bytes, guarded);
}

/* Apart, so that its caller can end with it, and in one piece. */
__attribute__((noinline, flatten)) void *shoal_profile_took(void *block, size_t bytes,
                                                            int guarded) {
    return likely(guarded) ? took(block, bytes, true) : took(block, bytes, false);
}

/* The bytes and the site of a block that goes; its note goes first: once the
 * block is free or has moved, another thread may have been given its place. */
static always_inline struct shoal_profile_note take_off(const void *block, bool guarded) {
    struct note note;
    if (likely(take_note(block, &note, guarded)))
        return (struct shoal_profile_note){note.bytes, note.site};
    size_t bytes = is_idle() ? 0 : told_bytes(block);
    if (bytes == 0) raise_by(&large_changes, 1); /* may have been a mapping */
    return (struct shoal_profile_note){bytes, 0};
}

void shoal_profile_gave(const void *block, int guarded) {
    if (!block) return;
    give_net(take_off(block, guarded).bytes, guarded);
}

/* What it took away from the open line it gives back. That it raised the highest
 * point is only known while the thread stands there. */
void shoal_profile_disown(const void *block, size_t bytes) {
    if (is_idle() || !ledger_has_accounts()) return; /* idle: it was not told of */
    struct note note = {told_bytes(block), 0}, nobodys = {0, 0};
    bool is_noted = shadow_look(block, &note), stands_highest = tally.high == tally.net;
    if (is_noted ? note.site == 0 : bytes <= 16) return;
    if (is_noted) {
        take_note(block, &note, true);
        enter_again(note.site, note.bytes, 1, true);
    }
    give_net(note.bytes, true);
    if (stands_highest) tally.high = tally.net;
    if (bytes > 16) note_block(block, &nobodys, true);
}

struct shoal_profile_note shoal_profile_resizing(const void *block, int guarded) {
    return take_off(block, guarded);
}

void shoal_profile_resized(struct shoal_profile_note before, const void *block, const void *resized,
                           size_t bytes, int guarded) {
    unsigned now = resized ? site_now() : 0;
    if (bytes == 0) bytes = 1;
    if (resized) {
        give_net(before.bytes, guarded);
        if (now || before.site || will_be_known(resized)) take_net(bytes, guarded);
    } else {
        resized = block;
        bytes = before.bytes;
    }
    struct note note = {bytes, now ? now : before.site};
    if (!note.site || !note_block(resized, &note, guarded)) return;
    bool has_grown = now && bytes > before.bytes;
    enter_again(note.site, has_grown ? before.bytes : bytes, !has_grown, guarded);
}

size_t ledger_bytes(void) { return accounts ? sizeof *accounts : 0; }

/* The accounts of the sites there are; seldom are there any of the unguarded. */
static size_t ledger_resident(void) {
    size_t bytes = accounts ? (site_count + 1) * sizeof(struct sums) : 0;
    return (bytes + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1);
}

size_t shoal_profile_own_bytes(void) { return shadow_bytes() + ledger_bytes(); }

size_t shoal_profile_own_resident(void) { return shadow_resident() + ledger_resident(); }
