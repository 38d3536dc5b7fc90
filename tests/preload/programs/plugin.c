/* What load_plugins.c loads: it allocates in all of its life. */
#include <stdlib.h>
#include <string.h>

static char *own;

__attribute__((constructor)) static void loaded(void) { own = strdup("loaded"); }
__attribute__((destructor)) static void unloaded(void) { free(own); }

char *plugin_text(void) {
    char *text = realloc(strdup(own), 1000);
    return strcat(text, " and left behind");
}
