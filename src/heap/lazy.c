#include "heap/lazy.h"

#include <errno.h>

#include "heap/arena.h"
#include "heap/run_list.h"

enum {
    LAZY_RUNS = 128, /* runs a system call: 3 KiB of stack                      */
    LOOKS = 8192,    /* runs looked at for one call: it costs more than that    */
    WORTH_PAGES = 64, /* a call that makes fewer lazy is the last                */
    EAGER_PART = 4,  /* a run is worth it when so large a part of it is eager   */
};

struct batch {
    struct pool *runs[LAZY_RUNS];
    struct os_range ranges[LAZY_RUNS];
    size_t count;
    size_t eager; /* pages that will be lazy and are not yet */
};

static bool is_worth_it(const struct pool *run) {
    return (run->run_pages - run_lazy_pages(run)) * EAGER_PART > run->run_pages;
}

static void batch_add(struct batch *batch, struct arenas *arenas, struct pool *run) {
    size_t pages = run->run_pages;
    batch->eager += pages - run_lazy_pages(run);
    run_unlink(arenas, run);
    run_set_busy(arenas, run, pages);
    batch->ranges[batch->count] = (struct os_range){run_start(arenas, run), pages << PAGE_SHIFT};
    batch->runs[batch->count++] = run;
}

/* Marks runs of about `pages` eager pages busy, the longest first. */
static void batch_fill(struct batch *batch, struct arenas *arenas, size_t pages) {
    int looks = LOOKS;
    for (uint64_t lists = arenas->dirty_lists; lists;) {
        struct pool *head = run_longest(arenas->dirty, lists), *next;
        lists &= ~(1ull << (head - arenas->dirty));
        for (struct pool *run = head->next; run != head; run = next) {
            next = run->next;
            if (looks-- == 0 || batch->count == LAZY_RUNS) return;
            if (!is_worth_it(run)) continue;
            batch_add(batch, arenas, run);
            if (batch->eager >= pages) return;
        }
    }
}

/* Links the runs again; those that the system refused, of locked memory, too: to
 * ask once more would be in vain. */
static void batch_relink(const struct batch *batch, struct arenas *arenas) {
    for (size_t i = 0; i < batch->count; i++) {
        struct pool *run = batch->runs[i];
        size_t pages = run->run_pages;
        run_end_busy(run);
        run->lazy_pages = LAZY_ALL;
        run_link_merged(arenas, run, pages, PAGE_DIRTY);
    }
}

void arenas_make_lazy(struct arenas *arenas, size_t pages) {
    struct batch batch;
    int saved_errno = errno; /* free() leaves it alone */
    do {
        batch.count = batch.eager = 0;
        batch_fill(&batch, arenas, pages);
        if (batch.count == 0) break;
        arenas_unlock(arenas);
        os_purge_lazily(batch.ranges, batch.count);
        arenas_lock(arenas);
        batch_relink(&batch, arenas);
        pages -= batch.eager < pages ? batch.eager : pages;
    } while (pages > 0 && batch.eager >= WORTH_PAGES);
    errno = saved_errno;
}
