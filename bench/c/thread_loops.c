/* Blocks that one thread asks for and another one frees. */
#include "loops.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static void start(pthread_t *thread, void *(*body)(void *), void *argument) {
    if (pthread_create(thread, NULL, body, argument) != 0) loop_fail("a thread was refused");
}

/* ---- larson: after the server simulation of Larson and Krishnan ----------
 * Every server thread owns a table of blocks and replaces them at random; now
 * and then it leaves a block for whoever comes by and takes what it finds.
 * Threads end with live blocks; others, newly started, go on with the tables. */

enum { SERVERS = 4, GENERATIONS = 8, TABLE = 2000, MAILBOXES = 64 };

struct server {
    uint64_t random;
    size_t replacements;
    char **table;
};

static _Atomic(char *) mailboxes[MAILBOXES];

static char *fresh_block(uint64_t *random) {
    size_t size = 10 + loop_random(random) % 490;
    char *block = loop_malloc(size);
    block[0] = 1;
    block[size - 1] = 1;
    return block;
}

static void *serve(void *argument) {
    struct server *server = argument;
    for (size_t i = 0; i < server->replacements; i++) {
        uint64_t bits = loop_random(&server->random);
        char **slot = &server->table[(bits >> 8) % TABLE];
        free(*slot);
        *slot = fresh_block(&server->random);
        if ((bits & 15) == 0) *slot = atomic_exchange(&mailboxes[(bits >> 40) % MAILBOXES], *slot);
    }
    return NULL;
}

static void run_generation(size_t generation, size_t replacements, char *tables[SERVERS][TABLE]) {
    struct server servers[SERVERS];
    pthread_t threads[SERVERS];
    for (size_t i = 0; i < SERVERS; i++) {
        servers[i].random = 0x2545F4914F6CDD1D + generation * SERVERS + i;
        servers[i].replacements = replacements;
        servers[i].table = tables[(i + generation) % SERVERS];
        start(&threads[i], serve, &servers[i]);
    }
    for (size_t i = 0; i < SERVERS; i++) pthread_join(threads[i], NULL);
}

static size_t run_larson(size_t iterations, size_t parameter) {
    static char *tables[SERVERS][TABLE];
    uint64_t random = 0x9E3779B97F4A7C15;
    size_t replacements = 1 + iterations / (SERVERS * GENERATIONS);
    (void)parameter;
    for (size_t i = 0; i < SERVERS; i++)
        for (size_t slot = 0; slot < TABLE; slot++) tables[i][slot] = fresh_block(&random);
    for (size_t generation = 0; generation < GENERATIONS; generation++)
        run_generation(generation, replacements, tables);
    for (size_t i = 0; i < SERVERS; i++)
        for (size_t slot = 0; slot < TABLE; slot++) free(tables[i][slot]);
    for (size_t i = 0; i < MAILBOXES; i++) free(atomic_exchange(&mailboxes[i], NULL));
    return replacements * SERVERS * GENERATIONS;
}

/* ---- xmalloc: after Lever and Boreham's producers and consumers ----------
 * Some threads only ask for blocks, others only free them. */

enum { PRODUCERS = 2, CONSUMERS = 2, PARCEL = 256, QUEUE = 16 };

struct parcel {
    void *blocks[PARCEL];
};

/* A bounded queue of parcels. NULL tells a consumer that no more will come. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct parcel *waiting[QUEUE];
    size_t count;
};

static struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER};

static void queue_put(struct parcel *parcel) {
    pthread_mutex_lock(&queue.lock);
    while (queue.count == QUEUE) pthread_cond_wait(&queue.changed, &queue.lock);
    queue.waiting[queue.count++] = parcel;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static struct parcel *queue_take(void) {
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0) pthread_cond_wait(&queue.changed, &queue.lock);
    struct parcel *parcel = queue.waiting[--queue.count];
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    return parcel;
}

struct producer {
    uint64_t random;
    size_t parcels;
};

static void *produce(void *argument) {
    static const unsigned short sizes[16] = {8,  12, 16, 16,  24,  32,  32,  48,
                                             64, 64, 96, 128, 192, 256, 384, 512};
    struct producer *producer = argument;
    for (size_t sent = 0; sent < producer->parcels; sent++) {
        struct parcel *parcel = loop_malloc(sizeof *parcel);
        for (size_t i = 0; i < PARCEL; i++) {
            char *block = loop_malloc(sizes[(loop_random(&producer->random) >> 16) & 15]);
            block[0] = (char)i;
            parcel->blocks[i] = block;
        }
        queue_put(parcel);
    }
    return NULL;
}

static void *consume(void *argument) {
    struct parcel *parcel;
    while ((parcel = queue_take()) != NULL) {
        for (size_t i = 0; i < PARCEL; i++) free(parcel->blocks[i]);
        free(parcel);
    }
    return argument;
}

static size_t run_xmalloc(size_t iterations, size_t parameter) {
    struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS + CONSUMERS];
    size_t parcels = 1 + iterations / (PRODUCERS * PARCEL);
    (void)parameter;
    for (size_t i = 0; i < CONSUMERS; i++) start(&threads[PRODUCERS + i], consume, NULL);
    for (size_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.random = 0xBF58476D1CE4E5B9 + i, .parcels = parcels};
        start(&threads[i], produce, &producers[i]);
    }
    for (size_t i = 0; i < PRODUCERS; i++) pthread_join(threads[i], NULL);
    /* The queue is last in, first out: the ends are put only when it is empty,
     * so that no parcel lies under them for ever. */
    pthread_mutex_lock(&queue.lock);
    while (queue.count != 0) pthread_cond_wait(&queue.changed, &queue.lock);
    pthread_mutex_unlock(&queue.lock);
    for (size_t i = 0; i < CONSUMERS; i++) queue_put(NULL);
    for (size_t i = 0; i < CONSUMERS; i++) pthread_join(threads[PRODUCERS + i], NULL);
    return parcels * PRODUCERS * PARCEL;
}

const struct loop thread_loops[] = {
    {"larson", 4000000, 0, run_larson},
    {"xmalloc", 3000000, 0, run_xmalloc},
    {NULL, 0, 0, NULL},
};
