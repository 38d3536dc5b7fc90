#include "profile/balance.h"

#include <string.h>

#include "base/hints.h"

size_t balance_bytes(size_t lines) {
    return sizeof(struct balance) + (lines + 1) * sizeof(struct part);
}

void balance_begin(struct balance *balance, enum balance_of of, size_t lines, int64_t *shown,
                   size_t stride) {
    memset(balance, 0, balance_bytes(lines));
    balance->of = of;
    balance->part_count = (unsigned)lines + 1;
    balance->shown = shown;
    balance->stride = stride;
}

static int64_t least(int64_t one, int64_t other) { return one < other ? one : other; }

static struct part *part_at(struct balance *balance, unsigned place) {
    return &balance->parts[place - 1];
}

static void show(struct balance *balance, unsigned place) {
    const struct part *part = part_at(balance, place);
    if (place == balance->part_count) return;
    int64_t *shown = (int64_t *)((char *)balance->shown + (place - 1) * balance->stride);
    *shown = part->there + part->undone - part->fell;
}

/* ---- Two lists ------------------------------------------------------------------------ */

static void take_off_pile(struct balance *balance, unsigned place) {
    struct part *part = part_at(balance, place);
    if (part->above) part_at(balance, part->above)->below = part->below;
    if (part->below) part_at(balance, part->below)->above = part->above;
    if (balance->top == place) balance->top = part->below;
    part->above = part->below = 0;
}

static void put_on_pile(struct balance *balance, unsigned place) {
    if (balance->top == place) return;
    take_off_pile(balance, place);
    if (balance->top) part_at(balance, balance->top)->above = place;
    part_at(balance, place)->below = balance->top;
    balance->top = place;
}

static void forget_fall(struct balance *balance, unsigned place) {
    struct part *part = part_at(balance, place);
    if (part->fell_later) part_at(balance, part->fell_later)->fell_before = part->fell_before;
    if (part->fell_before) part_at(balance, part->fell_before)->fell_later = part->fell_later;
    if (balance->latest == place) balance->latest = part->fell_before;
    part->fell_later = part->fell_before = 0;
}

static void remember_fall(struct balance *balance, unsigned place) {
    if (balance->latest == place) return;
    forget_fall(balance, place);
    if (balance->latest) part_at(balance, balance->latest)->fell_later = place;
    part_at(balance, place)->fell_before = balance->latest;
    balance->latest = place;
}

/* ---- Up and down ------------------------------------------------------------------------ */

/* Those who fell last have fallen by so much less. What is left of the bytes. */
static int64_t make_up(struct balance *balance, int64_t bytes) {
    while (bytes > 0 && balance->latest) {
        unsigned place = balance->latest;
        struct part *fallen = part_at(balance, place);
        int64_t again = least(bytes, fallen->fell);
        fallen->fell -= again;
        bytes -= again;
        if (fallen->fell == 0) forget_fall(balance, place);
        show(balance, place);
    }
    return bytes;
}

static void rise(struct balance *balance, unsigned place, int64_t bytes) {
    struct part *part = part_at(balance, place);
    int64_t again = least(bytes, part->undone);
    if (balance->of == BALANCE_OF_WHAT_STAYS && !(bytes = make_up(balance, bytes))) return;
    part->undone -= again;
    part->there += bytes;
    put_on_pile(balance, place);
    make_up(balance, again);
}

/* How much of a part was there to be taken away. */
static int64_t take_away(struct balance *balance, unsigned place, int64_t bytes) {
    struct part *part = part_at(balance, place);
    int64_t away = least(bytes, part->there);
    part->there -= away;
    if (part->there == 0) take_off_pile(balance, place);
    return away;
}

/* No line undid more than there ever was: the rest is the outside's. */
static void fell(struct balance *balance, unsigned place, int64_t bytes) {
    struct part *part = part_at(balance, place);
    int64_t most = balance->highest - balance->lowest, over;
    part->fell += bytes;
    remember_fall(balance, place);
    over = part->fell - most;
    if (over <= 0 || place == balance->part_count) return;
    part->fell = most;
    fell(balance, balance->part_count, over);
}

static void fall(struct balance *balance, unsigned place, int64_t bytes) {
    int64_t left =
        part_at(balance, place)->there ? bytes - take_away(balance, place, bytes) : bytes;
    int64_t of_others = left;
    while (left > 0 && balance->top) {
        unsigned top = balance->top;
        int64_t undone = take_away(balance, top, left);
        if (balance->of == BALANCE_OF_WHAT_WAS_DONE) part_at(balance, top)->undone += undone;
        show(balance, top);
        left -= undone;
    }
    int64_t fallen = balance->of == BALANCE_OF_WHAT_WAS_DONE ? of_others : left;
    if (fallen) fell(balance, place, fallen);
}

static void change(struct balance *balance, unsigned place, int64_t by) {
    if (by > 0) rise(balance, place, by);
    if (by < 0) fall(balance, place, -by);
    if (by != 0) show(balance, place);
}

static void widen(struct balance *balance, int64_t level) {
    if (level < balance->lowest) balance->lowest = level;
    if (level > balance->highest) balance->highest = level;
}

void balance_change(struct balance *balance, size_t line, int64_t by, int64_t level) {
    int64_t outside = balance->is_begun ? level - balance->level - by : 0;
    if (likely((by | outside) == 0)) return;
    if (!balance->is_begun) balance->lowest = balance->highest = level;
    balance->is_begun = 1;
    balance->level = level;
    widen(balance, level - by);
    widen(balance, level);
    change(balance, balance->part_count, outside);
    change(balance, (unsigned)line + 1, by);
}
