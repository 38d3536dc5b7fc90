/* Objects of a test's making on the interpreter's heap, and a client that knows them: a count
 * of references, a mark for its kind, and slots. The test has them in `root`, by references
 * that are known. */
#ifndef SHOAL_TESTS_MADE_UP_OBJECTS_H
#define SHOAL_TESTS_MADE_UP_OBJECTS_H

#include "base/os.h"
#ifdef SHOAL_NEAR
#include "elsewhere_near.h"
#endif
#include "heap/process.h"
#include "heap/size_class.h"
#include "shoal/compact.h"
#include "shoal/moving.h"
#include "unit.h"

enum { SLOTS = 4, ROOTS = 20000, MARK_PLAIN = 1, MARK_NUMBER = 2, MARK_CODE = 3 };

enum { ROOT_BYTES = (ROOTS + 1) * sizeof(void *) };

struct made {
    size_t references;
    uintptr_t mark;
    struct made *slot[SLOTS];
    size_t value;
    size_t unused;
};

static struct made **root; /* in a mapping of its own */
static struct made *volatile *in_secret; /* behind them: a word that nobody tells of */
static struct shoal_mover *mover;

static bool always(void) { return true; }

static struct made *make(size_t value) {
    struct made *made = heap_take(&object_heap, class_of(sizeof *made));
    *made = (struct made){.references = 1, .mark = MARK_PLAIN, .value = value};
    return made;
}

static void unmake(struct made **made) {
    shoal_moving_give(*made);
    *made = NULL;
}

/* Every `step`th of ROOTS objects is left, from `first` on. */
static void make_sparse(size_t first, size_t step) {
    for (size_t i = 0; i < ROOTS; i++) root[i] = make(i);
    for (size_t i = 0; i < ROOTS; i++)
        if (i % step != first) unmake(&root[i]);
}

static size_t check_roots(void) {
    size_t count = 0;
    for (size_t i = 0; i < ROOTS; i++) {
        if (!root[i]) continue;
        assert_int_equal(root[i]->value, i);
        count++;
    }
    return count;
}

/* ---- The client ----------------------------------------------------------------------- */

static unsigned addresses_of(const void *block, uintptr_t addresses[2]) {
    addresses[0] = ((const struct made *)block)->value;
    return 1;
}

static size_t stayed[SHOAL_REASONS];

static void count_stay(void *context, enum shoal_reason reason, const void *object, size_t bytes) {
    (void)context;
    (void)object;
    (void)bytes;
    stayed[reason]++;
}

static void moved_nothing_to_do(void *context, void *object) {
    (void)context;
    (void)object;
}

static void each_slot(void (*act)(struct made **slot)) {
    for (size_t i = 0; i < ROOTS; i++)
        if (root[i]) act(&root[i]);
    for (size_t i = 0; i < ROOTS; i++)
        for (size_t j = 0; root[i] && j < SLOTS; j++)
            if (root[i]->slot[j]) act(&root[i]->slot[j]);
}

static void rewrite_slot(struct made **slot) { shoal_rewrite(mover, slot); }

static void rewrite_slots(void *context) {
    (void)context;
    each_slot(rewrite_slot);
}

static void count_number(const struct made *made) {
    struct shoal_found found;
    if (shoal_find(mover, made->value, &found)) shoal_keep(found.note, SHOAL_REASON_NUMBER);
}

static void count_slot(struct made **slot) {
    struct shoal_found found;
    if (!shoal_find(mover, (uintptr_t)*slot, &found)) return;
    if (!(found.note->marks & SHOAL_IS_OBJECT)) {
        shoal_note_object(found.note, 0, (*slot)->references);
        found.note->marks |= SHOAL_IS_LAID_OUT;
        if ((*slot)->mark == MARK_NUMBER) count_number(*slot);
    }
    shoal_note_reference(found.note);
    if (shoal_is_read(mover, slot)) shoal_note_known(found.note);
}

static const struct shoal_mover_client client = {
    .code_mark = MARK_CODE,
    .number_mark = MARK_NUMBER,
    .number_addresses = addresses_of,
    .stays = count_stay,
    .moved = moved_nothing_to_do,
    .rewrite = rewrite_slots,
};

/* ---- A move ------------------------------------------------------------------------------ */

static void begin_mover(bool is_stress) {
    memset(stayed, 0, sizeof stayed);
    assert_int_equal(shoal_mover_new(&mover, &client, is_stress), SHOAL_MOVER_MADE);
    each_slot(count_slot);
}

static __attribute__((noinline)) void scan_and_judge(void) {
    assert_true(shoal_mover_scan(mover, __builtin_frame_address(0)));
    shoal_mover_judge(mover);
}

/* Ends with the mover gone; what it did is returned. */
static struct shoal_mover move_all(bool is_stress) {
    begin_mover(is_stress);
    scan_and_judge();
    assert_true(shoal_mover_plan(mover));
    shoal_mover_move(mover);
    struct shoal_mover did = *mover;
    shoal_mover_delete(mover);
    return did;
}

static int begin_objects(void **state) {
    (void)state;
    process_init();
    may_touch_object_heap = always;
    root = os_map(ROOT_BYTES);
    in_secret = root ? (struct made *volatile *)&root[ROOTS] : NULL;
#ifdef SHOAL_NEAR
    elsewhere_near.words = (struct os_range){root, ROOT_BYTES};
#endif
    return root == NULL;
}

static int end_objects(void **state) {
    (void)state;
    for (size_t i = 0; i < ROOTS; i++)
        if (root[i]) unmake(&root[i]);
    os_unmap(root, ROOT_BYTES);
    shoal_check();
    return 0;
}

#endif
