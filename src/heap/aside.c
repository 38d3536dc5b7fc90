#define _GNU_SOURCE
#include "heap/aside.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hints.h"
#include "heap/types.h"

static struct {
    void *(*malloc)(size_t bytes);
    void *(*realloc)(void *block, size_t bytes);
    void *(*memalign)(size_t align, size_t bytes);
    void (*free)(void *block);
    size_t (*usable_size)(void *block);
} next;

void *aside_function(const char *name) { return dlsym(RTLD_NEXT, name); }

static void find_next(void) {
    const struct {
        const char *name;
        void *to;
    } wanted[] = {
        {"malloc", &next.malloc},
        {"realloc", &next.realloc},
        {"memalign", &next.memalign},
        {"free", &next.free},
        {"malloc_usable_size", &next.usable_size},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *symbol = aside_function(wanted[i].name);
        memcpy(wanted[i].to, &symbol, sizeof symbol);
    }
}

static void say_so(void) {
    char line[160];
    int length = snprintf(line, sizeof line,
                          "shoal: this system's pages are of %zu bytes, not of %d: the heap steps "
                          "aside, and the program keeps its own allocator\n",
                          os_page_bytes(), OS_PAGE);
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) return;
}

/* Whether the next malloc serves. The first to ask is the loader, before there are
 * threads. Looking for functions may take memory, in some C libraries, and goes on
 * without. */
static slow_path bool steps_aside(void) {
    static bool is_looking;
    if (malloc_is_aside) return true;
    if (os_page_bytes() == OS_PAGE || is_looking) return false;
    int saved_errno = errno;
    is_looking = true;
    find_next();
    malloc_is_aside = true;
    say_so();
    errno = saved_errno;
    return true;
}

void *aside_take(size_t bytes, size_t align) {
    if (!steps_aside()) return NULL;
    return align > GRANULE ? next.memalign(align, bytes) : next.malloc(bytes);
}

void *aside_realloc(void *block, size_t bytes) { return next.realloc(block, bytes); }
void aside_free(void *block) { next.free(block); }
size_t aside_usable_size(void *block) { return next.usable_size(block); }
