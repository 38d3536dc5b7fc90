/* Commits the crime it is told, with the malloc family: `misuse CRIME`.
 *
 * First it prints what the line of the heap should name, as two words: the
 * pointer, and the block (its start) or 0. Then it commits the crime. When
 * nothing stops it, it ends with status 0. Each crime is one function. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char static_data[256];

/* Says it with write: nothing of stdio may allocate between the crimes. */
static void announce(const void *pointer, const void *block) {
    char line[100];
    int length = snprintf(line, sizeof(line), "%p %p\n", pointer, block);
    if (write(STDOUT_FILENO, line, (size_t)length) < 0) exit(3);
}

static char *make(size_t size) {
    char *block = malloc(size);
    memset(block, 1, size);
    return block;
}

static void free_twice(char *block) {
    announce(block, block);
    free(block);
    free(block);
}

static void double_free_small(void) {
    char *live = make(64);
    free_twice(make(64));
    free(live);
}

static void double_free_alone(void) {
    free_twice(make(208)); /* no other block of this size is live */
}

static void double_free_pooled(void) {
    char *live = make(5000);
    free_twice(make(5000));
    free(live);
}

/* First in a pool of several pages: its link leads into another page. */
static void double_free_pages_apart(void) {
    enum { COUNT = 64 };
    char *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) blocks[i] = make(640);
    for (int i = 10; i < COUNT; i += 2) free(blocks[i]);
    for (int i = 0; i < 10; i++) free(blocks[i]);
    announce(blocks[0], blocks[0]);
    free(blocks[0]);
}

static void double_free_in_full_page(void) {
    enum { COUNT = 4096 / 64 * 4 };
    char *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) blocks[i] = make(64);
    free_twice(blocks[COUNT / 2]);
}

static void double_free_later(void) {
    char *blocks[30];
    for (int i = 0; i < 30; i++) blocks[i] = make(64);
    for (int i = 0; i < 29; i++) free(blocks[i]);
    announce(blocks[7], blocks[7]);
    free(blocks[7]);
}

/* All of them are freed, and their pages go back; then one is freed again. */
static void free_again_after_trim(char **blocks, size_t count) {
    for (size_t i = 0; i < count; i++) blocks[i] = make(64);
    for (size_t i = 0; i < count; i++) free(blocks[i]);
    malloc_trim(0);
    announce(blocks[count / 2], blocks[count / 2]);
    free(blocks[count / 2]);
}

static void double_free_in_returned_page(void) {
    enum { COUNT = 2000 };
    static char *blocks[COUNT];
    free_again_after_trim(blocks, COUNT);
}

/* With it the record of its page has gone, which told the size. */
static void double_free_in_returned_region(void) {
    enum { COUNT = 200000 };
    static char *blocks[COUNT];
    free_again_after_trim(blocks, COUNT);
}

static void double_free_large(void) {
    char *live = make(100000);
    free_twice(make(100000));
    free(live);
}

static void double_free_mapping(void) { free_twice(make((size_t)64 << 20)); }

static void free_null_plus_8(void) {
    announce((void *)8, NULL);
    free((void *)8);
}

static void free_stack(void) {
    char local[64];
    announce(local, NULL);
    free(local);
}

static void free_static(void) {
    announce(static_data + 64, NULL);
    free(static_data + 64);
}

static void free_function(void) {
    announce((void *)(uintptr_t)free_static, NULL);
    free((void *)(uintptr_t)free_static);
}

static void free_interior(size_t size, size_t offset) {
    char *block = make(size);
    char *live = make(size);
    announce(block + offset, block);
    free(block + offset);
    free(live);
}

static void interior_small(void) { free_interior(64, 16); }
static void interior_odd(void) { free_interior(64, 3); }
static void interior_pooled(void) { free_interior(5000, 4500); }
static void interior_large(void) { free_interior(100000, 16); }
static void interior_large_page(void) { free_interior(100000, 8192); }
static void interior_mapping(void) { free_interior((size_t)64 << 20, 1 << 20); }

/* The link of a free block is overwritten; a later malloc follows it. */
static void write_after_free(size_t size) {
    char *first = make(size), *second = make(size), *live = make(size);
    free(first);
    free(second);
    announce(second, second);
    memset(second, 'x', 8);
    for (int i = 0; i < 100000; i++) make(size);
    free(live);
}

static void write_after_free_small(void) { write_after_free(64); }
static void write_after_free_pooled(void) { write_after_free(5000); }

static void realloc_interior(void) {
    char *block = make(64);
    announce(block + 16, block);
    block = realloc(block + 16, 100);
}

static void realloc_stack(void) {
    char local[64];
    announce(local, NULL);
    if (realloc(local, 100)) exit(0);
}

static void realloc_freed(void) {
    char *block = make(64), *live = make(64);
    announce(block, block);
    free(block);
    block = realloc(block, 1000);
    free(live);
}

static void realloc_freed_mapping(void) {
    char *block = make((size_t)64 << 20);
    announce(block, block);
    free(block);
    block = realloc(block, 1000);
}

/* ---- By another thread: noticed when the owner takes back what others freed ---- */

static void *free_in_thread(void *pointer) {
    free(pointer);
    return NULL;
}

static void freed_by_thread(void *pointer) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, free_in_thread, pointer) == 0) pthread_join(thread, NULL);
}

static void allocate_many(size_t size) {
    for (int i = 0; i < 100000; i++) make(size);
}

static void double_free_by_thread(void) {
    char *block = make(64), *live = make(64);
    announce(block, block);
    freed_by_thread(block);
    freed_by_thread(block);
    allocate_many(64);
    free(live);
}

static void interior_by_thread(void) {
    char *block = make(64), *live = make(64);
    announce(block + 16, block);
    freed_by_thread(block + 16);
    allocate_many(64);
    free(live);
}

#define CRIME(name) {#name, name}

static const struct {
    const char *name;
    void (*commit)(void);
} crimes[] = {
    CRIME(double_free_small),
    CRIME(double_free_alone),
    CRIME(double_free_pooled),
    CRIME(double_free_pages_apart),
    CRIME(double_free_in_full_page),
    CRIME(double_free_later),
    CRIME(double_free_in_returned_page),
    CRIME(double_free_in_returned_region),
    CRIME(double_free_large),
    CRIME(double_free_mapping),
    CRIME(free_null_plus_8),
    CRIME(free_stack),
    CRIME(free_static),
    CRIME(free_function),
    CRIME(interior_small),
    CRIME(interior_odd),
    CRIME(interior_pooled),
    CRIME(interior_large),
    CRIME(interior_large_page),
    CRIME(interior_mapping),
    CRIME(write_after_free_small),
    CRIME(write_after_free_pooled),
    CRIME(realloc_interior),
    CRIME(realloc_stack),
    CRIME(realloc_freed),
    CRIME(realloc_freed_mapping),
    CRIME(double_free_by_thread),
    CRIME(interior_by_thread),
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < sizeof(crimes) / sizeof(crimes[0]); i++) {
        if (strcmp(argv[1], crimes[i].name) == 0) {
            crimes[i].commit();
            return 0;
        }
    }
    fprintf(stderr, "misuse: no such crime\n");
    return 2;
}
