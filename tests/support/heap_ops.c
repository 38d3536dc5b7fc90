#include "heap_ops.h"

#include <errno.h>
#include <pthread.h>
#include <shoal/heap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"

/* More than this many live bytes and an allocation frees its slot instead, so
 * that no input can exhaust the machine. */
#define LIVE_LIMIT ((size_t)64 << 20)

struct slot {
    unsigned char *block; /* NULL: the slot is empty           */
    size_t size;          /* bytes asked for and filled        */
    size_t usable;        /* bytes, as the heap told           */
    uint32_t tag;         /* of the pattern in it              */
};

static struct {
    struct slot slots[HEAP_OPS_SLOTS];
    size_t live;        /* bytes: the usable sizes of all slots */
    size_t foreign;     /* live bytes before the run            */
    uint32_t last_tag;
} run;

static void fail(const char *what, const struct slot *slot) {
    fprintf(stderr, "heap_ops: %s (slot %td, block %p, %zu bytes, usable %zu)\n", what,
            slot ? slot - run.slots : -1, slot ? (void *)slot->block : NULL, slot ? slot->size : 0,
            slot ? slot->usable : 0);
    abort();
}

size_t heap_ops_size(uint8_t op, uint8_t low, uint8_t high) {
    size_t size = low | (size_t)high << 8;
    switch (op >> 3 & 3) {
    case 0:
        return size % 513;
    case 1:
        return size % 4200;
    case 2:
        return size % 40000;
    default:
        return size * 16;
    }
}

/* ---- One slot ------------------------------------------------------------ */

static void verify(const struct slot *slot) {
    if (slot->block && !pattern_holds(slot->block, slot->size, slot->size, slot->tag))
        fail("the block's contents changed", slot);
}

static void forget(struct slot *slot) {
    run.live -= slot->usable;
    memset(slot, 0, sizeof(*slot));
}

static void drop(struct slot *slot) {
    if (!slot->block) return;
    verify(slot);
    unsigned char *block = slot->block;
    forget(slot);
    errno = E2BIG;
    shoal_free(block);
    if (errno != E2BIG) fail("shoal_free changed errno", slot);
}

/* Records `block` in an empty slot and fills it. */
static void hold(struct slot *slot, void *block, size_t size, size_t alignment) {
    slot->block = block;
    slot->size = size;
    if (!block) fail("no memory", slot);
    slot->usable = shoal_usable_size(block);
    if (slot->usable < size) fail("the usable size is less than what was asked for", slot);
    if ((uintptr_t)block % alignment != 0) fail("the block is not aligned", slot);
    slot->tag = ++run.last_tag;
    run.live += slot->usable;
    pattern_fill(block, size, slot->tag);
}

static void resize(struct slot *slot, size_t size) {
    struct slot old = *slot;
    verify(slot);
    forget(slot);
    void *block = shoal_realloc(old.block, size);
    if (old.block && size == 0) {
        if (block) fail("shoal_realloc(block, 0) is not NULL", &old);
        return;
    }
    size_t kept = old.size < size ? old.size : size;
    if (old.block && block && !pattern_holds(block, old.size, kept, old.tag))
        fail("shoal_realloc lost contents", &old);
    hold(slot, block, size, 16);
}

static void clear(struct slot *slot, size_t size) {
    size_t count = size % 7 + 1;
    size /= count;
    void *block = shoal_calloc(count, size);
    size *= count;
    slot->block = block;
    slot->size = size;
    if (block && !pattern_is_zero(block, size))
        fail("shoal_calloc gave a block that is not zero", slot);
    hold(slot, block, size, 16);
}

static void align(struct slot *slot, size_t size) {
    size_t alignment = (size_t)1 << (size % 17);
    void *block = shoal_aligned_alloc(alignment, size);
    hold(slot, block, size, alignment);
}

/* ---- Many slots ---------------------------------------------------------- */

static struct slot *slot_at(size_t index) { return &run.slots[index % HEAP_OPS_SLOTS]; }

static void drop_all(void) {
    for (size_t i = 0; i < HEAP_OPS_SLOTS; i++) drop(slot_at(i));
}

static void burst_malloc(size_t first, size_t size, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = slot_at(first + i);
        if (!slot->block && run.live < LIVE_LIMIT) hold(slot, shoal_malloc(size), size, 16);
    }
}

static void burst_free(size_t first, size_t step, size_t count) {
    for (size_t i = 0; i < count; i++) drop(slot_at(first + i * step));
}

static void *free_a_quarter(void *first) {
    burst_free((size_t)(uintptr_t)first, 1, HEAP_OPS_SLOTS / 4);
    return NULL;
}

/* The thread's blocks outlive it, and its heap must find a new owner. */
static void *allocate_and_exit(void *first) {
    burst_malloc((size_t)(uintptr_t)first, (size_t)(uintptr_t)first * 3 % 3000, 200);
    burst_free((size_t)(uintptr_t)first, 2, 50);
    return NULL;
}

static void in_thread(void *(*body)(void *), size_t first) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, (void *)(uintptr_t)first) != 0)
        return; /* the limits of the machine, not the heap's fault */
    pthread_join(thread, NULL);
}

static void rare(size_t first, uint8_t which) {
    switch (which & 15) {
    case 0:
    case 1:
        shoal_trim();
        break;
    case 2:
        in_thread(free_a_quarter, first);
        break;
    case 3:
        in_thread(allocate_and_exit, first);
        break;
    case 4:
        drop_all();
        break;
    default:
        drop(slot_at(first));
    }
}

/* ---- A run --------------------------------------------------------------- */

static void check(void) {
    struct shoal_usage usage;
    shoal_check();
    shoal_usage(&usage);
    if (usage.live != run.live + run.foreign) {
        fprintf(stderr, "heap_ops: %zu bytes live by shoal_usage, %zu by the slots\n", usage.live,
                run.live + run.foreign);
        abort();
    }
    if (usage.held != usage.pinned + usage.reserve) fail("held is not pinned + reserve", NULL);
}

static void step(const uint8_t *op) {
    size_t first = op[1] * (size_t)4 + (op[0] >> 5 & 3);
    size_t size = heap_ops_size(op[0], op[2], op[3]);
    struct slot *slot = slot_at(first);
    switch (op[0] % HEAP_OPS) {
    case HEAP_OP_BURST_MALLOC:
        burst_malloc(first, size % 5000, op[3]);
        return;
    case HEAP_OP_BURST_FREE:
        burst_free(first, op[2] % 4 + 1, op[3]);
        return;
    case HEAP_OP_RARE:
        rare(first, op[2]);
        return;
    case HEAP_OP_REALLOC:
        if (run.live < LIVE_LIMIT) resize(slot, size);
        return;
    default:
        break;
    }
    drop(slot);
    if (op[0] % HEAP_OPS == HEAP_OP_FREE || run.live >= LIVE_LIMIT) return;
    if (op[0] % HEAP_OPS == HEAP_OP_CALLOC)
        clear(slot, size);
    else if (op[0] % HEAP_OPS == HEAP_OP_ALIGNED)
        align(slot, size);
    else
        hold(slot, shoal_malloc(size), size, 16);
}

void heap_ops_run(const uint8_t *bytes, size_t count, unsigned check_every) {
    struct shoal_usage usage;
    shoal_usage(&usage);
    run.foreign = usage.live;
    for (size_t i = 0; i + 4 <= count; i += 4) {
        step(bytes + i);
        if (check_every && i / 4 % check_every == 0) check();
    }
    check();
    drop_all();
    check();
}
