/* Thousands of short threads; blocks are handed from each to the next, and
 * thread-local data with destructors allocates while a thread ends. */
#include <pthread.h>
#include <string.h>

#include "expect.h"

enum { ROUNDS = 150, THREADS = 16, BLOCKS = 200 };

static char *handed[THREADS][BLOCKS];
static pthread_key_t key;

/* Runs when the thread's own heap may be gone already. */
static void at_end(void *data) {
    char *block = strdup("from a destructor");
    free(data);
    free(block);
}

static void *life(void *argument) {
    char **blocks = handed[(long)argument];
    pthread_setspecific(key, malloc(300));
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = (size_t)i * 13 % 2000 + 1;
        if (blocks[i]) EXPECT(blocks[i][size - 1] == (char)i);
        free(blocks[i]);
        blocks[i] = malloc(size);
        memset(blocks[i], i, size);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    pthread_key_create(&key, at_end);
    for (int round = 0; round < ROUNDS; round++) {
        for (long i = 0; i < THREADS; i++)
            EXPECT(pthread_create(&threads[i], NULL, life, (void *)((i + round) % THREADS)) == 0);
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < BLOCKS; k++) free(handed[i][k]);
    return 0;
}
