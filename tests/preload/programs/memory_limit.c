/* `memory_limit SIZE`: allocates blocks of SIZE until there are no more, frees
 * them and does it again. Each time about as many must fit, and what is said
 * is ENOMEM. Run under RLIMIT_AS. Prints how many MiB fitted. */
#include <errno.h>
#include <string.h>

#include "expect.h"

struct link {
    struct link *next;
};

static size_t fill(size_t size) {
    struct link *all = NULL, *block;
    size_t count = 0;
    errno = 0;
    while ((block = malloc(size))) {
        memset(block, 1, size < 4096 ? size : 4096);
        block->next = all;
        all = block;
        count++;
    }
    EXPECT(errno == ENOMEM);
    while (all) {
        block = all->next;
        free(all);
        all = block;
    }
    return count;
}

int main(int argc, char **argv) {
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    size_t first = fill(size);
    for (int i = 0; i < 3; i++) {
        size_t again = fill(size);
        EXPECT(again >= first * 9 / 10);
    }
    printf("%zu\n", (first * size) >> 20);
    return 0;
}
