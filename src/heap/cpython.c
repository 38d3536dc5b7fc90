/* Shoal as the allocator of a CPython: the OBJ and MEM domains.
 *
 * The interpreter is found among the loaded symbols at run time, so the library
 * needs no Python to build or to load. Calls in both domains hold the
 * interpreter lock, so they share object_heap without lock or atomics.
 *
 * More than one lock (PEP 684, 3.12 and later). The runtime links a new
 * interpreter into its list, and then allocates its first thread state in the
 * RAW domain, before the new interpreter's own lock exists. Our RAW functions
 * are the old ones with a look at that list: at the second interpreter they
 * close the fast paths for good. From then on the slow paths ask who is
 * calling: the main interpreter goes on with object_heap, all others use the
 * heap of the calling thread, which is right under any lock. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/hints.h"
#include "heap/cpython.h"
#include "heap/idle.h"
#include "heap/large.h"
#include "heap/mapping.h"
#include "heap/process.h"
#include "heap/threads.h"
#include "shoal/heap.h"

/* As CPython's PyMemAllocatorEx and PyMemAllocatorDomain, unchanged since 3.5. */
struct allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *block, size_t size);
    void (*free)(void *context, void *block);
};
enum domain { DOMAIN_RAW, DOMAIN_MEM, DOMAIN_OBJ, DOMAIN_COUNT };

/* The interpreter's functions; opaque pointers are its own structures. */
static struct {
    void (*get_allocator)(int domain, struct allocator *);
    void (*set_allocator)(int domain, const struct allocator *);
    void *(*object_malloc)(size_t);
    void (*object_free)(void *);
    void *(*current_thread)(void);   /* PyThreadState_GetUnchecked         */
    void *(*this_thread)(void);      /* PyGILState_GetThisThreadState      */
    void *(*interpreter_of)(void *); /* PyThreadState_GetInterpreter, 3.9+ */
    void *(*first_interpreter)(void);
    void *(*main_interpreter)(void);
    bool is_found;
    bool is_free_threaded;
    bool per_thread_current; /* current_thread is the calling thread's: 3.12+ */
} python;

static struct allocator before[DOMAIN_COUNT];
static bool is_installed;
static bool owns_every_block; /* preloaded: nobody served these domains before us */
static bool many_interpreters;

/* Requests below this are taken fast: none once there are many interpreters. */
static size_t fast_bytes = SMALL_MAX + 1;

/* ---- Who is calling --------------------------------------------------------- */

static bool in_main_interpreter(void *thread) {
    return thread && python.interpreter_of(thread) == python.main_interpreter();
}

/* Whether the calling thread holds the main interpreter's lock. */
static bool holds_main_lock(void) {
    if (!is_installed) return false;
    void *thread = python.current_thread();
    if (!python.per_thread_current && thread != python.this_thread()) return false;
    return in_main_interpreter(thread);
}

/* Whether this call of a domain function, which holds some interpreter's lock,
 * may use object_heap. */
static bool uses_object_heap(void) {
    return !many_interpreters || in_main_interpreter(python.current_thread());
}

static void look_for_interpreters(void) {
    void *main_one = python.main_interpreter();
    if (!main_one || python.first_interpreter() == main_one) return;
    many_interpreters = true;
    fast_bytes = 0;
    arenas_open_fast_path(&object_arenas, false);
}

/* ---- OBJ and MEM ------------------------------------------------------------- */

static never_inline void *object_take_slow(size_t bytes, bool *zeroed) {
    *zeroed = false;
    if (!uses_object_heap()) return shoal_malloc(bytes);
    if (bytes <= POOLED_MAX) return heap_take(&object_heap, class_of(bytes));
    return large_take(&object_arenas, OBJECT_HEAP_ID, bytes, 1, zeroed);
}

static void *object_malloc(void *context, size_t bytes) {
    (void)context;
    if (likely(bytes < fast_bytes)) return heap_take(&object_heap, small_class(bytes));
    bool zeroed;
    return object_take_slow(bytes, &zeroed);
}

static void *object_calloc(void *context, size_t count, size_t size) {
    (void)context;
    size_t bytes;
    bool zeroed = false;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    void *block = bytes < fast_bytes ? heap_take(&object_heap, small_class(bytes))
                                     : object_take_slow(bytes, &zeroed);
    return block && !zeroed ? memset(block, 0, bytes) : block;
}

static never_inline void object_give_slow(struct pool *record, void *block) {
    if (record->kind == PAGE_LARGE && record->run_pages >= IDLE_WORTH) idle_expect();
    if (unlikely(idle_is(IDLE_EXPECTED))) {
        must_be_block(&object_arenas, &object_heap, block);
        idle_start(NULL);
    }
    heap_give_slow(&object_heap, record, block);
}

/* Blocks that are not in object_heap's first arena: of a later one, of a
 * thread's heap, or of the allocator that was there before. All of them once
 * there are many interpreters. */
static never_inline void object_give_elsewhere(enum domain domain, void *block) {
    struct place place;
    if (!block) return;
    bool is_found = place_find(&place, &object_arenas, block);
    if (is_found && !place.arenas->shared && uses_object_heap())
        object_give_slow(place.record, block);
    else if (is_found || mapping_bytes(block) || owns_every_block)
        shoal_free(block);
    else
        before[domain].free(before[domain].context, block);
}

static always_inline void object_give(enum domain domain, void *block) {
    struct pool *record;
    if (!record_fast(&object_arenas, block, &record))
        object_give_elsewhere(domain, block);
    else if (unlikely(!pool_give_fast(record, block)))
        object_give_slow(record, block);
}

static void object_free(void *context, void *block) {
    (void)context;
    object_give(DOMAIN_OBJ, block);
}

static void memory_free(void *context, void *block) {
    (void)context;
    object_give(DOMAIN_MEM, block);
}

static void *resize_by_move(enum domain domain, void *block, size_t old_bytes, size_t bytes) {
    void *moved = object_malloc(NULL, bytes);
    if (!moved) return NULL;
    memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
    object_give(domain, block);
    return moved;
}

/* A block of the allocator that was there before stays with it: only that one
 * knows its size. */
static void *resize_elsewhere(enum domain domain, void *block, size_t bytes) {
    size_t old_bytes = mapping_bytes(block);
    if (old_bytes > 0) {
        void *resized = bytes > LARGE_RUN_MAX ? mapping_resize(block, bytes) : NULL;
        return resized ? resized : resize_by_move(domain, block, old_bytes, bytes);
    }
    if (owns_every_block) no_such_block(block, "realloc");
    return before[domain].realloc(before[domain].context, block, bytes);
}

static void *object_resize(enum domain domain, void *block, size_t bytes) {
    struct place place;
    if (!block) return object_malloc(NULL, bytes);
    if (!place_find(&place, &object_arenas, block)) return resize_elsewhere(domain, block, bytes);
    bool is_mine = uses_object_heap();
    place_must_be_block(&place, is_mine ? &object_heap : thread_heap, block, "realloc");
    if (is_pool(place.first)) {
        if (bytes <= POOLED_MAX && size_classes[class_of(bytes)].block_bytes == place.bytes)
            return block;
    } else if (place.arenas->shared || is_mine) {
        if (large_resize(place.arenas, place.first, bytes)) return block;
    }
    return resize_by_move(domain, block, place.bytes, bytes);
}

static void *object_realloc(void *context, void *block, size_t bytes) {
    (void)context;
    return object_resize(DOMAIN_OBJ, block, bytes);
}

static void *memory_realloc(void *context, void *block, size_t bytes) {
    (void)context;
    return object_resize(DOMAIN_MEM, block, bytes);
}

/* ---- RAW: the functions that were there, watching for interpreters ----------- */

static void *raw_malloc(void *context, size_t size) {
    if (!many_interpreters) look_for_interpreters();
    return before[DOMAIN_RAW].malloc(context, size);
}

static void *raw_calloc(void *context, size_t count, size_t size) {
    if (!many_interpreters) look_for_interpreters();
    return before[DOMAIN_RAW].calloc(context, count, size);
}

/* ---- Installation -------------------------------------------------------------- */

bool cpython_find(void *library) {
    const struct {
        const char *name, *older_name;
        void *to;
    } wanted[] = {
        {"PyMem_GetAllocator", NULL, &python.get_allocator},
        {"PyMem_SetAllocator", NULL, &python.set_allocator},
        {"PyObject_Malloc", NULL, &python.object_malloc},
        {"PyObject_Free", NULL, &python.object_free},
        {"PyThreadState_GetUnchecked", "_PyThreadState_UncheckedGet", &python.current_thread},
        {"PyGILState_GetThisThreadState", NULL, &python.this_thread},
        {"PyThreadState_GetInterpreter", NULL, &python.interpreter_of},
        {"PyInterpreterState_Head", NULL, &python.first_interpreter},
        {"PyInterpreterState_Main", NULL, &python.main_interpreter},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (!symbol && wanted[i].older_name) symbol = dlsym(library, wanted[i].older_name);
        if (!symbol) return false;
        memcpy(wanted[i].to, &symbol, sizeof symbol);
    }
    /* Only builds without the interpreter lock count references this way. */
    python.is_free_threaded = dlsym(library, "_Py_MergeZeroLocalRefcount") != NULL;
    python.per_thread_current = dlsym(library, "PyUnstable_Long_IsCompact") != NULL; /* 3.12 */
    python.is_found = true;
    return true;
}

static bool is_ours(const struct allocator *allocator) {
    return allocator->malloc == object_malloc || allocator->malloc == raw_malloc;
}

bool cpython_is_set(void) {
    struct allocator current;
    python.get_allocator(DOMAIN_OBJ, &current);
    return is_ours(&current);
}

const void *cpython_object_function(void) {
    struct allocator current;
    python.get_allocator(DOMAIN_OBJ, &current);
    return (const void *)current.malloc;
}

/* Tried where it can be: other allocators need a thread state, and may be
 * wrapped around ours. */
static bool serves_objects(void) {
    if (cpython_is_set()) return true;
    if (!python.current_thread()) return false;
    void *block = python.object_malloc(1);
    bool is_shoals = is_pooled_block(block);
    python.object_free(block);
    return is_shoals;
}

/* Whether what serves now hands out the insides of our malloc's blocks, as the
 * debug allocator does. Nothing could tell its blocks from pointers misused. */
static bool serves_insides(void) {
    enum { BYTES = 1000 }; /* more than pymalloc has pools for */
    if (!python.current_thread()) return false;
    void *block = python.object_malloc(BYTES);
    struct place place;
    bool is_inside = block && place_find(&place, &shared_arenas, block) && is_pool(place.first) &&
                     !pool_has(place.first, run_start(place.arenas, place.first), block);
    python.object_free(block);
    return is_inside;
}

/* What serves the domain now is what was there before, unless it is us: since
 * 3.12 a second Py_Initialize puts the interpreter's own allocators back.
 *
 * From the back to the front, as another interpreter may be allocating (PEP
 * 684): whoever gets a block of ours can give it back. Each takes our functions
 * with the context it had, so that no mixture of the two is ever called. */
static void set_allocator(enum domain domain, struct allocator ours) {
    struct allocator now;
    python.get_allocator(domain, &now);
    if (is_ours(&now)) return;
    before[domain] = now;
    now.free = ours.free;
    python.set_allocator(domain, &now);
    now.realloc = ours.realloc;
    python.set_allocator(domain, &now);
    now.malloc = ours.malloc;
    now.calloc = ours.calloc;
    python.set_allocator(domain, &now);
}

static void set_allocators(void) {
    if (python.per_thread_current) {
        struct allocator raw;
        python.get_allocator(DOMAIN_RAW, &raw);
        raw.malloc = raw_malloc;
        raw.calloc = raw_calloc;
        set_allocator(DOMAIN_RAW, raw);
        /* Interpreters made from now on are seen; these were made before. */
        look_for_interpreters();
    }
    set_allocator(DOMAIN_MEM, (struct allocator){NULL, object_malloc, object_calloc, memory_realloc,
                                                 memory_free});
    set_allocator(DOMAIN_OBJ, (struct allocator){NULL, object_malloc, object_calloc, object_realloc,
                                                 object_free});
}

/* A first block: without address space the domains stay as they are. */
static bool has_room(void) {
    process_init();
    void *block = heap_take(&object_heap, 1);
    if (!block) return false;
    object_give(DOMAIN_OBJ, block);
    return true;
}

static enum shoal_python install(void) {
    enum shoal_python state = shoal_python_state();
    if (state != SHOAL_PYTHON_OFF) return state;
    if (os_page_bytes() != OS_PAGE) return SHOAL_PYTHON_PAGES;
    if (serves_insides()) return SHOAL_PYTHON_DEBUG;
    if (!is_installed && !has_room()) return SHOAL_PYTHON_NOMEM;
    may_touch_object_heap = holds_main_lock;
    is_installed = true;
    owns_every_block = false;
    set_allocators();
    return SHOAL_PYTHON_ON;
}

enum shoal_python shoal_python_install(void) {
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    enum shoal_python state = install();
    pthread_mutex_unlock(&one_at_a_time);
    return state;
}

enum shoal_python shoal_python_state(void) {
    if (!python.is_found && !cpython_find(RTLD_DEFAULT)) return SHOAL_PYTHON_ABSENT;
    if (python.is_free_threaded) return SHOAL_PYTHON_FREE_THREADED;
    return serves_objects() ? SHOAL_PYTHON_ON : SHOAL_PYTHON_OFF;
}

enum shoal_python cpython_install_first(void) {
    enum shoal_python state = shoal_python_install();
    owns_every_block = state == SHOAL_PYTHON_ON;
    return state;
}

bool cpython_has_thread(void) { return python.current_thread() != NULL; }
