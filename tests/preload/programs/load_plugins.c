/* dlopen and dlclose, over and over; blocks outlive the library that made
 * them, and the heap outlives a dlclose of itself. argv: plugin, heap or "" */
#include <dlfcn.h>
#include <string.h>

#include "expect.h"

int main(int argc, char **argv) {
    char *texts[50];
    EXPECT(argc == 3);
    for (int i = 0; i < 50; i++) {
        void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        EXPECT(plugin);
        char *(*make)(void) = (char *(*)(void))dlsym(plugin, "plugin_text");
        texts[i] = make();
        EXPECT(dlclose(plugin) == 0);
    }
    if (argv[2][0]) {
        void *heap = dlopen(argv[2], RTLD_NOW);
        EXPECT(heap && dlclose(heap) == 0 && dlclose(heap) <= 0);
    }
    for (int i = 0; i < 50; i++) {
        EXPECT(strcmp(texts[i], "loaded and left behind") == 0);
        free(texts[i]);
    }
    return 0;
}
