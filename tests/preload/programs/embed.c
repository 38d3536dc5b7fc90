/* A program that embeds Python, found only now: `embed LIBPYTHON ROUNDS CODE`.
 *
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

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        fprintf(stderr, "embed: %s\n", dlerror());
        return 2;
    }
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
