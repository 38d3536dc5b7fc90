/* A program that embeds Python, found only now: `embed LIBPYTHON ROUNDS CODE`.
 *
 * With EMBED_ALLOCATOR it sets an allocator of its own for objects first.
 * Each round is a life of the interpreter, from Py_Initialize to
 * Py_FinalizeEx; CODE runs in each, with the number of the round in `round`. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *library;

static void *find(const char *name) {
    void *symbol = dlsym(library, name);
    if (!symbol) {
        fprintf(stderr, "embed: %s\n", dlerror());
        exit(2);
    }
    return symbol;
}

struct allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *block, size_t size);
    void (*free)(void *context, void *block);
};

enum { HEADER = 32 };

static char *start_of(void *block) { return block ? (char *)block - HEADER : NULL; }
static void *inside(char *start) { return start ? start + HEADER : NULL; }

static void *take(void *context, size_t size) { return inside(malloc(size + HEADER)); }
static void *take_zeroed(void *context, size_t count, size_t size) {
    return inside(calloc(1, count * size + HEADER));
}
static void *resize(void *context, void *block, size_t size) {
    return inside(realloc(start_of(block), size + HEADER));
}
static void give(void *context, void *block) { free(start_of(block)); }

static void set_allocator(void) {
    enum { OBJECTS = 2 };
    struct allocator own = {NULL, take, take_zeroed, resize, give};
    void (*set)(int, struct allocator *) = find("PyMem_SetAllocator");
    set(OBJECTS, &own);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    const char *locally = getenv("EMBED_LOCALLY"); /* other libraries do not see it then */
    library = dlopen(argv[1], RTLD_NOW | (locally && *locally ? RTLD_LOCAL : RTLD_GLOBAL));
    if (!library) {
        fprintf(stderr, "embed: %s\n", dlerror());
        return 2;
    }
    if (getenv("EMBED_ALLOCATOR")) set_allocator();
    void (*initialize)(void) = find("Py_Initialize");
    int (*finalize)(void) = find("Py_FinalizeEx");
    int (*run)(const char *) = find("PyRun_SimpleString");
    for (int round = 0; round < atoi(argv[2]); round++) {
        char prologue[32];
        snprintf(prologue, sizeof(prologue), "round = %d", round);
        initialize();
        if (run(prologue) || run(argv[3])) return 3;
        if (finalize()) return 4;
    }
    return 0;
}
