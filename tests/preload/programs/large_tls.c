/* A program whose thread-local variables are about as large as the stack that the thread
 * which looks after the reserve is to use: glibc puts them there. Frees so much that the
 * thread is wanted, and waits for what it does: 1 when the reserve is still there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "expect.h"

enum { BLOCKS = 2000, BYTES = 5000, ROUNDS = 10, PAUSE_NS = 100000000, WAIT_S = 10 };

__thread char large[TLS_BYTES];

static long resident_kilobytes(void) {
    char line[256];
    long kilobytes = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &kilobytes);
    if (file) fclose(file);
    return kilobytes;
}

static void work(void) {
    static char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BYTES);
        EXPECT(blocks[i]);
        memset(blocks[i], 1, BYTES);
    }
    for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
}

int main(void) {
    large[0] = 1;
    for (int i = 0; i < ROUNDS; i++) {
        work();
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    long before = resident_kilobytes();
    for (int i = 0; i < WAIT_S * 10; i++) {
        if (resident_kilobytes() < before / 2) return 0;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    return 1;
}
