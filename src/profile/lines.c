/* Lines, and the threads' stacks of activations. */
#include <pthread.h>
#include <stdbool.h>

#include "base/hints.h"
#include "base/os.h"
#include "profile/balance.h"
#include "profile/ledger.h"
#include "profile/mark.h"
#include "shoal/profile.h"

/* Of a thread: its share of what the gauge told, and its net. */
struct reading {
    int64_t rss, held, returned, net;
};

/* One call of a watched function, from entering to leaving. */
struct activation {
    struct shoal_function *function;
    struct shoal_line *open;        /* NULL before the first line                        */
    struct reading entered;
    struct reading started; /* the open line                                     */
    struct reading told;    /* what the gauge said of it until then is in its figures */
    int64_t elsewhere;      /* net that inner ones of the same function had          */
    size_t outer;           /* of the same function, by place + 1; 0: there is none  */
    int64_t highest;          /* of the thread's tally, over the lines closed      */
    int64_t outer_high;       /* the tally's when this was entered                 */
    unsigned statement;       /* that it is in, as a line knows it; 0: in none     */
    uint64_t begun;           /* of its first lines, by bit: those that were begun */
};

/* A thread's activations, the uppermost last. */
struct stack {
    struct activation *activations;
    size_t count, room;
};

enum { FIRST_ROOM = 32 }; /* activations: about a page */

static __thread struct stack stack __attribute__((tls_model(SHOAL_TLS_MODEL)));
static pthread_key_t stack_key;

static void read_nothing(struct shoal_gauge *gauge) { *gauge = (struct shoal_gauge){-1, 0, 0}; }

static void (*read_gauge)(struct shoal_gauge *gauge) = read_nothing;

void shoal_profile_read_gauge_by(void (*read)(struct shoal_gauge *gauge)) { read_gauge = read; }

struct shoal_function *shoal_profile_function(int first_line, size_t line_count) {
    size_t lines_end = sizeof(struct shoal_function) + line_count * sizeof(struct shoal_line);
    char *mapped = os_map(lines_end + 2 * balance_bytes(line_count));
    struct shoal_function *function = (struct shoal_function *)mapped;
    if (!function) return NULL;
    function->first_line = first_line;
    function->line_count = line_count;
    function->held = (struct balance *)(mapped + lines_end);
    function->rss = (struct balance *)(mapped + lines_end + balance_bytes(line_count));
    for (size_t i = 0; i < line_count; i++) function->lines[i].statement = (unsigned)i + 1;
    shoal_profile_reset(function);
    return function;
}

void shoal_profile_reset(struct shoal_function *function) {
    function->calls = 0;
    function->rss_before = -1;
    for (size_t i = 0; i < function->line_count; i++) {
        struct shoal_line *line = &function->lines[i];
        *line = (struct shoal_line){.rss = -1, .rss_peak = -1, .statement = line->statement};
    }
    struct shoal_line *first = function->lines;
    size_t lines = function->line_count;
    balance_begin(function->held, BALANCE_OF_WHAT_STAYS, lines, &first->held, sizeof *first);
    balance_begin(function->rss, BALANCE_OF_WHAT_WAS_DONE, lines, &first->rss_growth,
                  sizeof *first);
}

static always_inline struct shoal_line *line_of(struct shoal_function *function, int line) {
    size_t index = (size_t)line - (size_t)function->first_line;
    return likely(index < function->line_count) ? &function->lines[index] : NULL;
}

void shoal_profile_statement(struct shoal_function *function, int first, int last) {
    const struct shoal_line *begins = line_of(function, first);
    if (!begins) return;
    for (int line = first; line <= last; line++) {
        struct shoal_line *one = line_of(function, line);
        if (one) one->statement = (unsigned)(begins - function->lines) + 1;
    }
}

/* ---- Whose doing it is what the gauge tells --------------------------------------
 *
 * One thread at a time has the interpreter lock. Whenever it is seen that it is
 * another one, what has changed until then is put down to the one before: so each
 * change is one thread's, and the shares of all add up to what the gauge told. */

struct share *ledger_running;

static struct shoal_gauge told; /* when the gauge was last read */

static void put_down(struct share *share, const struct shoal_gauge *now) {
    if (now->rss >= 0 && told.rss >= 0) share->rss += now->rss - told.rss;
    share->held += now->held - told.held;
    share->returned += now->returned - told.returned;
}

/* Most lines change nothing. */
static void settle(struct share *next) {
    struct shoal_gauge now;
    read_gauge(&now);
    int64_t changes =
        (now.rss ^ told.rss) | (now.held ^ told.held) | (now.returned ^ told.returned);
    if (unlikely(changes)) {
        if (ledger_running) put_down(ledger_running, &now);
        told = now;
    }
    ledger_running = next;
}

static never_inline void run_another(void) { settle(tally.share); }

void shoal_profile_runs(void) {
    if (unlikely(ledger_running != tally.share)) run_another();
}

static struct share *free_shares;

/* NULL when there is no memory: then what the gauge tells is nobody's. */
static struct share *take_share(void) {
    enum { SHARES = OS_PAGE / sizeof(struct share) };
    if (!free_shares) {
        struct share *mapped = os_map(SHARES * sizeof *mapped);
        for (size_t i = 0; mapped && i < SHARES; i++) {
            mapped[i].next = free_shares;
            free_shares = &mapped[i];
        }
    }
    struct share *taken = free_shares;
    if (taken) free_shares = taken->next;
    return taken;
}

static void give_share(void) {
    struct share *given = tally.share;
    settle(NULL);
    tally.share = NULL;
    if (!given) return;
    given->next = free_shares;
    free_shares = given;
}

/* ---- Readings --------------------------------------------------------------- */

static always_inline void read_now(struct reading *now) {
    struct share *share = tally.share;
    settle(share);
    *now = (struct reading){.net = tally.net};
    if (unlikely(!share)) return;
    now->rss = share->rss;
    now->held = share->held;
    now->returned = share->returned;
}

/* ---- Lines -------------------------------------------------------------------- */

/* What the gauge told since it was last put into the figures of the open line. */
static void enter_gauge(struct activation *activation, const struct reading *now) {
    struct shoal_function *function = activation->function;
    struct shoal_line *line = activation->open;
    const struct reading *from = &activation->told;
    size_t index = (size_t)(line - function->lines);
    balance_change(function->held, index, now->held - from->held, told.held);
    line->returned += now->returned - from->returned;
    if (told.rss < 0) return;
    balance_change(function->rss, index, now->rss - from->rss, told.rss);
    line->rss_sum += now->rss - from->rss;
}

/* The bits of the first lines of a statement up to this one, and that of this one. The
 * last bit is of all lines that have none of their own. */
static always_inline uint64_t bit_of(const struct shoal_function *function,
                                     const struct shoal_line *line) {
    size_t place = (size_t)(line - function->lines) + 1 - line->statement;
    return (uint64_t)1 << (place < 63 ? place : 63);
}

/* Whether a statement of several lines comes back to one of them, as a call does to its
 * first line after its arguments. A line that follows itself is a loop's next round. */
static always_inline bool comes_back(struct activation *activation, const struct shoal_line *line,
                                     const struct shoal_line *before) {
    if (activation->statement != line->statement || line == before) {
        activation->statement = line->statement;
        activation->begun = 0;
    }
    uint64_t bit = bit_of(activation->function, line);
    bool is_begun = (activation->begun & bit) != 0;
    activation->begun |= bit;
    return is_begun;
}

/* Resumed in the midst of a statement: what comes before in it was begun. */
static void go_on_in(struct activation *activation, const struct shoal_line *line) {
    activation->statement = line->statement;
    activation->begun = 2 * bit_of(activation->function, line) - 1;
}

static void close_line(struct activation *activation, const struct reading *now) {
    struct shoal_line *line = activation->open;
    int64_t net = now->net - activation->started.net - activation->elsewhere;
    int64_t peak = tally.high - activation->started.net;
    line->net += net;
    line->all_after = ledger_live();
    if (net > line->worst_growth) line->worst_growth = net;
    if (peak > line->peak) line->peak = peak;
    enter_gauge(activation, now);
    if (told.rss >= 0) line->rss = told.rss;
    if (line->rss > line->rss_peak) line->rss_peak = line->rss;
    if (tally.high > activation->highest) activation->highest = tally.high;
    activation->open = NULL;
}

static void open_line(struct activation *activation, struct shoal_line *line,
                      const struct reading *now) {
    if (unlikely(line->site == 0)) line->site = ledger_new_site();
    activation->open = line;
    activation->started = activation->told = *now;
    activation->elsewhere = 0;
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
    if (left->open) close_line(left, now);
    int64_t highest = left->highest > left->outer_high ? left->highest : left->outer_high;
    if (highest > tally.high) tally.high = highest;
    struct activation *outer = left->outer ? &stack.activations[left->outer - 1] : NULL;
    if (outer && outer->open) {
        outer->elsewhere += now->net - left->entered.net;
        outer->told = *now;
    }
    struct shoal_line *below = stack.count ? stack.activations[stack.count - 1].open : NULL;
    tally.site = below ? below->site : 0;
    if (stack.count > 0) return;
    give_share();
    ledger_end();
}

void shoal_profile_enter(struct shoal_function *function, int line) {
    if (unlikely(stack.count == stack.room) && !grow_stack()) return;
    if (stack.count == 0) {
        ledger_begin();
        tally.share = take_share();
    }
    struct activation *outer = activation_of(function);
    struct activation *activation = &stack.activations[stack.count++];
    *activation = (struct activation){.function = function, .outer_high = tally.high};
    read_now(&activation->entered);
    if (outer) activation->outer = (size_t)(outer - stack.activations) + 1;
    if (outer && outer->open) enter_gauge(outer, &activation->entered);
    activation->highest = activation->entered.net;
    if (line == 0) {
        function->calls++;
        function->rss_before = told.rss;
    }
    struct shoal_line *resumed = line ? line_of(function, line) : NULL;
    if (!resumed) return;
    go_on_in(activation, resumed);
    open_line(activation, resumed, &activation->entered);
}

static never_inline struct activation *pop_to(const struct shoal_function *function,
                                              const struct reading *now) {
    struct activation *wanted = activation_of(function);
    if (!wanted) return NULL;
    while (&stack.activations[stack.count - 1] != wanted) pop(now);
    return wanted;
}

/* At every power of two the later half becomes the earlier one. */
static always_inline void follow(struct shoal_line *line) {
    struct shoal_course *course = &line->course;
    int64_t live = line->site ? ledger_live_of(line->site) : 0;
    if (live < course->half_low) course->half_low = live;
    if (likely((line->hits & (line->hits - 1)) != 0)) return;
    course->early_hits = course->half_hits;
    course->early_live = course->half_live;
    course->low = course->half_low;
    course->half_hits = line->hits;
    course->half_live = course->half_low = live;
}

void shoal_profile_line(struct shoal_function *function, int line) {
    struct reading now;
    if (unlikely(stack.count == 0)) return;
    read_now(&now);
    struct activation *activation = &stack.activations[stack.count - 1];
    if (unlikely(activation->function != function)) activation = pop_to(function, &now);
    if (unlikely(!activation)) return;
    const struct shoal_line *before = activation->open;
    if (likely(before != NULL)) close_line(activation, &now);
    struct shoal_line *begun = line_of(function, line);
    if (unlikely(!begun)) {
        tally.site = 0;
        return;
    }
    if (likely(!comes_back(activation, begun, before))) {
        if (unlikely(begun->hits++ == 0)) begun->all_before = ledger_live();
        follow(begun);
    }
    open_line(activation, begun, &now);
}

void shoal_profile_leave(struct shoal_function *function) {
    struct reading now;
    if (stack.count == 0) return;
    read_now(&now);
    if (pop_to(function, &now)) pop(&now);
}

/* ---- Strands -------------------------------------------------------------------- */

int shoal_profile_set_aside(struct shoal_profile_strand *strand) {
    if (stack.count == 0) return false;
    settle(NULL);
    *strand = (struct shoal_profile_strand){
        stack.activations, stack.count, stack.room, tally.net, tally.high, tally.share, tally.site,
    };
    stack = (struct stack){NULL, 0, 0};
    tally.share = NULL;
    tally.site = 0;
    pthread_setspecific(stack_key, NULL);
    return true;
}

void shoal_profile_take_up(const struct shoal_profile_strand *strand) {
    if (stack.activations) os_unmap(stack.activations, stack.room * sizeof(struct activation));
    stack = (struct stack){strand->activations, strand->count, strand->room};
    tally = (struct tally){strand->site, strand->net, strand->high, strand->share};
    pthread_setspecific(stack_key, stack.activations);
    settle(tally.share);
}

/* ---- Pauses ----------------------------------------------------------------------- */

/* How many there are in each other on this thread. */
static __thread unsigned pauses __attribute__((tls_model(SHOAL_TLS_MODEL)));

void shoal_profile_pause(struct shoal_profile_pause *pause) {
    pauses++;
    settle(NULL);
    *pause = (struct shoal_profile_pause){tally.share, tally.net, tally.high, tally.site};
    tally.share = NULL;
    tally.site = 0;
}

void shoal_profile_resume(const struct shoal_profile_pause *pause) {
    tally.net = pause->net;
    tally.high = pause->high;
    tally.site = pause->site;
    tally.share = pause->share;
    if (--pauses == 0) settle(tally.share); /* the outermost has what all of them did */
}

void shoal_profile_sum_up(struct shoal_function *function) {
    ledger_catch_up();
    settle(ledger_running);
    balance_change(function->held, 0, 0, told.held);
    if (told.rss >= 0) balance_change(function->rss, 0, 0, told.rss);
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
