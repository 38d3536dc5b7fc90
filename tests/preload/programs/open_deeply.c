/* Opens a library with RTLD_DEEPBIND, as PHP and others do: `open_deeply LIBRARY WAY`. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    enum { MODE = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND };
    if (argc != 3) return 2;
    void *library = strcmp(argv[2], "dlopen") == 0 ? dlopen(argv[1], MODE)
                    : strcmp(argv[2], "base") == 0 ? dlmopen(LM_ID_BASE, argv[1], MODE)
                                                   : dlmopen(LM_ID_NEWLM, argv[1], MODE);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    int (*use_memory)(void) = (int (*)(void))dlsym(library, "use_memory");
    return use_memory();
}
