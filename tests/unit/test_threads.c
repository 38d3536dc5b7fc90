/* threads.c: heaps of threads, blocks that cross them, threads that end. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* cmocka's assertions belong to the main thread: the others count what they
 * find wrong, and the test asserts that it is nothing. */

enum { BATCH = 2000 / SLOWNESS, THREADS = 8 };

struct batch {
    void *blocks[BATCH];
    size_t sizes[BATCH];
    uint64_t seed;
    size_t wrong;
};

static struct batch batches[THREADS];

static void *fill(void *argument) {
    struct batch *batch = argument;
    for (size_t i = 0; i < BATCH; i++) {
        batch->sizes[i] = random_next(&batch->seed) % (i % 50 ? 700 : 50000);
        batch->blocks[i] = shoal_malloc(batch->sizes[i]);
        if (batch->blocks[i])
            pattern_fill(batch->blocks[i], batch->sizes[i], (uint32_t)i);
        else
            batch->wrong++;
    }
    return NULL;
}

static void *empty(void *argument) {
    struct batch *batch = argument;
    for (size_t i = 0; i < BATCH; i++) {
        size_t size = batch->sizes[i];
        if (!pattern_holds(batch->blocks[i], size, size, (uint32_t)i)) batch->wrong++;
        shoal_free(batch->blocks[i]);
    }
    return NULL;
}

static void join_all(pthread_t *threads, size_t count) {
    for (size_t i = 0; i < count; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* Runs `body` for each batch, in a thread each, at the same time. */
static void in_threads(void *(*body)(void *), size_t first) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, &batches[(first + i) % THREADS]),
                         0);
    join_all(threads, THREADS);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(batches[i].wrong, 0);
}

static size_t batches_live(void) {
    size_t live = 0;
    for (size_t t = 0; t < THREADS; t++)
        for (size_t i = 0; i < BATCH; i++) live += shoal_usable_size(batches[t].blocks[i]);
    return live;
}

static int seed_batches(void **state) {
    (void)state;
    for (size_t i = 0; i < THREADS; i++) batches[i] = (struct batch){.seed = i};
    return 0;
}

static void blocks_outlive_their_thread(void **state) {
    (void)state;
    for (int round = 0; round < 5; round++) {
        in_threads(fill, 0);
        assert_int_equal(live_now(), batches_live());
        assert_int_equal(shoal_check(), THREADS * BATCH);
        in_threads(empty, 0);
        assert_int_equal(live_now(), 0);
        shoal_check();
    }
}

static void the_main_thread_frees_them_too(void **state) {
    (void)state;
    in_threads(fill, 0);
    for (size_t i = 0; i < THREADS; i++) empty(&batches[i]);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(batches[i].wrong, 0);
}

/* Threads come and go: the memory of those gone serves those that come. */
static void memory_of_ended_threads_is_used_again(void **state) {
    struct shoal_usage early, late;
    (void)state;
    for (int round = 0; round < 60 / SLOWNESS; round++) {
        in_threads(fill, 0);
        in_threads(empty, 3);
        if (round == 4) shoal_usage(&early);
    }
    shoal_usage(&late);
    assert_true(late.peak <= early.peak + early.peak / 2);
    assert_true(late.metadata <= early.metadata + early.metadata / 2 + 65536);
    shoal_trim();
    shoal_usage(&late);
    assert_int_equal(late.live, 0);
    assert_true(late.held <= 64 * 4096);
}

/* A thread that waits between its steps, so that frees reach a living one. */
struct waiter {
    pthread_barrier_t barrier;
    struct batch *batch;
};

static void *fill_wait_reuse(void *argument) {
    struct waiter *waiter = argument;
    fill(waiter->batch);
    pthread_barrier_wait(&waiter->barrier); /* main frees now */
    pthread_barrier_wait(&waiter->barrier);
    fill(waiter->batch);
    return NULL;
}

static void frees_reach_the_living_owner(void **state) {
    static struct waiter waiter = {.batch = &batches[0]};
    struct shoal_usage first, second;
    pthread_t thread;
    (void)state;
    pthread_barrier_init(&waiter.barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, fill_wait_reuse, &waiter), 0);
    pthread_barrier_wait(&waiter.barrier);
    shoal_usage(&first);
    empty(&batches[0]);
    batches[0].seed = 0;
    pthread_barrier_wait(&waiter.barrier);
    assert_int_equal(pthread_join(thread, NULL), 0);
    shoal_usage(&second);
    assert_int_equal(second.live, first.live);
    assert_true(second.live + second.held <= (first.live + first.held) * 5 / 4);
    empty(&batches[0]);
    pthread_barrier_destroy(&waiter.barrier);
    assert_int_equal(batches[0].wrong, 0);
}

/* Everybody allocates, resizes and frees in one table of slots. */
static struct {
    pthread_mutex_t lock;
    void *block;
    size_t size;
} slots[64];

static void empty_slots(void) {
    for (size_t i = 0; i < COUNT_OF(slots); i++) {
        shoal_free(slots[i].block);
        slots[i].block = NULL;
        slots[i].size = 0;
    }
}

static void *storm(void *argument) {
    struct batch *batch = argument;
    for (int step = 0; step < 20000 / SLOWNESS; step++) {
        uint64_t random = random_next(&batch->seed);
        size_t i = random % COUNT_OF(slots);
        size_t size = (random >> 8) % (step % 99 ? 2000 : 90000);
        if (step % 1999 == 0) size += (size_t)9 << 20; /* a mapping of its own */
        pthread_mutex_lock(&slots[i].lock);
        if (!pattern_holds(slots[i].block, slots[i].size, slots[i].size, (uint32_t)i))
            batch->wrong++;
        if (random >> 63) {
            slots[i].block = shoal_realloc(slots[i].block, size);
        } else {
            shoal_free(slots[i].block);
            slots[i].block = shoal_malloc(size);
        }
        slots[i].size = slots[i].block ? size : 0;
        pattern_fill(slots[i].block, slots[i].size, (uint32_t)i);
        pthread_mutex_unlock(&slots[i].lock);
    }
    return NULL;
}

static void a_storm_leaves_a_sound_heap(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(slots); i++) pthread_mutex_init(&slots[i].lock, NULL);
    for (int round = 0; round < 4; round++) in_threads(storm, 0);
    shoal_check();
    empty_slots();
}

/* Whatever the others do meanwhile: counts that may be, no block lost. */
static void counts_and_trims_while_others_work(void **state) {
    pthread_t threads[THREADS / 2];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(slots); i++) pthread_mutex_init(&slots[i].lock, NULL);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, storm, &batches[i]), 0);
    for (int i = 0; i < 300 / SLOWNESS; i++) {
        struct shoal_usage usage;
        shoal_usage(&usage);
        assert_true(usage.live + usage.held < (size_t)1 << 32);
        if (i % 4 == 0) shoal_trim();
    }
    join_all(threads, COUNT_OF(threads));
    for (size_t i = 0; i < COUNT_OF(threads); i++) assert_int_equal(batches[i].wrong, 0);
    shoal_check();
    empty_slots();
}

/* ---- Blocks handed over as they came, never written to --------------------- */

static struct {
    _Atomic(void *) block;
    atomic_int stop;
} hand_over;

static void *make_blocks(void *unused) {
    void *churn[40] = {0};
    (void)unused;
    for (size_t i = 0; !atomic_load(&hand_over.stop); i++) {
        void *none = NULL, *block = shoal_malloc(64);
        if (!atomic_compare_exchange_strong(&hand_over.block, &none, block)) {
            shoal_free(block);
            if (i % 16 == 0) sched_yield(); /* the other may have no processor */
        }
        shoal_free(churn[i % 40]);
        churn[i % 40] = memset(shoal_malloc(64), (int)i, 64);
    }
    for (size_t i = 0; i < COUNT_OF(churn); i++) shoal_free(churn[i]);
    return NULL;
}

/* What is left in such a block from its life in a free list must not make
 * another thread follow that list. */
static void others_resize_blocks_never_written_to(void **state) {
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, make_blocks, NULL), 0);
    for (int got = 0; got < 100000 / SLOWNESS;) {
        void *block = atomic_exchange(&hand_over.block, NULL);
        if (!block) {
            sched_yield();
            continue;
        }
        block = shoal_realloc(block, 100);
        shoal_free(shoal_realloc(block, 300));
        got++;
    }
    atomic_store(&hand_over.stop, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    shoal_free(hand_over.block);
}

/* ---- fork --------------------------------------------------------------------
 * Handlers registered before the heap's own, as a library's may be that starts
 * first: they run while the heap holds all its locks. */

static int handlers_run;

static void allocate_in_handler(void) {
    static const size_t sizes[] = {40, 20000, 500000, 20 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        void *block = shoal_malloc(sizes[i]);
        if (block) handlers_run++;
        shoal_free(block);
    }
}

/* Libraries' constructors have no priority: they come after this one. */
__attribute__((constructor(101))) static void register_first(void) {
    pthread_atfork(allocate_in_handler, allocate_in_handler, allocate_in_handler);
}

static void *churn_until_told(void *stop) {
    uint64_t random = 5;
    while (!atomic_load((atomic_int *)stop)) {
        void *blocks[64];
        for (size_t i = 0; i < COUNT_OF(blocks); i++)
            blocks[i] = shoal_malloc(random_next(&random) % 100000);
        for (size_t i = 0; i < COUNT_OF(blocks); i++) shoal_free(blocks[i]);
        shoal_trim();
    }
    return NULL;
}

static void fork_handlers_may_allocate(void **state) {
    enum { FORKS = 100 / (SLOWNESS > 1 ? 10 : 1) };
    static atomic_int stop;
    pthread_t thread;
    (void)state;
    handlers_run = 0;
    assert_int_equal(pthread_create(&thread, NULL, churn_until_told, &stop), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            allocate_in_handler();
            shoal_trim();
            _exit(handlers_run == 8 * (i + 1) + 4 ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    atomic_store(&stop, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(handlers_run, 8 * FORKS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_outlive_their_thread, seed_batches, nothing_left),
        cmocka_unit_test_setup_teardown(the_main_thread_frees_them_too, seed_batches, nothing_left),
        cmocka_unit_test_setup_teardown(memory_of_ended_threads_is_used_again, seed_batches,
                                        nothing_left),
        cmocka_unit_test_setup_teardown(frees_reach_the_living_owner, seed_batches, nothing_left),
        cmocka_unit_test_teardown(others_resize_blocks_never_written_to, nothing_left),
        cmocka_unit_test_setup_teardown(a_storm_leaves_a_sound_heap, seed_batches, nothing_left),
        cmocka_unit_test_teardown(fork_handlers_may_allocate, nothing_left),
        cmocka_unit_test_setup_teardown(counts_and_trims_while_others_work, seed_batches,
                                        nothing_left),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
