/* Every thread allocates and forks all the time; the children allocate, free
 * what the parent's threads made, start a thread of their own, and end well. */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

enum { THREADS = 6, FORKS = 25, BLOCKS = 300 };

static void *churn(void *made) {
    char *blocks[BLOCKS] = {0};
    for (int i = 0; i < 20 * BLOCKS; i++) {
        size_t size = (size_t)(i * 37) % (i % 50 ? 900 : 70000) + 1;
        free(blocks[i % BLOCKS]);
        blocks[i % BLOCKS] = malloc(size);
        EXPECT(blocks[i % BLOCKS]);
        memset(blocks[i % BLOCKS], i, size);
    }
    for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
    return made;
}

static char *of_parent[THREADS][BLOCKS];

static void child(int number) {
    pthread_t thread;
    alarm(60);
    for (int i = 0; i < BLOCKS; i++) {
        EXPECT(of_parent[number][i][0] == (char)i);
        free(of_parent[number][i]);
    }
    EXPECT(pthread_create(&thread, NULL, churn, NULL) == 0);
    churn(NULL);
    pthread_join(thread, NULL);
    _exit(0);
}

static void *fork_often(void *argument) {
    int number = (int)(long)argument, status;
    for (int i = 0; i < BLOCKS; i++)
        of_parent[number][i] = memset(malloc((size_t)i + 1), i, (size_t)i + 1);
    for (int i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        if (pid == 0) child(number);
        churn(NULL);
        EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, fork_often, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    return 0;
}
