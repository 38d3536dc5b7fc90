/* run_list.c: free runs by length, newest first, beside a model of them. */
#include "heap/run_list.h"

#include "own_arenas.h"

/* So few that no list of mixed lengths holds more runs than a search looks at. */
enum { PAGES = 512 };

static const enum page_kind KINDS[] = {PAGE_DIRTY, PAGE_CLEAN};

/* The pages under test: one run of new ones, all of it taken. */
static struct pool *records;

/* What is known of them without asking: the kind of each page, and for the
 * first page of a linked run its length and when it was linked. */
static struct {
    uint8_t kind[PAGES];
    size_t length[PAGES];
    unsigned linked_at[PAGES];
    unsigned now;
} model;

static int begin(void **state) {
    begin_arenas(state);
    memset(&model, 0, sizeof(model));
    records = arenas_take_new(&arenas, PAGES, false);
    return records == NULL;
}

static struct pool *lists_of(enum page_kind kind) {
    return kind == PAGE_DIRTY ? arenas.dirty : arenas.clean;
}

static uint64_t filled_of(enum page_kind kind) {
    return kind == PAGE_DIRTY ? arenas.dirty_lists : arenas.clean_lists;
}

/* ---- The model -------------------------------------------------------------- */

static void model_link(size_t from, size_t pages, enum page_kind kind) {
    size_t to = from + pages;
    memset(model.kind + from, kind, pages);
    while (from > 0 && model.kind[from - 1] == kind) from--;
    while (to < PAGES && model.kind[to] == kind) to++;
    memset(model.length + from, 0, (to - from) * sizeof(*model.length));
    model.length[from] = to - from;
    model.linked_at[from] = ++model.now;
}

static void model_unlink(size_t from) {
    memset(model.kind + from, PAGE_UNUSED, model.length[from]);
    model.length[from] = 0;
}

/* The newest of the shortest runs of at least `pages`: short by its list, not
 * by its length. */
static struct pool *model_find(enum page_kind kind, size_t pages) {
    size_t best = PAGES;
    for (size_t i = 0; i < PAGES; i++) {
        if (model.kind[i] != kind || model.length[i] < pages) continue;
        unsigned list = run_list_of(model.length[i]);
        unsigned best_list = best == PAGES ? RUN_LISTS : run_list_of(model.length[best]);
        if (list < best_list || (list == best_list && model.linked_at[i] > model.linked_at[best]))
            best = i;
    }
    return best == PAGES ? NULL : records + best;
}

/* ---- What holds at all times --------------------------------------------------- */

/* One list: newest first, both ways, of runs marked at both ends and nowhere
 * else. Gives its pages. */
static size_t assert_list(enum page_kind kind, unsigned index) {
    struct pool *head = &lists_of(kind)[index], *before = head;
    unsigned linked_before = model.now + 1;
    size_t sum = 0;
    for (struct pool *run = head->next; run != head; run = run->next) {
        size_t first = (size_t)(run - records), pages = run->run_pages;
        assert_true(first < PAGES && pages > 0);
        assert_int_equal(pages, model.length[first]);
        assert_int_equal(run_list_of(pages), index);
        assert_int_equal(model.kind[first], kind);
        assert_true(model.linked_at[first] < linked_before);
        assert_ptr_equal(run->prev, before);
        assert_int_equal(run->kind, kind);
        assert_int_equal(run[pages - 1].kind, kind);
        assert_int_equal(run[pages - 1].run_pages, pages);
        for (size_t i = 1; i + 1 < pages; i++) assert_int_equal(run[i].kind, PAGE_UNUSED);
        linked_before = model.linked_at[first];
        before = run;
        sum += pages;
    }
    assert_ptr_equal(head->prev, before);
    assert_int_equal(filled_of(kind) >> index & 1, before != head);
    return sum;
}

static void assert_lists(void) {
    for (size_t k = 0; k < COUNT_OF(KINDS); k++) {
        size_t in_lists = 0, in_model = 0;
        for (unsigned index = 0; index < RUN_LISTS; index++)
            in_lists += assert_list(KINDS[k], index);
        for (size_t i = 0; i < PAGES; i++) in_model += model.kind[i] == KINDS[k];
        assert_int_equal(in_lists, in_model);
        assert_int_equal(in_lists,
                         KINDS[k] == PAGE_DIRTY ? arenas.dirty_pages : arenas.clean_pages);
    }
    for (size_t i = 0; i < PAGES; i++)
        if (model.kind[i] == PAGE_UNUSED) assert_int_equal(records[i].kind, PAGE_UNUSED);
}

/* ---- Lists by length ------------------------------------------------------------ */

static void every_length_up_to_32_has_a_list_of_its_own(void **state) {
    (void)state;
    for (size_t pages = 1; pages <= 32; pages++) assert_int_equal(run_list_of(pages), pages - 1);
    assert_int_equal(run_list_of(33), 32);
}

/* The longest run of a list is less than half as long again as the shortest. */
static void a_longer_run_is_in_no_earlier_list(void **state) {
    size_t shortest = 1;
    (void)state;
    for (size_t pages = 2; run_list_of(pages) < RUN_LISTS - 1; pages++) {
        unsigned index = run_list_of(pages), before = run_list_of(pages - 1);
        assert_in_range(index, before, before + 1);
        if (index != before) shortest = pages;
        assert_true(pages == shortest || pages * 2 < shortest * 3);
    }
    for (unsigned shift = 21; shift < 64; shift++)
        assert_int_equal(run_list_of((size_t)1 << shift), RUN_LISTS - 1);
    assert_int_equal(run_list_of(SIZE_MAX), RUN_LISTS - 1);
}

/* ---- Linking, merging, unlinking ------------------------------------------------- */

/* As a run comes from the system: with the marks of what it was there. */
static void link_merged(size_t from, size_t pages, enum page_kind kind) {
    run_set_kind(records + from, pages, PAGE_BUSY);
    run_link_merged(&arenas, records + from, pages, kind);
    model_link(from, pages, kind);
}

static void unlink_at(size_t from) {
    run_unlink(&arenas, records + from);
    model_unlink(from);
}

static void a_run_is_linked_once_and_leaves_whole(void **state) {
    (void)state;
    for (size_t k = 0; k < COUNT_OF(KINDS); k++) {
        run_link(&arenas, records + 10, 40, KINDS[k]);
        model_link(10, 40, KINDS[k]);
        run_link(&arenas, records + 60, 1, KINDS[k]);
        model_link(60, 1, KINDS[k]);
        assert_lists();
        assert_int_equal(filled_of(KINDS[k]), 1ull << run_list_of(40) | 1);
        unlink_at(10);
        assert_lists();
        unlink_at(60);
        assert_lists();
        assert_int_equal(filled_of(KINDS[k]), 0);
    }
}

/* Five pages with a run before them, behind them, both or none, of the same
 * kind or of the other: only the same kind joins. */
static void a_run_joins_its_neighbours_of_the_same_kind(void **state) {
    static const uint8_t beside[] = {PAGE_UNUSED, PAGE_DIRTY, PAGE_CLEAN};
    (void)state;
    for (size_t i = 0; i < 9 * COUNT_OF(KINDS); i++) {
        uint8_t before = beside[i % 3], after = beside[i / 3 % 3], kind = KINDS[i / 9];
        begin(state);
        if (before) link_merged(93, 7, before);
        if (after) link_merged(105, 11, after);
        link_merged(100, 5, kind);
        size_t first = before == kind ? 93 : 100, end = after == kind ? 116 : 105;
        assert_int_equal(records[first].kind, kind);
        assert_int_equal(records[first].run_pages, end - first);
        assert_lists();
        end_arenas(state);
    }
    begin(state);
}

/* Nothing is looked at beyond the first page and the last. */
static void the_ends_of_the_arena_have_no_neighbours(void **state) {
    (void)state;
    link_merged(0, 3, PAGE_CLEAN);
    link_merged(PAGES - 3, 3, PAGE_CLEAN);
    assert_lists();
    link_merged(3, PAGES - 6, PAGE_CLEAN);
    assert_lists();
    assert_int_equal(records[0].run_pages, PAGES);
}

/* ---- Lazy pages ------------------------------------------------------------------ */

static struct pool *link_lazy(size_t from, size_t pages, uint16_t lazy) {
    records[from].lazy_pages = lazy;
    run_link_merged(&arenas, records + from, pages, PAGE_DIRTY);
    return records + from;
}

static void a_merged_run_has_the_lazy_pages_of_its_parts(void **state) {
    (void)state;
    struct pool *run = link_lazy(10, 20, 5);
    link_lazy(50, 10, LAZY_ALL);
    assert_int_equal(arenas.lazy_pages, 15);
    link_lazy(30, 20, 0);
    assert_int_equal(run->run_pages, 50);
    assert_int_equal(run_lazy_pages(run), 15);
    assert_int_equal(arenas.lazy_pages, 15);
    run_unlink(&arenas, run);
    assert_int_equal(arenas.lazy_pages, 0);
}

/* Of a run that is cut nobody knows which pages are lazy; at most all are. */
static void a_rest_has_no_more_lazy_pages_than_pages(void **state) {
    (void)state;
    struct pool *run = link_lazy(10, 20, 5);
    run_unlink(&arenas, run);
    run_link_rest(&arenas, run, 20, 12, PAGE_DIRTY);
    assert_int_equal(run_lazy_pages(records + 22), 5);
    run_unlink(&arenas, records + 22);
    run_link_rest(&arenas, records + 22, 8, 6, PAGE_DIRTY);
    assert_int_equal(run_lazy_pages(records + 28), 2);
    assert_int_equal(arenas.lazy_pages, 2);
    run_unlink(&arenas, records + 28);
    run_link_rest(&arenas, records + 28, 2, 2, PAGE_DIRTY); /* nothing is left */
    assert_int_equal(arenas.dirty_pages + arenas.lazy_pages, 0);
}

static void a_clean_or_busy_run_is_not_lazy(void **state) {
    (void)state;
    records[10].lazy_pages = 7;
    run_link_merged(&arenas, records + 10, 20, PAGE_CLEAN);
    assert_int_equal(run_lazy_pages(records + 10), 0);
    records[50].lazy_pages = 7;
    run_set_busy(&arenas, records + 50, 20);
    run_end_busy(records + 50);
    run_link_merged(&arenas, records + 50, 20, PAGE_DIRTY);
    assert_int_equal(arenas.lazy_pages, 0);
}

/* ---- Finding -------------------------------------------------------------------- */

static void the_newest_of_a_length_is_found(void **state) {
    (void)state;
    for (size_t at = 0; at < 100; at += 20) link_merged(at, 8, PAGE_CLEAN);
    assert_ptr_equal(run_find(arenas.clean, arenas.clean_lists, 8), records + 80);
    assert_ptr_equal(run_find(arenas.clean, arenas.clean_lists, 3), records + 80);
    assert_null(run_find(arenas.clean, arenas.clean_lists, 9));
    assert_null(run_find(arenas.dirty, arenas.dirty_lists, 1));
    unlink_at(80);
    assert_ptr_equal(run_find(arenas.clean, arenas.clean_lists, 8), records + 60);
}

static void the_longest_list_is_found(void **state) {
    static const size_t lengths[] = {1, 7, 32, 33, 60, 200};
    size_t at = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        link_merged(at, lengths[i], PAGE_DIRTY);
        assert_ptr_equal(run_longest(arenas.dirty, arenas.dirty_lists)->next, records + at);
        at += lengths[i] + 1;
    }
    link_merged(at, 3, PAGE_DIRTY);
    assert_int_equal(run_longest(arenas.dirty, arenas.dirty_lists)->next->run_pages, 200);
}

/* Runs that are nowhere, `short_ones` of `pages` and behind them, as the oldest,
 * a longer one; of what a list holds a search reads no more than this. */
static uint64_t fill_list(struct pool *lists, struct pool *runs, size_t short_ones, size_t pages) {
    unsigned index = run_list_of(pages);
    for (unsigned i = 0; i < RUN_LISTS; i++) lists[i].next = lists[i].prev = &lists[i];
    struct pool *before = &lists[index];
    for (size_t i = 0; i <= short_ones; i++) {
        runs[i].run_pages = i < short_ones ? pages : pages + 1;
        before->next = &runs[i];
        runs[i].prev = before;
        before = &runs[i];
    }
    before->next = &lists[index];
    lists[index].prev = before;
    return 1ull << index;
}

/* Of a list of mixed lengths only the newest few are looked at, for a next list
 * has longer ones; the last list has no next one. */
static void a_search_goes_on_in_the_next_list(void **state) {
    static struct pool lists[RUN_LISTS], runs[101], longer;
    (void)state;
    uint64_t filled = fill_list(lists, runs, 3, 64);
    assert_ptr_equal(run_find(lists, filled, 64), &runs[0]);
    assert_ptr_equal(run_find(lists, filled, 65), &runs[3]);
    assert_null(run_find(lists, filled, 66));
    filled = fill_list(lists, runs, 100, 64);
    assert_null(run_find(lists, filled, 65));
    longer.run_pages = 5000;
    lists[run_list_of(5000)].next = &longer;
    filled |= 1ull << run_list_of(5000);
    assert_ptr_equal(run_find(lists, filled, 65), &longer);
    filled = fill_list(lists, runs, 100, (size_t)1 << 22);
    assert_ptr_equal(run_find(lists, filled, ((size_t)1 << 22) + 1), &runs[100]);
    assert_null(run_find(lists, filled, ((size_t)1 << 22) + 2));
}

/* ---- Everything at random ---------------------------------------------------------- */

/* Links pages that are in no list, or takes the run out that a page is in. */
static void random_step(uint64_t *seed) {
    size_t at = random_next(seed) % PAGES;
    if (model.kind[at] != PAGE_UNUSED) {
        while (model.length[at] == 0) at--;
        unlink_at(at);
        return;
    }
    size_t most = 1 + random_next(seed) % (random_next(seed) % 4 ? 6 : 100), pages = 1;
    while (pages < most && at + pages < PAGES && model.kind[at + pages] == PAGE_UNUSED) pages++;
    link_merged(at, pages, KINDS[random_next(seed) % 2]);
}

static void lists_are_as_a_model_says(void **state) {
    uint64_t seed = 5;
    (void)state;
    for (int step = 0; step < 20000 / SLOWNESS; step++) {
        random_step(&seed);
        assert_lists();
        enum page_kind kind = KINDS[step % 2];
        size_t pages = 1 + random_next(&seed) % (step % 3 ? 20 : 150);
        assert_ptr_equal(run_find(lists_of(kind), filled_of(kind), pages), model_find(kind, pages));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end_arenas)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_up_to_32_has_a_list_of_its_own),
        cmocka_unit_test(a_longer_run_is_in_no_earlier_list),
        TEST(a_run_is_linked_once_and_leaves_whole),
        TEST(a_run_joins_its_neighbours_of_the_same_kind),
        TEST(the_ends_of_the_arena_have_no_neighbours),
        TEST(a_merged_run_has_the_lazy_pages_of_its_parts),
        TEST(a_rest_has_no_more_lazy_pages_than_pages),
        TEST(a_clean_or_busy_run_is_not_lazy),
        TEST(the_newest_of_a_length_is_found),
        TEST(the_longest_list_is_found),
        cmocka_unit_test(a_search_goes_on_in_the_next_list),
        TEST(lists_are_as_a_model_says),
    };
    return cmocka_run_group_tests_name("lists of runs", tests, NULL, NULL);
}
