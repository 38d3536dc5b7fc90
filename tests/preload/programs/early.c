/* A library that allocates in its constructor, keeps the block, and frees it
 * at the end: preloaded before and after the heap. */
#include <stdlib.h>
#include <string.h>

static char *kept[100];

__attribute__((constructor(101))) static void begin(void) {
    for (int i = 0; i < 100; i++) kept[i] = memset(malloc(i * 50 + 1), i, i * 50 + 1);
}

__attribute__((destructor(101))) static void end(void) {
    for (int i = 0; i < 100; i++) {
        if (kept[i][i * 50] != i) abort();
        free(kept[i]);
    }
}
