#include "heap/records.h"

#include <errno.h>

#include "heap/arena.h"
#include "heap/run_list.h"

enum { BATCH = 128 }; /* ranges a system call: 2 KiB of stack */

struct batch {
    struct os_range ranges[BATCH];
    size_t count;
};

static void batch_end(struct batch *batch) {
    if (batch->count) os_purge(batch->ranges, batch->count);
    batch->count = 0;
}

/* The first and the last record of a run stay. */
static void batch_add(struct batch *batch, struct pool *run) {
    uintptr_t from = whole_pages((uintptr_t)(run + 1));
    uintptr_t end = (uintptr_t)(run + run->run_pages - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
    if (from >= end) return;
    batch->ranges[batch->count++] = (struct os_range){(void *)from, end - from};
    if (batch->count == BATCH) batch_end(batch);
}

void arenas_return_records(struct arenas *arenas) {
    struct batch batch = {.count = 0};
    int saved_errno = errno; /* free() leaves it alone */
    arenas->new_clean = 0;
    for (unsigned i = run_list_of(RECORDS_A_PAGE); i < RUN_LISTS; i++)
        for (struct pool *run = arenas->clean[i].next; run != &arenas->clean[i]; run = run->next)
            batch_add(&batch, run);
    batch_end(&batch);
    errno = saved_errno;
}
