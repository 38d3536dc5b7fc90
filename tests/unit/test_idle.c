/* idle.c: which pages go after how many looks. The looks are the test's own, and so is the
 * time, of which none passes but where it says so. */
#include <pthread.h>

#include "heap/idle.h"
#include "heap/mapping.h"
#include "heap/pages.h"
#include "heap/process.h"

#include "clock.h"
#include "unit.h"

enum { RUN = 100 };

/* Dirty pages in the arenas of threads, as a program that breathes leaves them. */
static void keep(size_t pages) {
    static struct pool *runs[2000];
    size_t count = pages / RUN;
    bool zeroed;
    assert_true(count <= COUNT_OF(runs));
    for (size_t i = 0; i < count; i++) runs[i] = arenas_take(&shared_arenas, RUN, 1, &zeroed);
    shared_arenas.reserve.limit = SIZE_MAX / 4;
    for (size_t i = 0; i < count; i++) arenas_give(&shared_arenas, runs[i], RUN);
    assert_int_equal(arenas_dirty(&shared_arenas), pages);
}

static void use(size_t pages) {
    bool zeroed;
    for (size_t i = 0; i < pages / RUN; i++)
        arenas_give(&shared_arenas, arenas_take(&shared_arenas, RUN, 1, &zeroed), RUN);
}

static int begin(void **state) {
    (void)state;
    idle_pause(); /* the thread would look as well */
    clock_stop();
    arenas_return_all(&object_arenas);
    arenas_return_all(&shared_arenas);
    mapping_return_all();
    for (int i = 0; i < QUIET_LOOKS; i++) idle_look();
    idle_begin();
    return 0;
}

static int end(void **state) {
    (void)state;
    arenas_return_all(&shared_arenas);
    idle_go_on();
    return 0;
}

static size_t looks_until_gone(size_t most) {
    size_t looks = 0;
    while (arenas_dirty(&shared_arenas) > 0 && looks < most) {
        idle_look();
        looks++;
    }
    return looks;
}

static void what_nobody_took_for_a_second_goes(void **state) {
    (void)state;
    keep(2000);
    for (int i = 0; i < QUIET_LOOKS; i++) idle_look();
    assert_int_equal(arenas_dirty(&shared_arenas), 2000);
    idle_look();
    assert_int_equal(arenas_dirty(&shared_arenas), 0);
}

/* A hundred pages are all that is taken at a time, of two thousand. */
static void what_is_not_used_goes(void **state) {
    (void)state;
    keep(2000);
    for (int i = 0; i < 40; i++) {
        use(2000);
        idle_look();
    }
    assert_int_equal(arenas_dirty(&shared_arenas), RUN);
}

static void what_is_used_stays(void **state) {
    bool zeroed;
    (void)state;
    keep(2000);
    for (int i = 0; i < 40; i++) {
        struct pool *all = arenas_take(&shared_arenas, 2000, 1, &zeroed);
        assert_false(zeroed);
        arenas_give(&shared_arenas, all, 2000);
        idle_look();
    }
    assert_int_equal(arenas_dirty(&shared_arenas), 2000);
}

static void a_hundred_megabytes_go_within_five_seconds(void **state) {
    (void)state;
    keep(25600);
    assert_true(looks_until_gone(1000) <= 5000 / LOOK_MS);
}

static void any_reserve_goes_within_ten_seconds(void **state) {
    (void)state;
    keep(200000);
    assert_true(looks_until_gone(1000) <= 10000 / LOOK_MS);
}

/* 2 us a page, and no more than a fiftieth of the time. */
static void giving_back_and_taking_again_costs_two_percent(void **state) {
    size_t returned = 0, looks = 200;
    (void)state;
    keep(25600);
    for (size_t i = 0; i < looks; i++) {
        size_t before = arenas_dirty(&shared_arenas);
        idle_look();
        size_t gone = before - arenas_dirty(&shared_arenas);
        returned += gone;
        assert_true(gone <= PAGES_A_LOOK);
        if (gone) keep(25600); /* it takes all of it again at once */
    }
    assert_true(returned * 2 <= looks * LOOK_MS * 1000 / 50);
}

static void it_ends_when_nothing_is_left(void **state) {
    int looks = 0;
    (void)state;
    keep(1000);
    while (idle_look()) assert_true(++looks < 20);
    assert_int_equal(arenas_dirty(&shared_arenas), 0);
    assert_true(idle_pages() < IDLE_WORTH);
}

static void mappings_go_too(void **state) {
    int looks = 0;
    (void)state;
    for (int i = 0; i < 6; i++) { /* it breathes, so it keeps one */
        void *block = shoal_malloc(16 << 20);
        memset(block, 1, 16 << 20);
        shoal_free(block);
    }
    assert_true(mapping_kept() > 0);
    while (idle_look()) assert_true(++looks < 40);
    assert_int_equal(mapping_kept(), 0);
}

static void a_fork_gives_all_of_it_back_but_not_again_and_again(void **state) {
    (void)state;
    keep(25600);
    idle_return_before_fork();
    assert_int_equal(arenas_dirty(&shared_arenas), 0);
    keep(25600);
    idle_return_before_fork();
    assert_int_equal(arenas_dirty(&shared_arenas), 25600);
}

/* ---- What others freed -------------------------------------------------------- */

enum { BLOCKS = 100000, BLOCK_BYTES = 64, TICK_MS = 1 };
static void *blocks[BLOCKS];
static pthread_barrier_t barrier;

static void *own(void *unused) {
    (void)unused;
    for (size_t i = 0; i < BLOCKS; i++) blocks[i] = shoal_malloc(BLOCK_BYTES);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

/* Half of what is freed cannot go before the other half, and takes so long to look at, by a
 * clock that ticks, that the next look at it has to wait for its turn. */
static void what_others_freed_goes_though_it_has_to_wait(void **state) {
    pthread_t owner;
    struct shoal_pulse pulse;
    int looks = 0;
    (void)state;
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&owner, NULL, own, NULL), 0);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < BLOCKS; i += 2) shoal_free(blocks[i]);
    os_time_tick = TICK_MS * 1000000;
    assert_true(idle_look());
    for (size_t i = 1; i < BLOCKS; i += 2) shoal_free(blocks[i]);
    while (idle_look()) {
        assert_true(++looks < 10000);
        clock_pass(LOOK_MS);
    }
    assert_true(looks > 2);
    os_time_tick = 0;
    shoal_pulse(&pulse);
    assert_true(pulse.resident < BLOCKS * BLOCK_BYTES / 10);
    pthread_barrier_wait(&barrier);
    pthread_join(owner, NULL);
    pthread_barrier_destroy(&barrier);
}

int main(void) {
    void *block = shoal_malloc(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_nobody_took_for_a_second_goes, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_used_goes, begin, end),
        cmocka_unit_test_setup_teardown(what_is_used_stays, begin, end),
        cmocka_unit_test_setup_teardown(a_hundred_megabytes_go_within_five_seconds, begin, end),
        cmocka_unit_test_setup_teardown(any_reserve_goes_within_ten_seconds, begin, end),
        cmocka_unit_test_setup_teardown(giving_back_and_taking_again_costs_two_percent, begin, end),
        cmocka_unit_test_setup_teardown(it_ends_when_nothing_is_left, begin, end),
        cmocka_unit_test_setup_teardown(mappings_go_too, begin, end),
        cmocka_unit_test_setup_teardown(a_fork_gives_all_of_it_back_but_not_again_and_again, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_others_freed_goes_though_it_has_to_wait, begin, end),
    };
    shoal_free(block);
    return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
