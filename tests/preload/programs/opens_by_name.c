/* A library that opens another by its bare name, which its run path leads to. */
#include <dlfcn.h>
#include <stdio.h>

int use_memory(void) {
    void *found = dlopen("libonlythere.so", RTLD_NOW);
    void *by_origin = dlopen("$ORIGIN/there/libonlythere.so", RTLD_NOW);
    if (!found || found != by_origin) {
        fprintf(stderr, "%s\n", dlerror());
        return 3;
    }
    return ((int (*)(void))dlsym(found, "use_memory"))();
}
