#include "profile/mark.h"

#include "profile/ledger.h"
#include "shoal/profile.h"

struct mark mark;

void mark_change_unguarded(int64_t bytes) {
    int64_t live = atomic_fetch_add_explicit(&mark.unguarded_live, bytes, memory_order_relaxed);
    int64_t sum = live + bytes + mark_load(&mark.live);
    int64_t high = mark_load(&mark.unguarded_high);
    while (sum > high &&
           !atomic_compare_exchange_weak_explicit(&mark.unguarded_high, &high, sum,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* The one that the fewest bytes are live of: mostly none. */
static unsigned emptiest_site(void) {
    unsigned emptiest = 0;
    int64_t least = INT64_MAX;
    for (unsigned site = 1; site <= MARK_SITES && least > 0; site++) {
        int64_t live = shoal_profile_account(site).live;
        if (live >= least) continue;
        emptiest = site;
        least = live;
    }
    return emptiest;
}

void shoal_profile_mark(void) {
    unsigned site = ledger_has_accounts() ? emptiest_site() : 0;
    mark_store(&mark.live, 0);
    mark_store(&mark.high, 0);
    mark_store(&mark.unguarded_live, 0);
    mark_store(&mark.unguarded_high, 0);
    if (site && !mark_site()) ledger_begin();
    atomic_store_explicit(&mark.site, site, memory_order_relaxed);
}

struct shoal_marked shoal_profile_marked(void) {
    int64_t high = mark_load(&mark.high), unguarded = mark_load(&mark.unguarded_high);
    return (struct shoal_marked){
        .live = mark_load(&mark.live) + mark_load(&mark.unguarded_live),
        .high = high > unguarded ? high : unguarded,
    };
}
