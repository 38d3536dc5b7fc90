/* Other ways to start a program, from several threads that allocate. */
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

extern char **environ;

static int status_of(pid_t pid) {
    int status = -1;
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void by_vfork(void) {
    char *arguments[] = {"sh", "-c", "exit 3", NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execve("/bin/sh", arguments, environ);
        _exit(127);
    }
    EXPECT(WEXITSTATUS(status_of(pid)) == 3);
}

static void by_posix_spawn(void) {
    char *arguments[] = {"sh", "-c", "exit 4", NULL};
    pid_t pid;
    EXPECT(posix_spawnp(&pid, "sh", NULL, NULL, arguments, environ) == 0);
    EXPECT(WEXITSTATUS(status_of(pid)) == 4);
}

static void by_popen(void) {
    char line[100];
    FILE *pipe = popen("echo from a child", "r");
    EXPECT(pipe && fgets(line, sizeof(line), pipe));
    EXPECT(strcmp(line, "from a child\n") == 0);
    EXPECT(pclose(pipe) == 0);
}

static void *start_many(void *unused) {
    for (int i = 0; i < 10; i++) {
        char *block = malloc(50000);
        memset(block, i, 50000);
        by_vfork();
        by_posix_spawn();
        by_popen();
        EXPECT(WEXITSTATUS(system("exit 5")) == 5);
        EXPECT(block[49999] == i);
        free(block);
    }
    return unused;
}

int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) EXPECT(pthread_create(&threads[i], NULL, start_many, NULL) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    return 0;
}
