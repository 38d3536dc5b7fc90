/* Where no thread can be made, a free costs what it costs elsewhere: it is not tried
 * again each time, nor is the system asked whose process this is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "expect.h"

enum { BLOCKS = 200000, BYTES = 48 };

static atomic_int tries, questions;
static void *blocks[BLOCKS];

static void *free_all(void *unused) {
    for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
    return unused;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (start != free_all) {
        tries++;
        return EAGAIN;
    }
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    return create(thread, attributes, start, argument);
}

pid_t getpid(void) {
    questions++;
    return (pid_t)syscall(SYS_getpid);
}

int main(void) {
    pthread_t thread;
    struct timespec begin, end;
    for (int i = 0; i < BLOCKS; i++) EXPECT(blocks[i] = malloc(BYTES));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    EXPECT(pthread_create(&thread, NULL, free_all, NULL) == 0);
    pthread_join(thread, NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    int seconds = (int)(end.tv_sec - begin.tv_sec) + 1;
    EXPECT(tries <= seconds + 1);
    EXPECT(questions <= 100 * (seconds + 1));
    return 0;
}
