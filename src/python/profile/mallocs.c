#include "mallocs.h"

#include "domains.h"
#include "shoal/heap.h"
#include "shoal/profile.h"

#define seldom(condition) __builtin_expect(!!(condition), 0)

enum { UNGUARDED = 0 }; /* C code may ask without the interpreter lock, from any thread */

static void *took(void *block, size_t bytes) {
    if (domains_are_inside || seldom(shoal_profile_is_idle())) return block;
    return shoal_profile_took(block, bytes, UNGUARDED);
}

/* While idle, of blocks that go only those with a note matter. */
static int matters(const void *block) {
    if (domains_are_inside) return 0;
    return !seldom(shoal_profile_is_idle()) || shoal_profile_is_noted(block);
}

static void gives(void *block) {
    if (matters(block)) shoal_profile_gave(block, UNGUARDED);
}

static void *resizes(void *block, size_t bytes, void *(*by)(void *block, size_t bytes)) {
    if (!matters(block)) return by(block, bytes);
    struct shoal_profile_note note = shoal_profile_resizing(block, UNGUARDED);
    domains_are_inside = 1;
    void *resized = by(block, bytes);
    domains_are_inside = 0;
    shoal_profile_resized(note, block, resized, bytes, UNGUARDED);
    return resized;
}

void mallocs_tell(enum mallocs mallocs) {
    static const struct shoal_watcher of_all = {took, gives, resizes};
    static const struct shoal_watcher of_those_that_go = {NULL, gives, resizes};
    static const struct shoal_watcher *const watchers[] = {
        [MALLOCS_THAT_GO] = &of_those_that_go,
        [MALLOCS_ALL] = &of_all,
    };
    if (shoal_serves_malloc()) shoal_watch(watchers[mallocs]);
}
