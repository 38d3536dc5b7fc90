#define _GNU_SOURCE
#include "deep_stack.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef SHOAL_HAS_MAKECONTEXT
#include <ucontext.h>
#endif

/* What C code that is called from there may need, and what a piece of stack has. Only
 * what is touched of it is resident. */
enum { ROOM = 1 << 20, PIECE = 64 << 20 };

__thread uintptr_t deep_stack_limit = UINTPTR_MAX;

/* A small stack has less room: a quarter of it. */
static uintptr_t limit_of(uintptr_t lowest, size_t bytes) {
    return lowest + (bytes / 4 < ROOM ? bytes / 4 : ROOM);
}

/* musl tells of the first thread's stack what is mapped of it so far. It may grow to its
 * limit; of a higher one than is usual, no more than the kernel keeps free below it. */
static void *lowest_of(void *lowest, size_t *bytes) {
    enum { USUAL = 8 << 20 };
    struct rlimit limit;
    if (gettid() != getpid() || getrlimit(RLIMIT_STACK, &limit) != 0) return lowest;
    char *highest = (char *)lowest + *bytes;
    size_t most = limit.rlim_cur < USUAL ? limit.rlim_cur : USUAL;
    if (*bytes < most) *bytes = most;
    return highest - *bytes;
}

/* Asked once a thread: of the first one the system has to be asked. */
int deep_stack_is_little(void) {
    if (deep_stack_limit != UINTPTR_MAX) return 1;
    pthread_attr_t attributes;
    void *lowest;
    size_t bytes;
    deep_stack_limit = 0; /* unknown: never little */
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    if (pthread_attr_getstack(&attributes, &lowest, &bytes) == 0)
        deep_stack_limit = limit_of((uintptr_t)lowest_of(lowest, &bytes), bytes);
    pthread_attr_destroy(&attributes);
    return (uintptr_t)__builtin_frame_address(0) < deep_stack_limit;
}

static int is_shared;

void deep_stack_is_shared(void) { is_shared = 1; }

/* ---- A piece more ----------------------------------------------------------------------- */

#ifdef SHOAL_HAS_MAKECONTEXT

struct call {
    void (*function)(void *argument);
    void *argument;
    ucontext_t back;
};

/* A context's arguments are of the size of int. */
static void run(unsigned high, unsigned low) {
    struct call *call = (struct call *)((uintptr_t)high << 32 | low);
    call->function(call->argument);
}

static int switch_to(void *piece, struct call *call) {
    ucontext_t there;
    uintptr_t address = (uintptr_t)call;
    if (getcontext(&there) != 0) return 0;
    there.uc_stack.ss_sp = piece;
    there.uc_stack.ss_size = PIECE;
    there.uc_link = &call->back;
    makecontext(&there, (void (*)(void))run, 2, (unsigned)(address >> 32), (unsigned)address);
    return swapcontext(&call->back, &there) == 0;
}

int deep_stack_call(void (*function)(void *argument), void *argument) {
    if (is_shared) return 0;
    struct call call = {.function = function, .argument = argument};
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
    void *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (piece == MAP_FAILED) return 0;
    uintptr_t limit = deep_stack_limit;
    deep_stack_limit = limit_of((uintptr_t)piece, PIECE);
    int is_done = switch_to(piece, &call);
    deep_stack_limit = limit;
    munmap(piece, PIECE);
    return is_done;
}

#else /* The C library cannot go over to another stack. */

int deep_stack_call(void (*function)(void *argument), void *argument) {
    (void)function;
    (void)argument;
    return 0;
}

#endif
