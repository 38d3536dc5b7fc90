/* Random heap operations for a number of seconds: `random_heap_ops SECONDS
 * [SEED]`. What a fuzzer does, without its eye for new paths; for compilers
 * that bring no fuzzer. A crash names the seed of the sequence that led
 * to it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "heap_ops.h"
#include "pattern.h"
#include "seeds.h"

static uint8_t bytes[1 << 14];

/* From sequence to sequence other operations are frequent. */
static void make_sequence(uint64_t seed, size_t count) {
    uint64_t state = seed;
    uint8_t favourite = (uint8_t)random_next(&state);
    for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)random_next(&state);
    for (size_t i = 0; i < count; i += 4)
        if (random_next(&state) % 3 == 0) bytes[i] = favourite;
}

int main(int argc, char **argv) {
    char *end = NULL;
    long seconds = argc > 1 ? strtol(argv[1], &end, 10) : -1;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) << 20;
    uint64_t first = seed;
    if (seconds < 0 || *end) {
        fprintf(stderr, "random_heap_ops: %s is no number of seconds\n",
                argc > 1 ? argv[1] : "nothing");
        return 2;
    }
    name_seed_at_death();
    for (time_t until = time(NULL) + seconds; time(NULL) <= until; seed++) {
        uint64_t length = seed;
        size_t count = 400 + random_next(&length) % (sizeof(bytes) - 400);
        seed_now = seed;
        make_sequence(seed, count);
        heap_ops_run(bytes, count, 50);
    }
    printf("%llu sequences, nothing found\n", (unsigned long long)(seed - first));
    return 0;
}
