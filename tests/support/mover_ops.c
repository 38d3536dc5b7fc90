#include "mover_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "elsewhere_near.h"
#include "heap/process.h"
#include "heap/size_class.h"
#include "pattern.h"
#include "shoal/compact.h"
#include "shoal/moving.h"

enum { THINGS = 256, SLOTS = 4, WORDS = 8, NONE = -1 };
enum { MARK_THING = 1, MARK_NUMBER = 2, MARK_CODE = 3 };

enum kind {
    PLAIN,  /* its slots are known                                       */
    OWNER,  /* the same, and they are in a table of their own            */
    TELLER, /* it says what it refers to, though not where               */
    SILENT, /* it says nothing                                           */
    NUMBER, /* its value may be an address                               */
    CODE,   /* addresses in it are where no others are, and not told of  */
    KINDS,
};

struct thing {
    size_t references;
    uintptr_t mark;
    union {
        struct thing *slot[SLOTS];
        struct thing **table;
        uintptr_t value;
        char code[SLOTS * sizeof(void *)];
    };
    unsigned char rest[]; /* to the end of the block: a pattern by the thing's number */
};

static const size_t sizes[] = {64, 80, 256, 512, 1040, 4000};

/* What the model knows. No word of it is an address. */
static struct model {
    bool is_there;
    enum kind kind;
    size_t bytes;
    int link[SLOTS];        /* numbers of things, or NONE       */
    size_t references;      /* of others, and its root's        */
    size_t hidden;
    int number;             /* whose address its value is       */
    uintptr_t where, table; /* complements of their addresses   */
} model[THINGS];
static int secret_of[WORDS], inside_of[WORDS];
static bool is_secret_in_table[WORDS];

/* The words outside of the heap. */
static struct outside {
    struct thing *root[THINGS]; /* known, and counted references  */
    char *inside[WORDS];        /* known words into a thing       */
    char *secret[WORDS];        /* words that nobody tells of     */
} *outside;

static struct shoal_mover *mover;

static void fail(const char *what, int number) {
    fprintf(stderr, "mover_ops: %s (thing %d, kind %d, %zu bytes)\n", what, number,
            (int)model[number].kind, model[number].bytes);
    abort();
}

/* ---- Things ------------------------------------------------------------------------- */

static size_t rest_bytes(const struct model *of) { return of->bytes - sizeof(struct thing); }

static struct thing **slots_of(int number) {
    struct thing *thing = outside->root[number];
    return model[number].kind == OWNER ? thing->table : thing->slot;
}

static bool has_slots(int number) { return model[number].kind <= SILENT; }

static void *take(size_t bytes) {
    void *block = heap_take(&object_heap, class_of(bytes));
    if (!block) fail("no memory", 0);
    return block;
}

static void make(int number, size_t bytes, enum kind kind) {
    struct model *of = &model[number];
    if (of->is_there) return;
    struct thing *thing = take(bytes);
    *of = (struct model){.is_there = true, .kind = kind, .bytes = bytes, .references = 1};
    of->number = NONE;
    memset(thing, 0, sizeof *thing);
    thing->references = 1;
    thing->mark = kind == NUMBER ? MARK_NUMBER : kind == CODE ? MARK_CODE : MARK_THING;
    pattern_fill(thing->rest, rest_bytes(of), (uint32_t)number);
    if (kind == OWNER)
        thing->table = memset(take(SLOTS * sizeof(void *)), 0, SLOTS * sizeof(void *));
    for (int i = 0; i < SLOTS; i++) of->link[i] = NONE;
    outside->root[number] = thing;
}

/* A teller's references are counted; what is silent only has the address. */
static bool is_counting(int number) { return model[number].kind != SILENT; }

static void link_to(int number, int slot, int to) {
    struct model *of = &model[number];
    if (!of->is_there || !has_slots(number) || (to != NONE && !model[to].is_there)) return;
    int former = of->link[slot];
    if (former != NONE && is_counting(number)) {
        model[former].references--;
        outside->root[former]->references--;
    }
    if (to != NONE && is_counting(number)) {
        model[to].references++;
        outside->root[to]->references++;
    }
    of->link[slot] = to;
    slots_of(number)[slot] = to == NONE ? NULL : outside->root[to];
}

/* Words of others that know of it, though no references, are cleared. */
static void forget(int number) {
    for (int i = 0; i < WORDS; i++) {
        if (secret_of[i] == number) outside->secret[i] = NULL, secret_of[i] = NONE;
        if (inside_of[i] == number) outside->inside[i] = NULL, inside_of[i] = NONE;
    }
    for (int i = 0; i < THINGS; i++) {
        if (!model[i].is_there) continue;
        if (model[i].number == number) memset(outside->root[i]->slot, 0, sizeof(uintptr_t[SLOTS]));
        if (model[i].number == number) model[i].number = NONE;
        for (int j = 0; j < SLOTS && model[i].kind == SILENT; j++)
            if (model[i].link[j] == number) link_to(i, j, NONE);
    }
}

static void drop(int number) {
    struct model *of = &model[number];
    if (!of->is_there) return;
    for (int i = 0; i < SLOTS; i++) link_to(number, i, NONE);
    if (of->references != 1) return;
    forget(number);
    if (of->kind == OWNER) shoal_moving_give(outside->root[number]->table);
    shoal_moving_give(outside->root[number]);
    outside->root[number] = NULL;
    of->is_there = false;
}

/* ---- Words elsewhere -------------------------------------------------------------------- */

static void keep_secret(int number, size_t offset, int word, bool is_in_table) {
    const struct model *of = &model[number];
    if (!of->is_there) return;
    is_in_table = is_in_table && of->kind == OWNER;
    char *block =
        is_in_table ? (char *)outside->root[number]->table : (char *)outside->root[number];
    secret_of[word] = number;
    is_secret_in_table[word] = is_in_table;
    outside->secret[word] = block + offset % (is_in_table ? SLOTS * sizeof(void *) : of->bytes);
}

static void point_inside(int number, size_t offset, int word) {
    if (!model[number].is_there) return;
    inside_of[word] = number;
    outside->inside[word] = (char *)outside->root[number] + offset % model[number].bytes;
}

static void hide_reference(int number) {
    if (!model[number].is_there) return;
    bool is_hidden = model[number].hidden > 0;
    model[number].hidden = !is_hidden;
    outside->root[number]->references += is_hidden ? (size_t)-1 : 1;
}

/* As a number, or in code at an odd place. */
static void note_address(int number, int of) {
    struct thing *thing = outside->root[number];
    uintptr_t address = (uintptr_t)outside->root[of];
    if (!model[number].is_there || !model[of].is_there) return;
    if (model[number].kind == NUMBER)
        thing->value = address;
    else if (model[number].kind == CODE)
        memcpy(thing->code + 2, &address, sizeof address);
    else
        return;
    model[number].number = of;
}

/* ---- The client ---------------------------------------------------------------------------- */

static unsigned addresses_of(const void *block, uintptr_t addresses[2]) {
    addresses[0] = ((const struct thing *)block)->value;
    return 1;
}

static void stays(void *context, enum shoal_reason reason, const void *object, size_t bytes) {
    (void)context, (void)reason, (void)object, (void)bytes;
}

static void moved(void *context, void *object) { (void)context, (void)object; }

static struct shoal_found find(const void *address) {
    struct shoal_found found;
    if (!shoal_find(mover, (uintptr_t)address, &found)) fail("a thing is in no live block", 0);
    return found;
}

static struct shoal_note *note_of(const void *address) { return find(address).note; }

static void note_thing(int number) {
    struct shoal_found found = find(outside->root[number]);
    struct shoal_note *note = found.note;
    size_t unused = found.pool->block_bytes - model[number].bytes;
    note->unused_words = (uint16_t)(unused / sizeof(shoal_word));
    enum kind kind = model[number].kind;
    shoal_note_object(note, 0, outside->root[number]->references);
    if (kind == TELLER || kind == SILENT || kind == CODE)
        shoal_keep(note, SHOAL_REASON_TYPE);
    else
        note->marks |= SHOAL_IS_LAID_OUT;
    if (kind == NUMBER && model[number].number != NONE)
        shoal_keep(note_of((void *)outside->root[number]->value), SHOAL_REASON_NUMBER);
}

static void count_known(void *where) {
    struct shoal_note *note = note_of(*(void **)where);
    if (shoal_is_read(mover, where)) shoal_note_known(note);
}

static void count_reference(struct thing **slot) {
    shoal_note_reference(note_of(*slot));
    count_known(slot);
}

static void count_links(int number) {
    struct thing **slot = slots_of(number);
    enum kind kind = model[number].kind;
    if (kind == OWNER) {
        note_of(outside->root[number]->table)->marks |= SHOAL_IS_TABLE;
        count_known(&outside->root[number]->table);
    }
    for (int i = 0; i < SLOTS; i++) {
        if (!has_slots(number) || !slot[i]) continue;
        if (kind == TELLER)
            shoal_note_told(note_of(slot[i]));
        else if (kind != SILENT)
            count_reference(&slot[i]);
    }
}

static void count_all(void) {
    for (int i = 0; i < THINGS; i++)
        if (model[i].is_there) note_thing(i);
    for (int i = 0; i < THINGS; i++) {
        if (!model[i].is_there) continue;
        count_reference(&outside->root[i]);
        count_links(i);
    }
    for (int i = 0; i < WORDS; i++)
        if (outside->inside[i]) count_known(&outside->inside[i]);
}

static void rewrite_all(void *context) {
    (void)context;
    for (int i = 0; i < WORDS; i++)
        if (outside->inside[i]) shoal_rewrite(mover, &outside->inside[i]);
    for (int i = 0; i < THINGS; i++) {
        if (!model[i].is_there) continue;
        shoal_rewrite(mover, &outside->root[i]);
        if (model[i].kind == OWNER) shoal_rewrite(mover, &outside->root[i]->table);
        for (int j = 0; j < SLOTS && model[i].kind <= OWNER; j++)
            if (slots_of(i)[j]) shoal_rewrite(mover, &slots_of(i)[j]);
    }
}

static const struct shoal_mover_client client = {
    .code_mark = MARK_CODE,
    .number_mark = MARK_NUMBER,
    .number_addresses = addresses_of,
    .stays = stays,
    .moved = moved,
    .rewrite = rewrite_all,
};

/* ---- A move ---------------------------------------------------------------------------------- */

static void note_places(void) {
    for (int i = 0; i < THINGS; i++) {
        if (!model[i].is_there) continue;
        model[i].where = ~(uintptr_t)outside->root[i];
        model[i].table = model[i].kind == OWNER ? ~(uintptr_t)outside->root[i]->table : 0;
    }
}

static bool is_held_by_a_word(int number) {
    for (int i = 0; i < THINGS; i++) {
        if (!model[i].is_there) continue;
        if (model[i].number == number) return true;
        for (int j = 0; j < SLOTS && model[i].kind == SILENT; j++)
            if (model[i].link[j] == number) return true;
    }
    for (int i = 0; i < WORDS; i++)
        if (secret_of[i] == number && !is_secret_in_table[i]) return true;
    return false;
}

static bool must_stay(int number) {
    const struct model *of = &model[number];
    bool is_of_a_kind = of->kind == TELLER || of->kind == SILENT || of->kind == CODE;
    return is_of_a_kind || of->hidden > 0 || is_held_by_a_word(number);
}

static bool must_table_stay(int number) {
    for (int i = 0; i < WORDS; i++)
        if (secret_of[i] == number && is_secret_in_table[i]) return true;
    return false;
}

static void check_thing(int number) {
    const struct model *of = &model[number];
    const struct thing *thing = outside->root[number];
    if (thing->references != of->references + of->hidden) fail("its references changed", number);
    if (!pattern_holds(thing->rest, rest_bytes(of), rest_bytes(of), (uint32_t)number))
        fail("its contents changed", number);
    if (of->where != ~(uintptr_t)thing && must_stay(number)) fail("it moved", number);
    if (of->kind == OWNER && of->table != ~(uintptr_t)thing->table && must_table_stay(number))
        fail("its table moved", number);
    if (of->kind == NUMBER && of->number != NONE &&
        thing->value != (uintptr_t)outside->root[of->number])
        fail("its value is no address any more", number);
    for (int i = 0; i < SLOTS && has_slots(number); i++)
        if (slots_of(number)[i] != (of->link[i] == NONE ? NULL : outside->root[of->link[i]]))
            fail("it refers to something else", number);
}

static void check_all(void) {
    for (int i = 0; i < THINGS; i++)
        if (model[i].is_there) check_thing(i);
    shoal_check();
}

static __attribute__((noinline)) void move(bool is_stress) {
    if (shoal_mover_new(&mover, &client, is_stress) != SHOAL_MOVER_MADE) fail("no mover", 0);
    count_all();
    if (!shoal_mover_scan(mover, __builtin_frame_address(0))) fail("no scan", 0);
    shoal_mover_judge(mover);
    if (!shoal_mover_plan(mover)) fail("no plan", 0);
    shoal_mover_move(mover);
    if (mover->stale_words) fail("stale words", 0);
    shoal_mover_delete(mover);
    mover = NULL;
}

/* ---- The operations ----------------------------------------------------------------------------- */

static void run_one(const uint8_t op[4]) {
    size_t bytes = sizes[op[2] % (sizeof sizes / sizeof *sizes)];
    switch (op[0] % MOVER_OPS) {
    case MOVER_OP_MAKE:
        make(op[1], bytes, op[3] % KINDS);
        break;
    case MOVER_OP_DROP:
        drop(op[1]);
        break;
    case MOVER_OP_LINK:
        link_to(op[1], op[3] % SLOTS, op[2]);
        break;
    case MOVER_OP_SECRET:
        keep_secret(op[1], op[2], op[3] % WORDS, op[3] & WORDS);
        break;
    case MOVER_OP_HIDE:
        hide_reference(op[1]);
        break;
    case MOVER_OP_NUMBER:
        note_address(op[1], op[2]);
        break;
    case MOVER_OP_INSIDE:
        point_inside(op[1], op[2], op[3] % WORDS);
        break;
    case MOVER_OP_BURST_MAKE:
        for (int i = 0; i < op[3]; i++) make((op[1] + i) % THINGS, bytes, PLAIN);
        break;
    case MOVER_OP_BURST_DROP:
        for (int i = 0; i < op[3]; i += op[2] % 4 + 1) drop((op[1] + i) % THINGS);
        break;
    case MOVER_OP_MOVE:
        elsewhere_near.shared_every = op[2] % 8;
        note_places();
        move(op[1] & 1);
        check_all();
        break;
    }
}

static bool always(void) { return true; }

static void begin(void) {
    process_init();
    may_touch_object_heap = always;
    if (!outside) outside = os_map(sizeof *outside);
    if (!outside) abort();
    elsewhere_near.words = (struct os_range){outside, sizeof *outside};
    shoal_moving_give(take(sizes[0])); /* without any the heap has no pages to look at */
    for (int i = 0; i < WORDS; i++) secret_of[i] = inside_of[i] = NONE;
}

static void drop_all(void) {
    for (int i = 0; i < THINGS; i++)
        for (int j = 0; j < SLOTS; j++) link_to(i, j, NONE);
    for (int i = 0; i < THINGS; i++) {
        if (model[i].hidden) hide_reference(i);
        drop(i);
    }
}

void mover_ops_run(const uint8_t *bytes, size_t count) {
    begin();
    for (size_t i = 0; i + 4 <= count; i += 4) run_one(bytes + i);
    run_one((const uint8_t[4]){MOVER_OP_MOVE});
    drop_all();
    run_one((const uint8_t[4]){MOVER_OP_MOVE, 1}); /* what the last one kept goes back */
}
