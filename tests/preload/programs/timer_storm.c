/* Signals arrive in the middle of everything; their handler allocates nothing,
 * but reads what it points to and changes errno as handlers may. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "expect.h"

static volatile sig_atomic_t ticks;
static char *volatile current;
static volatile char seen;

static void tick(int signal_number) {
    int saved = errno;
    ticks++;
    if (current) seen = current[0];
    errno = EINTR;
    errno = saved;
    (void)signal_number;
}

int main(void) {
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 200}, {0, 200}};
    char *blocks[500] = {0};
    time_t until = time(NULL) + 2;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (unsigned i = 0; i % 1000 || time(NULL) < until; i++) {
        size_t size = i * 31u % (i % 40 ? 1500 : 200000) + 1;
        char *block = realloc(blocks[i % 500], size);
        EXPECT(block);
        memset(block, (int)i, size);
        current = blocks[i % 500] = block;
        if (i % 7 == 0) {
            current = NULL;
            free(block);
            blocks[i % 500] = NULL;
        }
    }
    setitimer(ITIMER_REAL, &(struct itimerval){{0}}, NULL);
    EXPECT(ticks > 100);
    return 0;
}
