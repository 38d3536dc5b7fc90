#include "domains.h"

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "free_lists.h"
#include "mallocs.h"
#include "shoal/profile.h"
#include "watched.h"

#define seldom(condition) __builtin_expect(!!(condition), 0)

/* The allocators that serve us: `innermost` when an allocator of ours is inside
 * another, `before` otherwise. They are the same unless another tool has come
 * between; see take_place(). Ours are called with the contexts of `before`: a
 * thread may be calling RAW functions, without the lock, while they are exchanged. */
static PyMemAllocatorEx before[PYMEM_DOMAIN_OBJ + 1], innermost[PYMEM_DOMAIN_OBJ + 1];

__thread int domains_are_inside;

/* Another tool has come between `before` and `innermost`. */
static int is_layered;

static int tells_of_mallocs_only;

void domains_tell_of_mallocs_only(int only) { tells_of_mallocs_only = only; }

static inline int is_guarded(PyMemAllocatorDomain domain) { return domain != PYMEM_DOMAIN_RAW; }

/* ---- While nobody wants to know: fast, and after many calls at rest --------------- */

enum { IDLE_MOST = 1 << 14 };
static unsigned idle_calls;
static void rest(void);

static inline int is_idle(void) { return seldom(shoal_profile_is_idle()) && !is_layered; }

/* Not at once, as the next call of a watched function may be near. */
static inline void rest_after_many(PyMemAllocatorDomain domain) {
    if (is_guarded(domain) && seldom(++idle_calls > IDLE_MOST)) rest();
}

static inline void *take_idle(PyMemAllocatorDomain domain, size_t size) {
    rest_after_many(domain);
    return before[domain].malloc(before[domain].ctx, size);
}

static inline void *take_zeros_idle(PyMemAllocatorDomain domain, size_t count, size_t size) {
    rest_after_many(domain);
    return before[domain].calloc(before[domain].ctx, count, size);
}

static inline void give_idle(PyMemAllocatorDomain domain, void *block) {
    if (seldom(shoal_profile_is_noted(block))) shoal_profile_gave(block, is_guarded(domain));
    rest_after_many(domain);
    before[domain].free(before[domain].ctx, block);
}

/* ---- While somebody does ------------------------------------------------------------ */

/* Before every block, with the interpreter lock. */
static inline void look(void) {
    shoal_profile_runs();
    free_lists_look();
}

/* Whether the tool that has come between is calling, with the context that it has
 * found here: within a call of ours, or for itself, as tracemalloc does. */
static inline int is_inner(PyMemAllocatorDomain domain, const void *context) {
    if (seldom(domains_are_inside)) return 1;
    return seldom(is_layered) && context == innermost[domain].ctx && context != before[domain].ctx;
}

/* The calls that is_inner() is about, past us: nobody is told of their blocks, nor of
 * what malloc is asked for by them. */
static void *take_inner(PyMemAllocatorDomain domain, size_t size) {
    int were_inside = domains_are_inside;
    domains_are_inside = 1;
    void *block = innermost[domain].malloc(innermost[domain].ctx, size);
    domains_are_inside = were_inside;
    return block;
}

static void *take_zeros_inner(PyMemAllocatorDomain domain, size_t count, size_t size) {
    int were_inside = domains_are_inside;
    domains_are_inside = 1;
    void *block = innermost[domain].calloc(innermost[domain].ctx, count, size);
    domains_are_inside = were_inside;
    return block;
}

static void *resize_inner(PyMemAllocatorDomain domain, void *block, size_t size) {
    int were_inside = domains_are_inside;
    domains_are_inside = 1;
    void *resized = innermost[domain].realloc(innermost[domain].ctx, block, size);
    domains_are_inside = were_inside;
    return resized;
}

static void give_inner(PyMemAllocatorDomain domain, void *block) {
    int were_inside = domains_are_inside;
    domains_are_inside = 1;
    innermost[domain].free(innermost[domain].ctx, block);
    domains_are_inside = were_inside;
}

/* What the events of the profiler need is no line's, nor is a page that the
 * allocator takes for it. */
static __attribute__((noinline)) void *take_for_events(PyMemAllocatorDomain domain, size_t size) {
    struct shoal_profile_pause pause;
    shoal_profile_pause(&pause);
    domains_are_inside = 1;
    void *block = before[domain].malloc(before[domain].ctx, size);
    domains_are_inside = 0;
    if (block && domain == PYMEM_DOMAIN_OBJ && !tells_of_mallocs_only) {
        shoal_profile_took(block, size, 1); /* as it goes while a line is open */
        shoal_profile_disown(block, size);
    }
    shoal_profile_resume(&pause);
    return block;
}

static inline int is_for_events(PyMemAllocatorDomain domain, size_t size) {
    if (domain == PYMEM_DOMAIN_MEM) return seldom(events_need(size));
    return EVENTS_NEED_OBJECTS && domain == PYMEM_DOMAIN_OBJ && seldom(events_need_object(size));
}

static inline void *take(PyMemAllocatorDomain domain, const void *context, size_t size) {
    PyMemAllocatorEx *to = &before[domain];
    if (is_inner(domain, context)) return take_inner(domain, size);
    if (is_guarded(domain)) look();
    if (is_for_events(domain, size)) return take_for_events(domain, size);
    domains_are_inside = 1;
    void *block = to->malloc(to->ctx, size);
    domains_are_inside = 0;
    if (seldom(tells_of_mallocs_only)) return block;
    return shoal_profile_took(block, size, is_guarded(domain));
}

static inline void *take_zeros(PyMemAllocatorDomain domain, const void *context, size_t count,
                               size_t size) {
    PyMemAllocatorEx *to = &before[domain];
    if (is_inner(domain, context)) return take_zeros_inner(domain, count, size);
    if (is_guarded(domain)) look();
    domains_are_inside = 1;
    void *block = to->calloc(to->ctx, count, size);
    domains_are_inside = 0;
    if (seldom(tells_of_mallocs_only)) return block;
    return shoal_profile_took(block, count * size, is_guarded(domain));
}

static inline void give(PyMemAllocatorDomain domain, const void *context, void *block) {
    PyMemAllocatorEx *to = &before[domain];
    if (is_inner(domain, context)) {
        give_inner(domain, block);
        return;
    }
    if (is_guarded(domain)) look();
    if (!seldom(tells_of_mallocs_only) || shoal_profile_is_noted(block))
        shoal_profile_gave(block, is_guarded(domain));
    domains_are_inside = 1;
    to->free(to->ctx, block);
    domains_are_inside = 0;
}

static int is_shoal; /* serves the guarded domains */

/* A block that is older than Shoal's installation stays where it is when it is
 * resized, and would be taken for one of Shoal's pools. It becomes one. */
static inline void *move_in(PyMemAllocatorEx *to, void *block, size_t size) {
    if (shoal_usable_size(block) > 0) return block;
    void *moved = to->malloc(to->ctx, size);
    if (!moved) return block;
    memcpy(moved, block, size);
    to->free(to->ctx, block);
    return moved;
}

/* Whether a block was none of a pool's before, and may be now. */
static inline int may_come_in(PyMemAllocatorDomain domain, size_t before_bytes, size_t size) {
    if (!is_shoal || !is_guarded(domain) || size > SHOAL_POOLED_MAX) return 0;
    return before_bytes == 0 || before_bytes > SHOAL_POOLED_MAX;
}

static inline void *resize(PyMemAllocatorDomain domain, const void *context, void *block,
                           size_t size) {
    PyMemAllocatorEx *to = &before[domain];
    if (is_inner(domain, context)) return resize_inner(domain, block, size);
    if (!block) return take(domain, context, size);
    if (is_idle() && !shoal_profile_is_noted(block)) return to->realloc(to->ctx, block, size);
    if (seldom(tells_of_mallocs_only) && !shoal_profile_is_noted(block)) {
        domains_are_inside = 1;
        void *untold = to->realloc(to->ctx, block, size);
        domains_are_inside = 0;
        return untold;
    }
    if (is_guarded(domain)) look();
    struct shoal_profile_note note = shoal_profile_resizing(block, is_guarded(domain));
    domains_are_inside = 1;
    void *resized = to->realloc(to->ctx, block, size);
    if (resized && may_come_in(domain, note.bytes, size)) resized = move_in(to, resized, size);
    domains_are_inside = 0;
    shoal_profile_resized(note, block, resized, size, is_guarded(domain));
    return resized;
}

/* A line is open, and nothing is out of the ordinary. */
static inline int is_usual(PyMemAllocatorDomain domain) {
    return is_guarded(domain) && shoal_profile_has_line() &&
           !(domains_are_inside | is_layered | tells_of_mallocs_only);
}

static inline void *take_usual(PyMemAllocatorDomain domain, size_t size) {
    if (is_for_events(domain, size)) return take_for_events(domain, size);
    look();
    domains_are_inside = 1;
    void *block = before[domain].malloc(before[domain].ctx, size);
    domains_are_inside = 0;
    if (!seldom(!shoal_profile_took_usual(block, size))) return block;
    return shoal_profile_took(block, size, 1);
}

static inline int gave_usual(const void *block) {
    look();
    return shoal_profile_gave_usual(block);
}

/* Apart, so that the usual path saves no registers. */
#define UNUSUAL static __attribute__((noinline, flatten))

#define DOMAIN(name, domain) \
    UNUSUAL void *name##_take(void *context, size_t size) { \
        return is_idle() ? take_idle(domain, size) : take(domain, context, size); \
    } \
    UNUSUAL void name##_give(void *context, void *block) { \
        if (is_idle()) \
            give_idle(domain, block); \
        else \
            give(domain, context, block); \
    } \
    static __attribute__((flatten)) void *name##_malloc(void *context, size_t size) { \
        if (seldom(!is_usual(domain))) return name##_take(context, size); \
        return take_usual(domain, size); \
    } \
    static void *name##_calloc(void *context, size_t count, size_t size) { \
        return is_idle() ? take_zeros_idle(domain, count, size) \
                         : take_zeros(domain, context, count, size); \
    } \
    static void *name##_realloc(void *context, void *block, size_t size) { \
        return resize(domain, context, block, size); \
    } \
    static __attribute__((flatten)) void name##_free(void *context, void *block) { \
        if (seldom(!is_usual(domain)) || seldom(!gave_usual(block))) { \
            name##_give(context, block); \
            return; \
        } \
        before[domain].free(before[domain].ctx, block); \
    }

DOMAIN(raw, PYMEM_DOMAIN_RAW)
DOMAIN(memory, PYMEM_DOMAIN_MEM)
DOMAIN(object, PYMEM_DOMAIN_OBJ)

static enum {
    AWAY,     /* nobody calls us                                          */
    FOR_GONE, /* blocks that are resized or given back are ours to tell of; of
                 RAW all: what another tool takes for itself it takes there,
                 maybe under a lock, and must not meet itself behind us    */
    IN_PLACE, /* all                                                      */
} place;

/* What gives back while we are FOR_GONE: nearly all blocks have no note. A tool that
 * has come meanwhile may call it later as well. */
#define FREE_FOR_GONE(name, domain) \
    static __attribute__((flatten)) void name##_free_for_gone(void *context, void *block) { \
        if (seldom(place != FOR_GONE) || seldom(shoal_profile_is_noted(block)) || \
            seldom(++idle_calls > IDLE_MOST)) { \
            name##_free(context, block); \
            return; \
        } \
        before[domain].free(before[domain].ctx, block); \
    }

FREE_FOR_GONE(memory, PYMEM_DOMAIN_MEM)
FREE_FOR_GONE(object, PYMEM_DOMAIN_OBJ)

/* ---- In the allocators' place, or not ------------------------------------------- */

static const PyMemAllocatorEx ours[] = {
    [PYMEM_DOMAIN_RAW] = {NULL, raw_malloc, raw_calloc, raw_realloc, raw_free},
    [PYMEM_DOMAIN_MEM] = {NULL, memory_malloc, memory_calloc, memory_realloc, memory_free},
    [PYMEM_DOMAIN_OBJ] = {NULL, object_malloc, object_calloc, object_realloc, object_free},
};
enum { FIRST = PYMEM_DOMAIN_RAW, FIRST_GUARDED = PYMEM_DOMAIN_MEM, LAST = PYMEM_DOMAIN_OBJ };

static void (*const free_for_gone[])(void *context, void *block) = {
    [PYMEM_DOMAIN_RAW] = raw_free,
    [PYMEM_DOMAIN_MEM] = memory_free_for_gone,
    [PYMEM_DOMAIN_OBJ] = object_free_for_gone,
};

static int is_ours(PyMemAllocatorDomain domain, const PyMemAllocatorEx *allocator) {
    return allocator->free == ours[domain].free || allocator->free == free_for_gone[domain];
}

static int is_wanted; /* by domains_tell() */

int domains_are_told(void) { return is_wanted; }

static int are_foremost(void) {
    for (int domain = FIRST; domain <= LAST; domain++) {
        PyMemAllocatorEx now;
        PyMem_GetAllocator(domain, &now);
        if (!is_ours(domain, &now)) return 0;
    }
    return 1;
}

/* Idle: the allocators there were serve the calls that nobody needs to know of,
 * and when no block has a note, all. Not where another tool stands before us. */
static __attribute__((noinline)) void rest(void) {
    idle_calls = 0;
    if (place == AWAY || !are_foremost()) return;
    free_lists_open();
    int has_notes = shoal_profile_noted_blocks() > 0;
    if (place == FOR_GONE && has_notes) return;
    free_lists_forget_what_comes(has_notes);
    for (int domain = has_notes ? FIRST_GUARDED : FIRST; domain <= LAST; domain++) {
        PyMemAllocatorEx allocator = before[domain];
        if (has_notes) allocator.realloc = ours[domain].realloc;
        if (has_notes) allocator.free = free_for_gone[domain];
        PyMem_SetAllocator(domain, &allocator);
    }
    place = has_notes ? FOR_GONE : AWAY;
    mallocs_tell(has_notes ? MALLOCS_THAT_GO : MALLOCS_UNTOLD);
}

/* Whether the tool that had come between is gone: what it puts back is as it was
 * when it came, FOR_GONE. */
static int is_layer_gone(void) {
    PyMemAllocatorEx now;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &now);
    return is_ours(PYMEM_DOMAIN_OBJ, &now) && now.malloc != object_malloc;
}

/* Before whatever is there now. A tool that came while we were FOR_GONE is
 * between us and ourselves then: so the inner calls have allocators of their own. */
static void take_place(void) {
    if (place == IN_PLACE && !(is_layered && is_layer_gone())) return;
    is_layered = 0;
    for (int domain = place == AWAY ? FIRST : FIRST_GUARDED; domain <= LAST; domain++) {
        PyMemAllocatorEx allocator = ours[domain], now;
        PyMem_GetAllocator(domain, &now);
        if (place == AWAY) innermost[domain] = now;
        int is_other = place != AWAY && !is_ours(domain, &now);
        before[domain] = is_other ? now : innermost[domain];
        is_layered |= is_other;
        allocator.ctx = now.ctx;
        PyMem_SetAllocator(domain, &allocator);
    }
    place = IN_PLACE;
    mallocs_tell(MALLOCS_ALL);
    free_lists_close();
}

void domains_tell(void) {
    if (is_wanted) return;
    is_wanted = 1;
    free_lists_find();

    is_shoal = shoal_python_state() == SHOAL_PYTHON_ON;
    shoal_profile_begin_by(take_place);
    if (!shoal_profile_is_idle()) take_place();
}

/* ---- For a moment ------------------------------------------------------------------ */

static PyMemAllocatorEx stood_aside;
static int stands_aside;

void domains_step_aside(void) {
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &stood_aside);
    PyMemAllocatorEx allocator = stood_aside;
    stands_aside = allocator.malloc == object_malloc;
    if (!stands_aside) return;
    allocator.malloc = before[PYMEM_DOMAIN_OBJ].malloc;
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &allocator);
}

void domains_step_back(void) {
    if (stands_aside) PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &stood_aside);
}
