/* Preloaded: every CPython of the process starts on Shoal, so that no object
 * comes from elsewhere. Loaded later, by an extension module, this does nothing:
 * Shoal waits to be asked for.
 *
 * An interpreter that is there when this library is loaded is found then. One
 * that the program opens later, or starts again (3.12 and later then have their
 * own allocators back), is met at the first thing that each does, long before
 * its first object: it asks for the locale. So setlocale is watched.
 *
 * Its own settings come after that (PYTHONMALLOC, -X dev, what the program
 * configures) and may undo it. Whether they did shows when it first asks for
 * memory for frames, which comes from its arenas whoever serves objects. So
 * its arenas are watched, up to that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <locale.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hints.h"
#include "base/os_libraries.h"
#include "heap/aside.h"
#include "heap/cpython.h"
#include "heap/opening.h"
#include "heap/run_notice.h"

/* As CPython's PyObjectArenaAllocator, unchanged since 3.4. */
struct arena_allocator {
    void *context;
    void *(*allocate)(void *context, size_t bytes);
    void (*free)(void *context, void *start, size_t bytes);
};

static struct {
    int (*is_initialized)(void);
    void (*get_arenas)(struct arena_allocator *);
    void (*set_arenas)(const struct arena_allocator *);
    const char *(*allocator_name)(void); /* may be NULL */
    void *base;                          /* of its library */
} python;

static bool is_found; /* an interpreter, which Shoal serves if it may */

static struct arena_allocator its_arenas;

/* ---- What `shoal run` is told ---------------------------------------------- */

/* Tells whose malloc this process has. */
static void tell_of_malloc(void) {
    bool is_stub; /* for another library's */
    const char *library = os_library_at(dlsym(RTLD_DEFAULT, "malloc"), &is_stub);
    if (library && !*library && !is_stub) {
        run_notice("has a malloc of its own, so it keeps its own allocator");
        return;
    }
    run_notice("gets malloc from %s, so it keeps its own allocator: name libshoal.so first in "
               "LD_PRELOAD",
               library && !is_stub ? library : "another library");
}

static void tell_of_state(enum shoal_python state) {
    if (state == SHOAL_PYTHON_FREE_THREADED)
        run_notice("is free-threaded: its malloc is Shoal's, its objects are CPython's");
    else if (state == SHOAL_PYTHON_NOMEM)
        run_notice("has no address space left for objects, so they will not be Shoal's: raise "
                   "the limit, as `ulimit -v` shows it");
}

/* Tells of what serves objects when it is not Shoal. */
static void tell_of_allocator(void) {
    const char *name = python.allocator_name ? python.allocator_name() : NULL;
    if (name && strstr(name, "debug"))
        run_notice("runs on Python's debug allocator, so objects will not be Shoal's: start it "
                   "without -X dev, PYTHONDEVMODE and PYTHONMALLOC");
    else if (name && getenv("PYTHONMALLOC"))
        run_notice("runs on the allocator %s, so objects will not be Shoal's: start it without "
                   "PYTHONMALLOC",
                   name);
    else
        run_notice("configures %s%s, so objects will not be Shoal's",
                   name ? "Python to use the allocator " : "an allocator of its own for Python",
                   name ? name : "");
}

/* ---- Its first memory for frames ------------------------------------------- */

/* pymalloc asks for at least this much, and stacks for frames begin with less. */
enum { SMALLEST_ARENA = 256 << 10 };

static void *first_arena(void *context, size_t bytes) {
    python.set_arenas(&its_arenas);
    if (run_notice_is_wanted() && !cpython_is_set() &&
        /* A wrapper around ours can be tried, but not inside of pymalloc. */
        (bytes >= SMALLEST_ARENA || shoal_python_state() != SHOAL_PYTHON_ON))
        tell_of_allocator();
    return its_arenas.allocate(context, bytes);
}

/* Not any more once it has asked, and where a new life began with new arenas. */
static bool is_watched(void) {
    struct arena_allocator now;
    python.get_arenas(&now);
    return now.allocate == first_arena;
}

static void watch_arenas(void) {
    if (is_watched()) return;
    python.get_arenas(&its_arenas);
    struct arena_allocator watched = its_arenas;
    watched.allocate = first_arena;
    python.set_arenas(&watched);
}

/* ---- Starting it ------------------------------------------------------------ */

static bool find_python(void *library) {
    *(void **)&python.is_initialized = dlsym(library, "Py_IsInitialized");
    *(void **)&python.get_arenas = dlsym(library, "PyObject_GetArenaAllocator");
    *(void **)&python.set_arenas = dlsym(library, "PyObject_SetArenaAllocator");
    *(void **)&python.allocator_name = dlsym(library, "_PyMem_GetCurrentAllocatorName");
    /* Of an address that the program never takes: another may be a stub in it. */
    void *inside =
        python.allocator_name ? (void *)python.allocator_name : (void *)python.is_initialized;
    Dl_info home;
    if (dladdr(inside, &home)) python.base = home.dli_fbase;
    return python.is_initialized && python.get_arenas && python.set_arenas && cpython_find(library);
}

/* The library whose code is at an address, for dlsym, kept open. */
static void *library_at(const void *address) {
    const char *library = os_library_at(address, NULL);
    return library ? dlopen(*library ? library : NULL, RTLD_LAZY | RTLD_NOLOAD) : NULL;
}

static bool is_in_python(const void *address) {
    Dl_info home;
    return dladdr(address, &home) && home.dli_fbase == python.base;
}

/* The interpreter will start. An allocator that its program has set before is left
 * where it is. */
static void serve(enum shoal_python (*install)(void)) {
    bool may = cpython_is_set() || is_in_python(cpython_object_function());
    enum shoal_python state = may ? install() : shoal_python_state();
    if (state >= SHOAL_PYTHON_OFF) watch_arenas();
    tell_of_state(state);
}

static void start_python(void *library, enum shoal_python (*install)(void)) {
    is_found = find_python(library);
    if (is_found)
        serve(install);
    else
        run_notice("runs a Python that Shoal does not know, so objects will not be Shoal's: use "
                   "Python 3.11 or later");
}

/* Programs ask for the locale from few places, and some do so for every number they
 * print: a place that is no Python's is not looked at again. */
static bool was_looked_at(const void *caller) {
    enum { PLACES = 32 };
    static _Atomic(const void *) places[PLACES];
    return atomic_exchange(&places[(uintptr_t)caller % PLACES], caller) == caller;
}

/* The program has opened libraries. Is this one of them a Python? Its program may
 * have asked it for memory already, so what is no block of ours may be its. */
static void look_for_python(const void *caller) {
    void *library = library_at(caller);
    if (!library) return;
    int (*is_initialized)(void) = (int (*)(void))dlsym(library, "Py_IsInitialized");
    if (is_initialized && !is_initialized() && shoal_serves_malloc())
        start_python(library, shoal_python_install);
    if (!is_found) dlclose(library);
}

/* A later life begins as the interpreter's own code asks for the locale, where it
 * has run before, and does not now. */
static bool starts_again(const void *caller) {
    return !python.is_initialized() && !cpython_has_thread() && !is_watched() &&
           is_in_python(caller);
}

static never_inline void locale_is_asked(const void *caller) {
    if (is_found) {
        if (starts_again(caller)) serve(shoal_python_install);
    } else if (!was_looked_at(caller)) {
        look_for_python(caller);
    }
}

exported char *setlocale(int category, const char *locale) {
    static char *(*next)(int category, const char *locale);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "setlocale");
    if (is_found || opening_has_begun()) locale_is_asked(__builtin_return_address(0));
    return next(category, locale);
}

__attribute__((constructor)) static void start(void) {
    int (*is_initialized)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "Py_IsInitialized");
    if (is_initialized && is_initialized()) return;
    run_notice_ready();
    if (!is_initialized && !run_notice_is_wanted()) return;
    bool serves_malloc = shoal_serves_malloc();
    if (is_initialized || !serves_malloc) run_notice_take();
    if (!serves_malloc) {
        if (!malloc_is_aside) tell_of_malloc();
    } else if (is_initialized) {
        start_python(RTLD_DEFAULT, cpython_install_first);
    }
}
