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
static atomic_uint unguarded_sites; /* from 0, that an unguarded call had a block of */

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

static always_inline int64_t now(_Atomic(int64_t) *sum) {
    return atomic_load_explicit(sum, memory_order_relaxed);
}

/* Two threads at once may leave it at the smaller: a page too few in what is the profiler's own. */
static never_inline void touch_unguarded(unsigned site) {
    atomic_store_explicit(&unguarded_sites, site + 1, memory_order_relaxed);
}

static always_inline void enter_unguarded(unsigned site) {
    if (unlikely(site >= atomic_load_explicit(&unguarded_sites, memory_order_relaxed)))
        touch_unguarded(site);
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
    if (!guarded) enter_unguarded(site);
    RAISE(site, (int64_t)bytes, 1, came);
}

static always_inline void enter_went(unsigned site, size_t bytes, bool guarded) {
    RAISE(site, (int64_t)bytes, 1, went);
}

static always_inline void enter_again(unsigned site, size_t bytes, int64_t blocks, bool guarded) {
    RAISE(site, (int64_t)bytes, blocks, again);
}

/* ---- What is live -----------------------------------------------------------------
 *
 * By what is told, and where nobody told of it by what the allocator says now and then. */

int64_t ledger_live_guarded;
_Atomic(int64_t) ledger_live_unguarded;
static int64_t pooled;         /* of guarded calls, as the allocator rounds */
static _Atomic(int64_t) large; /* of all calls, as the allocator rounds     */
static size_t pooled_max;
static size_t (*rounded_bytes)(size_t bytes);

/* Blocks too large for pools that came or went: each may have been a mapping. */
static _Atomic(int64_t) large_changes;

void shoal_profile_round_blocks_by(size_t most, size_t (*rounded)(size_t bytes)) {
    pooled_max = most;
    rounded_bytes = rounded;
}

int64_t shoal_profile_pooled(void) { return pooled; }

int64_t shoal_profile_large_changes(void) { return now(&large_changes); }

enum { EVEN_MAX = 512 }; /* up to here allocators round to 16 */

static never_inline void add_large(size_t rounded, int64_t sign) {
    raise_by(&large_changes, 1);
    raise_by(&large, sign * (int64_t)rounded);
}

static always_inline void add_live(size_t bytes, int64_t sign, bool guarded) {
    if (likely(guarded))
        ledger_live_guarded += sign * (int64_t)bytes;
    else
        raise_by(&ledger_live_unguarded, sign * (int64_t)bytes);
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if (unlikely(bytes > EVEN_MAX)) {
        if (rounded_bytes) rounded = rounded_bytes(bytes);
        if (bytes > pooled_max) {
            add_large(rounded, sign);
            return;
        }
    }
    if (likely(guarded)) pooled += sign * (int64_t)rounded;
}

static void (*ask_live)(struct shoal_profile_live *live);

void shoal_profile_ask_live_by(void (*ask)(struct shoal_profile_live *live)) {
    struct shoal_profile_live said;
    ask(&said);
    pooled = said.pooled;
    large = said.large;
    ask_live = ask;
}

static void take_what_is_said(void) {
    struct shoal_profile_live said;
    ask_live(&said);
    ledger_live_guarded += said.pooled - pooled;
    pooled = said.pooled;
    if (said.large == SHOAL_NOT_KNOWN) return;
    ledger_live_guarded += said.large - now(&large);
    atomic_store_explicit(&large, said.large, memory_order_relaxed);
}

/* Freed without a note since it was asked: what nobody told of may be as much. */
static int64_t freed_untold;

static uint64_t asked_at, asking_took;

/* Whether it is time to ask again: sooner where it matters. */
static bool is_due(void) {
    enum { REST = 100, LEAST_REST = 20, FEW = 128 };
    uint64_t rested = os_nanoseconds() - asked_at;
    if (rested < LEAST_REST * asking_took) return false;
    return rested >= REST * asking_took || freed_untold > pooled / FEW;
}

static void catch_up(void) {
    uint64_t begun = os_thread_nanoseconds();
    take_what_is_said();
    freed_untold = 0;
    asking_took = os_thread_nanoseconds() - begun;
    asked_at = os_nanoseconds();
}

/* ---- Idle or not ----------------------------------------------------------------- */

atomic_int ledger_busy;
static void (*begin_telling)(void);

void shoal_profile_begin_by(void (*begin)(void)) { begin_telling = begin; }

/* What came and went while it was idle nobody told of. */
void ledger_begin(void) {
    if (atomic_fetch_add(&ledger_busy, 1) > 0) return;
    raise_by(&large_changes, 1);
    if (ask_live && is_due()) catch_up();
    if (begin_telling) begin_telling();
}

void ledger_end(void) { atomic_fetch_sub(&ledger_busy, 1); }

static always_inline bool is_idle(void) {
    return atomic_load_explicit(&ledger_busy, memory_order_relaxed) == 0;
}

void ledger_catch_up(void) {
    if (is_idle() && ask_live && freed_untold > 0) catch_up();
}

int shoal_profile_is_idle(void) { return is_idle(); }

/* Those of site 0, nobody's, too. */
int64_t shoal_profile_noted_blocks(void) {
    int64_t blocks = 0;
    for (unsigned site = 0; site <= site_count; site++)
        blocks += shoal_profile_account(site).live_blocks;
    return blocks;
}

int64_t ledger_live_of(unsigned site) {
    const struct sums *sums = &accounts->guarded[site];
    struct atomic_sums *more = &accounts->unguarded[site];
    return sums->came - sums->went + now(&more->came) - now(&more->went);
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

void shoal_profile_size_blocks_by(size_t (*size_of)(const void *block)) { size_of_block = size_of; }

/* Of a block without a note. */
static size_t told_bytes(const void *block) { return size_of_block ? size_of_block(block) : 0; }

/* Of a block that no line takes: as much as will be told when it goes. */
static size_t unnoted_bytes(const void *block, size_t bytes) {
    return size_of_block ? size_of_block(block) : bytes;
}

static always_inline void take_net(size_t bytes, bool guarded) {
    add_live(bytes, 1, guarded);
    tally.net += (int64_t)bytes;
    if (tally.net > tally.high) tally.high = tally.net;
}

static always_inline void give_net(size_t bytes, bool guarded) {
    add_live(bytes, -1, guarded);
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
    take_net(likely(note.site) ? bytes : unnoted_bytes(block, bytes), guarded);
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

int shoal_profile_has_line(void) { return tally.site != 0; }

/* All that is unusual is left to the caller: then no register need be saved. */
__attribute__((flatten)) int shoal_profile_took_usual(const void *block, size_t bytes) {
    enum { LEAST = 17 };
    if (unlikely(bytes - LEAST > EVEN_MAX - LEAST) || unlikely(mark_site() != 0)) return false;
    if (!shadow_note_usual(block, tally.site, bytes)) return false;
    take_net(bytes, true);
    enter_came(tally.site, bytes, true);
    return true;
}

__attribute__((flatten)) int shoal_profile_gave_usual(const void *block) {
    struct note note;
    if (unlikely(mark_site() != 0) || !shadow_forget_usual(block, EVEN_MAX, &note)) return false;
    give_net(note.bytes, true);
    enter_went(note.site, note.bytes, true);
    return true;
}

/* The bytes and the site of a block that goes; its note goes first: once the
 * block is free or has moved, another thread may have been given its place. */
static always_inline struct shoal_profile_note take_off(const void *block, bool guarded) {
    struct note note;
    if (likely(take_note(block, &note, guarded)))
        return (struct shoal_profile_note){note.bytes, note.site};
    size_t bytes = is_idle() ? 0 : told_bytes(block);
    if (guarded) freed_untold += (int64_t)bytes;
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

void shoal_profile_forget(const void *block) {
    struct note note;
    take_note(block, &note, true);
}

int shoal_profile_is_nobodys(const void *block) {
    struct note note;
    return shadow_look(block, &note) && note.site == 0;
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
        take_net(now || before.site ? bytes : unnoted_bytes(resized, bytes), guarded);
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

static size_t whole_pages(size_t sites) {
    return (sites * sizeof(struct sums) + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1);
}

/* The accounts of the sites there are, and of the unguarded those up to the last. */
static size_t ledger_resident(void) {
    return accounts ? whole_pages(site_count + 1) + whole_pages(unguarded_sites) : 0;
}

size_t shoal_profile_own_bytes(void) { return shadow_bytes() + ledger_bytes(); }

size_t shoal_profile_own_resident(void) { return shadow_resident() + ledger_resident(); }
