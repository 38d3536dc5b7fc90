/* Runs a fuzz target over files, without a fuzzer: `replay DIRECTORY_OR_FILE...`
 * Linked to a target in place of libFuzzer, so that every compiler can run the
 * corpus as a plain test. Exit status: 0 all ran, 2 an argument is wrong; a
 * target that finds something aborts. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define LARGEST_INPUT ((size_t)1 << 20)

static uint8_t input[LARGEST_INPUT];

static int complain(const char *path) {
    fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    return 2;
}

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return complain(path);
    size_t count = fread(input, 1, sizeof(input), file);
    fclose(file);
    fprintf(stderr, "replay: %s, %zu bytes\n", path, count);
    LLVMFuzzerTestOneInput(input, count);
    return 0;
}

static int replay_directory(const char *path) {
    struct dirent **entries;
    int status = 0;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) return complain(path);
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && replay_file(name) != 0) status = 2;
        free(entries[i]);
    }
    free(entries);
    return status;
}

int main(int argc, char **argv) {
    int status = 0;
    if (argc < 2) {
        fprintf(stderr, "replay: no directory or file given\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        struct stat about;
        int failed = stat(argv[i], &about) != 0 ? complain(argv[i])
                     : S_ISDIR(about.st_mode)   ? replay_directory(argv[i])
                                                : replay_file(argv[i]);
        if (failed) status = 2;
    }
    return status;
}
