/* Threads, forks and random sizes for a number of seconds: `soak SECONDS
 * [THREADS]`. Everybody allocates, resizes and frees in one table, verifying
 * contents; threads end and begin; the main thread forks children that do the
 * same for a moment and must end well. Prints a line every ten seconds. Exit
 * status 1 and a line when something is wrong, 2 for a wrong argument. */
#include <pthread.h>
#include <shoal/heap.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"

enum { SLOTS = 20000, LIFE = 200000 };

static struct slot {
    pthread_mutex_t lock;
    void *block;
    size_t size;
} slots[SLOTS];

static atomic_int stop;
static atomic_size_t operations, wrong;

/* Mostly small, as programs are; now and then a few MiB. */
static size_t random_size(uint64_t random) {
    unsigned kind = random % 10000;
    random >>= 10;
    if (kind < 8000) return random % 300;
    if (kind < 9800) return random % 5000;
    return kind < 9999 ? random % 100000 : random % (12 << 20);
}

static void use(size_t i, uint64_t random) {
    struct slot *slot = &slots[i];
    size_t size = random_size(random >> 3);
    if (slot->block && !pattern_holds(slot->block, slot->size, slot->size, (uint32_t)i))
        atomic_fetch_add(&wrong, 1);
    switch (random & 7) {
    case 0: {
        size_t kept = slot->size < size ? slot->size : size;
        void *block = shoal_realloc(slot->block, size);
        if (slot->block && block && !pattern_holds(block, slot->size, kept, (uint32_t)i))
            atomic_fetch_add(&wrong, 1);
        slot->block = block;
        break;
    }
    case 1:
        shoal_free(slot->block);
        slot->block = shoal_calloc(1, size);
        if (slot->block && !pattern_is_zero(slot->block, size)) atomic_fetch_add(&wrong, 1);
        break;
    case 2:
        shoal_free(slot->block);
        slot->block = shoal_aligned_alloc((size_t)16 << (random >> 60), size);
        break;
    case 3:
    case 4:
        shoal_free(slot->block);
        slot->block = NULL;
        break;
    default:
        shoal_free(slot->block);
        slot->block = shoal_malloc(size);
    }
    slot->size = slot->block ? size : 0;
    if (slot->block) pattern_fill(slot->block, size, (uint32_t)i);
}

/* One life of a thread: it leaves its blocks behind. */
static void *live(void *seed_word) {
    uint64_t seed = (uintptr_t)seed_word;
    for (int i = 0; i < LIFE && !atomic_load(&stop); i++) {
        uint64_t random = random_next(&seed);
        size_t slot = random % SLOTS;
        if (pthread_mutex_trylock(&slots[slot].lock) != 0) continue;
        use(slot, random_next(&seed));
        pthread_mutex_unlock(&slots[slot].lock);
        atomic_fetch_add_explicit(&operations, 1, memory_order_relaxed);
    }
    return NULL;
}

/* In the child: its own threads, on its own copy of slots nobody held locked. */
static int child_life(uint64_t seed) {
    pthread_t thread;
    alarm(60);
    if (pthread_create(&thread, NULL, live, (void *)(uintptr_t)seed) != 0) return 0;
    live((void *)(uintptr_t)(seed + 1));
    pthread_join(thread, NULL);
    return atomic_load(&wrong) != 0;
}

static void fork_once(uint64_t seed) {
    int status;
    pid_t child = fork();
    if (child < 0) return;
    if (child == 0) _exit(child_life(seed));
    if (waitpid(child, &status, 0) == child && status != 0) {
        fprintf(stderr, "soak: a child ended with wait status %#x\n", (unsigned)status);
        atomic_fetch_add(&wrong, 1);
    }
}

struct worker {
    pthread_t thread;
    uint64_t seed;
};

/* A thread that starts short-lived ones, one after another. */
static void *generations(void *argument) {
    struct worker *worker = argument;
    while (!atomic_load(&stop)) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live, (void *)(uintptr_t)worker->seed) == 0)
            pthread_join(thread, NULL);
        worker->seed += 1000;
    }
    return NULL;
}

static void report(time_t elapsed) {
    struct shoal_usage usage;
    shoal_usage(&usage);
    printf("soak: %ld s, %zu million operations, live %zu MiB, held %zu, returned %zu\n",
           (long)elapsed, atomic_load(&operations) / 1000000, usage.live >> 20, usage.held >> 20,
           usage.returned >> 20);
    fflush(stdout);
}

static void end_all(struct worker *workers, long count) {
    struct shoal_usage usage;
    atomic_store(&stop, 1);
    for (long i = 0; i < count; i++) pthread_join(workers[i].thread, NULL);
    shoal_check();
    for (size_t i = 0; i < SLOTS; i++) shoal_free(slots[i].block);
    shoal_trim();
    shoal_check();
    shoal_usage(&usage);
    if (usage.live != 0) {
        fprintf(stderr, "soak: %zu bytes are live at the end\n", usage.live);
        atomic_fetch_add(&wrong, 1);
    }
}

static long number(const char *text, long least, long most) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < least || value > most) {
        fprintf(stderr, "soak: %s is not a number from %ld to %ld\n", text, least, most);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    static struct worker workers[64];
    long seconds = argc > 1 ? number(argv[1], 1, 1000000) : 120;
    long threads = argc > 2 ? number(argv[2], 1, 64) : 4;
    time_t begin = time(NULL), said = begin;
    for (size_t i = 0; i < SLOTS; i++) pthread_mutex_init(&slots[i].lock, NULL);
    for (long i = 0; i < threads; i++) {
        workers[i].seed = (uint64_t)begin + (uint64_t)i;
        pthread_create(&workers[i].thread, NULL, generations, &workers[i]);
    }
    for (uint64_t seed = 1; time(NULL) - begin < seconds && !atomic_load(&wrong); seed += 2) {
        fork_once(seed << 32);
        if (time(NULL) - said >= 10) {
            said = time(NULL);
            report(said - begin);
        }
    }
    end_all(workers, threads);
    report(time(NULL) - begin);
    printf("soak: %s\n", atomic_load(&wrong) ? "something is wrong" : "nothing found");
    return atomic_load(&wrong) != 0;
}
