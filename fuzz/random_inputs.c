/* Changes the files of a corpus at random and runs a fuzz target on them:
 * `random_TARGET DIRECTORY SECONDS [SEED]`. What a fuzzer does, without its eye for
 * new paths; for compilers that bring no fuzzer. A crash names the seed of the
 * input that led to it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pattern.h"
#include "seeds.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { FILES_MAX = 1000, BYTES_MAX = 1 << 20 };

static struct input {
    uint8_t *bytes;
    size_t count;
} inputs[FILES_MAX];

static uint8_t bytes[BYTES_MAX];

static size_t read_inputs(const char *folder) {
    size_t count = 0;
    DIR *files = opendir(folder);
    for (struct dirent *entry; files && count < FILES_MAX && (entry = readdir(files));) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file) continue;
        struct input *input = &inputs[count++];
        input->count = fread(bytes, 1, sizeof bytes, file);
        input->bytes = malloc(input->count + 1);
        memcpy(input->bytes, bytes, input->count);
        fclose(file);
    }
    if (files) closedir(files);
    return count;
}

/* Words and numbers that others of the input are near to lead further than noise. */
static void change(uint64_t *seed, size_t count) {
    static const uint64_t values[] = {0, 1, 7, 15, 255, 4095, 65535, UINT32_MAX, UINT64_MAX};
    size_t at = random_next(seed) % count, from = random_next(seed) % count;
    size_t most = count - (at > from ? at : from), length = 1ull << random_next(seed) % 4;
    uint64_t value = values[random_next(seed) % (sizeof values / sizeof *values)];
    if (random_next(seed) % 4) at -= at % 8 > 1 ? at % 8 - 1 : 0; /* words lie behind a byte */
    if (length > count - at) return;
    switch (random_next(seed) % 6) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << random_next(seed) % 8);
        break;
    case 1:
        memcpy(bytes + at, &value, length);
        break;
    case 2:
        bytes[at] = (uint8_t)random_next(seed);
        break;
    case 3:
        bytes[at] = (uint8_t)(bytes[at] + random_next(seed) % 17 - 8);
        break;
    case 4:
        memmove(bytes + at, bytes + from, length < most ? length : most);
        break;
    default:
        memmove(bytes + at, bytes + from, most < 64 ? most : random_next(seed) % 64);
        break;
    }
}

static size_t make_input(uint64_t seed, size_t files) {
    uint64_t state = seed;
    const struct input *input = &inputs[random_next(&state) % files];
    size_t changes = 1ull << random_next(&state) % 8, count = input->count;
    memcpy(bytes, input->bytes, count);
    if (random_next(&state) % 16 == 0) count = random_next(&state) % (count + 1);
    for (size_t i = 0; i < changes && count > 0; i++) change(&state, count);
    return count;
}

int main(int argc, char **argv) {
    char *end = "?";
    long seconds = argc > 2 ? strtol(argv[2], &end, 10) : 0;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL) << 20;
    uint64_t first = seed;
    size_t files = argc > 1 ? read_inputs(argv[1]) : 0;
    if (files == 0 || *end) {
        fprintf(stderr, "random_inputs: a directory with files and a number of seconds, please\n");
        return 2;
    }
    name_seed_at_death();
    for (time_t until = time(NULL) + seconds; time(NULL) <= until; seed++) {
        seed_now = seed;
        LLVMFuzzerTestOneInput(bytes, make_input(seed, files));
    }
    printf("%llu inputs, nothing found\n", (unsigned long long)(seed - first));
    return 0;
}
