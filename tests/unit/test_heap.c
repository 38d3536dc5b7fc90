/* heap.c: the heap as a whole, by random sequences of operations and with
 * memory refused at every place where the system can refuse it. */
#include <stdlib.h>

#include "base/os.h"
#include "heap_ops.h"
#include "unit.h"

enum { BYTES = 4000 };

static void random_bytes(uint8_t *bytes, size_t count, uint64_t seed) {
    for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)random_next(&seed);
}

/* Walked after every operation: short, many. */
static void every_invariant_after_every_operation(void **state) {
    uint8_t bytes[400];
    (void)state;
    for (uint64_t seed = 0; seed < 40 / SLOWNESS; seed++) {
        random_bytes(bytes, sizeof(bytes), seed);
        heap_ops_run(bytes, sizeof(bytes), 1);
    }
}

static void long_random_sequences(void **state) {
    static uint8_t bytes[BYTES * 4];
    (void)state;
    for (uint64_t seed = 1000; seed < 1000 + 10 / SLOWNESS; seed++) {
        random_bytes(bytes, sizeof(bytes), seed);
        heap_ops_run(bytes, sizeof(bytes), 97);
    }
}

/* Sequences of one kind of operation each, which uniform bytes never are. */
static void sequences_with_a_bias(void **state) {
    static uint8_t bytes[BYTES];
    (void)state;
    for (uint64_t seed = 2000; seed < 2000 + 64 / SLOWNESS; seed++) {
        random_bytes(bytes, sizeof(bytes), seed);
        for (size_t i = 0; i < sizeof(bytes); i += 4) /* scale and favourite fixed */
            bytes[i] = (uint8_t)((bytes[i] & 0x67) | (seed & 3) << 3);
        for (size_t i = 0; i < sizeof(bytes); i += 8)
            bytes[i] = (uint8_t)((bytes[i] & ~7) | (seed >> 2 & 7));
        heap_ops_run(bytes, sizeof(bytes), 61);
    }
}

/* ---- No memory -------------------------------------------------------------- */

enum { SLOTS = 300 };

static struct {
    void *block;
    size_t size;
} held[SLOTS];

static size_t refusals;

/* Notes a result that may be a refusal, and whether that is as it must be. */
static void got(size_t i, void *block, size_t size) {
    if (!block) {
        refusals++;
        assert_int_equal(errno, ENOMEM);
        return;
    }
    held[i].block = block;
    held[i].size = size;
    pattern_fill(block, size, (uint32_t)i);
}

static size_t work_size(size_t i) {
    return i % 9 == 0 ? 3000000 * (i % 5 + 1) : i % 4 == 0 ? 9000 + 100 * i : i * 7;
}

static void work(void) {
    for (size_t i = 0; i < SLOTS; i++) {
        errno = 0;
        if (i % 3 == 0)
            got(i, shoal_malloc(work_size(i)), work_size(i));
        else if (i % 3 == 1)
            got(i, shoal_calloc(1, work_size(i)), work_size(i));
        else
            got(i, shoal_aligned_alloc((size_t)16 << i % 12, work_size(i)), work_size(i));
    }
    for (size_t i = 0; i < SLOTS; i += 2) {
        size_t old = held[i].size, larger = old * 3 + 1000;
        errno = 0;
        void *block = shoal_realloc(held[i].block, larger);
        void *now = block ? block : held[i].block;
        if (now) assert_true(pattern_holds(now, old, old, (uint32_t)i));
        got(i, block, larger);
    }
}

static void give_all_back(void) {
    for (size_t i = 0; i < SLOTS; i++) {
        assert_true(pattern_holds(held[i].block, held[i].size, held[i].size, (uint32_t)i));
        shoal_free(held[i].block);
        held[i].block = NULL;
        held[i].size = 0;
    }
}

/* The n-th system call fails and all after it, for n = 0, 1, 2, ... until the
 * work needs no more of them: the callers see ENOMEM, the blocks they have are
 * untouched, and later the heap works as before. */
static void refused_at_every_place(void **state) {
    int last = 0;
    (void)state;
    for (int after = 0; after < 5000; after += SLOWNESS) {
        refusals = 0;
        shoal_trim();
        os_fail_after = after;
        work();
        last = os_fail_after;
        os_fail_after = -1;
        shoal_check();
        give_all_back();
        assert_int_equal(live_now(), 0);
        shoal_check();
        if (last > 0 && refusals == 0) break;
    }
    assert_true(last > 0); /* the loop met its end */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* First: in a heap without any memory yet. */
        cmocka_unit_test_teardown(refused_at_every_place, nothing_left),
        cmocka_unit_test_teardown(every_invariant_after_every_operation, nothing_left),
        cmocka_unit_test_teardown(long_random_sequences, nothing_left),
        cmocka_unit_test_teardown(sequences_with_a_bias, nothing_left),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
