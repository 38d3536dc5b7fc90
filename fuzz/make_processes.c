/* Writes the first inputs of the corpus `inspect`: processes worth starting from,
 * `make_processes DIRECTORY`. Run it again after changing how they are laid out;
 * inputs that a fuzzer found are not touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap/process.h"
#include "malloc_image.h"
#include "process_image.h"
#include "python_image.h"
#include "shoal_image.h"

static const uint64_t ARENAS_AT = 0x7f1000000000;

static uint8_t bytes[1 << 20];

static void write_process(const char *folder, const char *name, const struct image *image,
                          int minor) {
    char path[4096];
    size_t count = process_image_write(image, minor, bytes, sizeof bytes);
    snprintf(path, sizeof path, "%s/%s-3.%d", folder, name, minor);
    FILE *file = fopen(path, "wb");
    if (!file || count > sizeof bytes || fwrite(bytes, 1, count, file) != count || fclose(file)) {
        perror(path);
        exit(2);
    }
}

/* A few pools of objects, raw memory and free blocks. */
static void fill_arena(struct python_image *python, uint32_t index, uint64_t address) {
    uint64_t class = python_class(python, "Session", "app.models", "Session", 0);
    uint64_t number = python_type(python, "float", 24, 0);
    python_arena(python, index, address, 4);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t at = address + i * python->layout->pool_bytes;
        uint8_t *pool = python_pool(python, index, at, 2 + i, 12);
        for (uint32_t block = 0; block < 4; block++) pool_put_object(pool, block, 0, number);
        for (uint32_t block = 4; block < 8; block++) pool_put_object(pool, block, 16, class);
        for (uint32_t block = 9; block < 12; block++) pool_release(pool, at, block);
    }
}

static void write_python(const char *folder, int minor) {
    struct python_image python;
    char version[16];
    python_image_init(&python, minor);
    snprintf(version, sizeof version, "3.%d.1", minor);
    image_map(&python.image, 0x555500000000, 4096, "r--p", IMAGE_PROGRAM);
    image_put(&python.image, 0x555500000010, "PYTHONHASHSEED", 15);
    image_put(&python.image, 0x555500000020, version, strlen(version) + 1);
    python_table(&python);
    fill_arena(&python, 0, ARENAS_AT);
    fill_arena(&python, 2, ARENAS_AT + 4096 + python.layout->arena_bytes);
    if (python.layout->has_own_arenas) {
        python_interpreter(&python);
        fill_arena(&python, 0, ARENAS_AT + (16 << 20));
    }
    write_process(folder, "python", &python.image, minor);
    python_image_end(&python);
}

static void write_shoal(const char *folder, int minor) {
    struct shoal_beacon beacon = heap_beacon;
    struct python_image python;
    python_image_init(&python, minor);
    shoal_image_map(&python.image, &beacon);
    for (size_t page = 0; page < 8; page++)
        shoal_image_put_pool(&python.image, &beacon, page, (uint16_t)(page * 8));
    shoal_image_put_run(&python.image, &beacon, 8, beacon.kind.dirty, 3);
    shoal_image_put_run(&python.image, &beacon, 11, beacon.kind.large, 300);
    shoal_image_put_run(&python.image, &beacon, 311, beacon.kind.clean, 2);
    shoal_image_put_pool(&python.image, &beacon, 313, 63);
    write_process(folder, "shoal", &python.image, minor);
    python_image_end(&python);
}

/* Blocks of malloc's: used, free, and kept by a thread. */
static void write_malloc(const char *folder, int minor) {
    struct python_image python;
    struct malloc_image heap;
    uint64_t kept[3], listed[3];
    python_image_init(&python, minor);
    malloc_image_map(&heap, &python.image);
    for (uint64_t i = 0; i < 3; i++) kept[i] = malloc_image_block(&heap, 64 + i * 16);
    malloc_image_cache(&heap, kept, 3);
    for (uint64_t i = 0; i < 3; i++) listed[i] = malloc_image_block(&heap, 96);
    uint64_t block = malloc_image_block(&heap, 4096);
    malloc_image_block(&heap, 720);
    malloc_image_free(&heap, block);
    malloc_image_list(&heap, listed, 3);
    write_process(folder, "malloc", &python.image, minor);
    python_image_end(&python);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "make_processes: no directory given\n");
        return 2;
    }
    for (int minor = 9; minor <= PYTHON_NEWEST; minor++) write_python(argv[1], minor);
    write_shoal(argv[1], 11);
    write_malloc(argv[1], 13);
    return 0;
}
