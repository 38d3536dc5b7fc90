#include "heap/watch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "heap/arena.h"
#include "heap/process.h"

size_t untold_small = SMALL_MAX + 1;
size_t untold_pooled = POOLED_MAX + 1;
size_t untold_resized = SIZE_MAX;

static _Atomic(const struct shoal_watcher *) watcher;
static __thread int looks_away;

const struct shoal_watcher *watch_now(void) {
    return looks_away ? NULL : atomic_load_explicit(&watcher, memory_order_acquire);
}

void watch_look_away(void) { looks_away++; }
void watch_look_again(void) { looks_away--; }

static void tell_of_taken(bool are_told) {
    untold_small = are_told ? 0 : SMALL_MAX + 1;
    untold_pooled = are_told ? 0 : POOLED_MAX + 1;
}

/* free() takes its fast path for blocks of the first arena. */
static void tell_of_gone(bool are_told) {
    untold_resized = are_told ? 0 : SIZE_MAX;
    arenas_open_fast_path(&shared_arenas, !are_told);
}

/* Who gives is watched first and longest: a block that was told of is not to go untold. */
void shoal_watch(const struct shoal_watcher *who) {
    process_init();
    if (!who) {
        tell_of_taken(false);
        tell_of_gone(false);
    }
    atomic_store_explicit(&watcher, who, memory_order_release);
    if (!who) return;
    tell_of_gone(true);
    tell_of_taken(who->took != NULL);
}
