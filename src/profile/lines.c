/* Lines, and the threads' stacks of activations. */
#include <pthread.h>
#include <stdbool.h>

#include "base/hints.h"
#include "base/os.h"
#include "profile/ledger.h"
#include "profile/mark.h"
#include "shoal/profile.h"

struct reading {
    struct shoal_gauge gauge;
    int64_t net;
};

/* One call of a watched function, from entering to leaving. */
struct activation {
    struct shoal_function *function;
    struct shoal_line *open;        /* NULL before the first line                        */
    struct reading entered;
    struct reading started;   /* the open line                                     */
    struct reading elsewhere; /* accounted for by inner ones of the same function  */
    int64_t highest;          /* of the thread's tally, over the lines closed      */
    int64_t outer_high;       /* the tally's when this was entered                 */
};

/* A thread's activations, the uppermost last. */
struct stack {
    struct activation *activations;
    size_t count, room;
};

enum { FIRST_ROOM = 32 }; /* activations: about a page */

static __thread struct stack stack __attribute__((tls_model("initial-exec")));
static pthread_key_t stack_key;

static void read_nothing(struct shoal_gauge *gauge) { *gauge = (struct shoal_gauge){-1, 0, 0}; }

static void (*read_gauge)(struct shoal_gauge *gauge) = read_nothing;

void shoal_profile_read_gauge_by(void (*read)(struct shoal_gauge *gauge)) { read_gauge = read; }

struct shoal_function *shoal_profile_function(int first_line, size_t line_count) {
    size_t bytes = sizeof(struct shoal_function) + line_count * sizeof(struct shoal_line);
    struct shoal_function *function = os_map(bytes);
    if (!function) return NULL;
    function->first_line = first_line;
    function->line_count = line_count;
    shoal_profile_reset(function);
    return function;
}

void shoal_profile_reset(struct shoal_function *function) {
    function->calls = 0;
    function->rss_before = -1;
    for (size_t i = 0; i < function->line_count; i++)
        function->lines[i] = (struct shoal_line){.rss = -1, .rss_peak = -1};
}

static always_inline struct shoal_line *line_of(struct shoal_function *function, int line) {
    size_t index = (size_t)line - (size_t)function->first_line;
    return likely(index < function->line_count) ? &function->lines[index] : NULL;
}

/* ---- Readings --------------------------------------------------------------- */

static always_inline void read_now(struct reading *now) {
    read_gauge(&now->gauge);
    now->net = tally.net;
}

static void add_difference(struct reading *sum, const struct reading *to,
                           const struct reading *from) {
    sum->net += to->net - from->net;
    sum->gauge.rss += to->gauge.rss - from->gauge.rss;
    sum->gauge.held += to->gauge.held - from->gauge.held;
    sum->gauge.returned += to->gauge.returned - from->gauge.returned;
}

/* ---- Lines -------------------------------------------------------------------- */

static void close_line(struct activation *activation, const struct reading *now) {
    struct shoal_line *line = activation->open;
    const struct reading *start = &activation->started, *other = &activation->elsewhere;
    int64_t net = now->net - start->net - other->net;
    int64_t peak = tally.high - start->net;
    line->net += net;
    if (net > line->worst_growth) line->worst_growth = net;
    if (peak > line->peak) line->peak = peak;
    line->held += now->gauge.held - start->gauge.held - other->gauge.held;
    line->returned += now->gauge.returned - start->gauge.returned - other->gauge.returned;
    if (now->gauge.rss >= 0) {
        line->rss = now->gauge.rss;
        if (line->rss > line->rss_peak) line->rss_peak = line->rss;
        line->rss_growth += now->gauge.rss - start->gauge.rss - other->gauge.rss;
    }
    if (tally.high > activation->highest) activation->highest = tally.high;
    activation->open = NULL;
}

static void open_line(struct activation *activation, struct shoal_line *line,
                      const struct reading *now) {
    if (unlikely(line->site == 0)) line->site = ledger_new_site();
    activation->open = line;
    activation->started = *now;
    activation->elsewhere = (struct reading){{0, 0, 0}, 0};
    tally.site = line->site;
    tally.high = tally.net;
}

/* ---- The stack ------------------------------------------------------------------ */

static void unmap_stack(void *activations) {
    if (stack.count > 0) ledger_end();
    os_unmap(activations, stack.room * sizeof(struct activation));
    stack = (struct stack){NULL, 0, 0};
}

/* In the child of a fork: there is no other thread. */
static void count_only_this_thread(void) {
    atomic_store(&ledger_busy, (stack.count > 0) + (mark_site() != 0));
}

static void make_key(void) {
    pthread_key_create(&stack_key, unmap_stack);
    pthread_atfork(NULL, NULL, count_only_this_thread);
}

static never_inline bool grow_stack(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t before = stack.room * sizeof(struct activation);
    size_t room = stack.room ? stack.room * 2 : FIRST_ROOM;
    size_t bytes = room * sizeof(struct activation);
    void *grown = before ? os_remap(stack.activations, before, bytes) : os_map(bytes);
    if (!grown) return false;
    stack.activations = grown;
    stack.room = room;
    pthread_once(&once, make_key);
    pthread_setspecific(stack_key, grown);
    return true;
}

/* The activation that an event of `function` is about: the uppermost, or one
 * below it when the others were left without a word. */
static struct activation *activation_of(const struct shoal_function *function) {
    for (size_t i = stack.count; i-- > 0;)
        if (stack.activations[i].function == function) return &stack.activations[i];
    return NULL;
}

static void pop(const struct reading *now) {
    struct activation *left = &stack.activations[--stack.count];
    struct shoal_function *function = left->function;
    if (left->open) close_line(left, now);
    int64_t highest = left->highest > left->outer_high ? left->highest : left->outer_high;
    if (highest > tally.high) tally.high = highest;
    struct activation *outer = activation_of(function);
    if (outer && outer->open) add_difference(&outer->elsewhere, now, &left->entered);
    struct shoal_line *below = stack.count ? stack.activations[stack.count - 1].open : NULL;
    tally.site = below ? below->site : 0;
    if (stack.count == 0) ledger_end();
}

void shoal_profile_enter(struct shoal_function *function, int line) {
    if (unlikely(stack.count == stack.room) && !grow_stack()) return;
    if (stack.count == 0) ledger_begin();
    struct activation *activation = &stack.activations[stack.count++];
    *activation = (struct activation){.function = function, .outer_high = tally.high};
    read_now(&activation->entered);
    activation->highest = activation->entered.net;
    if (line == 0) {
        function->calls++;
        function->rss_before = activation->entered.gauge.rss;
    }
    struct shoal_line *resumed = line ? line_of(function, line) : NULL;
    if (resumed) open_line(activation, resumed, &activation->entered);
}

static never_inline struct activation *pop_to(const struct shoal_function *function,
                                              const struct reading *now) {
    struct activation *wanted = activation_of(function);
    if (!wanted) return NULL;
    while (&stack.activations[stack.count - 1] != wanted) pop(now);
    return wanted;
}

void shoal_profile_line(struct shoal_function *function, int line) {
    struct reading now;
    if (unlikely(stack.count == 0)) return;
    read_now(&now);
    struct activation *activation = &stack.activations[stack.count - 1];
    if (unlikely(activation->function != function)) activation = pop_to(function, &now);
    if (unlikely(!activation)) return;
    if (likely(activation->open != NULL)) close_line(activation, &now);
    struct shoal_line *begun = line_of(function, line);
    if (unlikely(!begun)) {
        tally.site = 0;
        return;
    }
    begun->hits++;
    open_line(activation, begun, &now);
}

void shoal_profile_leave(struct shoal_function *function) {
    struct reading now;
    if (stack.count == 0) return;
    read_now(&now);
    if (pop_to(function, &now)) pop(&now);
}

/* ---- Pauses ----------------------------------------------------------------------- */

/* How many there are in each other on this thread. */
static __thread unsigned pauses __attribute__((tls_model("initial-exec")));

void shoal_profile_pause(struct shoal_profile_pause *pause) {
    pauses++;
    read_gauge(&pause->gauge);
    pause->net = tally.net;
    pause->high = tally.high;
    pause->site = tally.site;
    tally.site = 0;
}

/* Every reading that was taken is moved by what the gauge told meanwhile: then
 * the differences to later ones are as if it had not been. */
static void move_reading(struct reading *taken, const struct shoal_gauge *now,
                         const struct shoal_gauge *then) {
    taken->gauge.rss += now->rss - then->rss;
    taken->gauge.held += now->held - then->held;
    taken->gauge.returned += now->returned - then->returned;
}

void shoal_profile_resume(const struct shoal_profile_pause *pause) {
    struct shoal_gauge now;
    tally.net = pause->net;
    tally.high = pause->high;
    tally.site = pause->site;
    if (--pauses > 0) return; /* the outermost has what all of them did */
    read_gauge(&now);
    for (size_t i = 0; i < stack.count; i++) {
        move_reading(&stack.activations[i].entered, &now, &pause->gauge);
        move_reading(&stack.activations[i].started, &now, &pause->gauge);
    }
}

int shoal_profile_is_in(const struct shoal_function *function) {
    return stack.count > 0 && stack.activations[stack.count - 1].function == function;
}

size_t shoal_profile_depth(void) { return stack.count; }

void shoal_profile_leave_all(void) {
    struct reading now;
    if (stack.count == 0) return;
    read_now(&now);
    while (stack.count > 0) pop(&now);
}
