/* The malloc family answers as glibc's does. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "expect.h"

/* volatile: the compiler must not know how large it is. */
static volatile size_t huge = SIZE_MAX - 100, half = (size_t)1 << 32, zero = 0;

static int is_zero(const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (bytes[i]) return 0;
    return 1;
}

static void zero_sizes(void) {
    void *blocks[] = {malloc(zero),
                      calloc(zero, 1),
                      calloc(1, zero),
                      realloc(NULL, zero),
                      aligned_alloc(64, zero),
                      memalign(64, zero),
                      valloc(zero),
                      pvalloc(zero)};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        EXPECT(blocks[i]);
        for (size_t k = 0; k < i; k++) EXPECT(blocks[i] != blocks[k]);
    }
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) free(blocks[i]);
    errno = 0;
    EXPECT(realloc(malloc(10), zero) == NULL);
    EXPECT(reallocarray(malloc(10), zero, 5) == NULL);
    free(NULL);
    EXPECT(malloc_usable_size(NULL) == 0);
}

#define REFUSED(call) EXPECT((errno = 0, !(call)) && errno == ENOMEM)

static void out_of_bounds(void) {
    char *block = malloc(100), *same = block;
    memset(block, 7, 100);
    REFUSED(malloc(huge));
    REFUSED(calloc(half, half));
    REFUSED(realloc(block, huge));
    REFUSED(reallocarray(block, half, half));
    REFUSED(aligned_alloc(64, huge));
    REFUSED(memalign(64, huge));
    REFUSED(valloc(huge));
    REFUSED(pvalloc(huge));
    errno = 0;
    EXPECT(!memalign(((size_t)1 << 63) + 1, 10));
    EXPECT(errno == EINVAL || errno == ENOMEM);
    EXPECT(block[0] == 7 && block[99] == 7);
    free(same);
}

static void posix(void) {
    static const size_t wrong[] = {0, 1, 2, 4, 3, 12, 24, 100};
    void *block = (void *)5;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        errno = 77;
        EXPECT(posix_memalign(&block, wrong[i], 10) == EINVAL);
        EXPECT(errno == 77 && block == (void *)5);
    }
    EXPECT(posix_memalign(&block, 64, huge) == ENOMEM && block == (void *)5);
    for (size_t align = sizeof(void *); align <= 1 << 22; align *= 2) {
        EXPECT(posix_memalign(&block, align, 33) == 0);
        EXPECT((uintptr_t)block % align == 0);
        memset(block, 1, malloc_usable_size(block));
        free(block);
    }
}

static void alignments(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t align = 1; align <= 1 << 22; align *= 2) {
        for (size_t size = 0; size < 20000; size = size * 3 + 1) {
            char *block = memalign(align, size), *other = aligned_alloc(align, size);
            EXPECT(block && (uintptr_t)block % align == 0);
            EXPECT(other && (uintptr_t)other % align == 0);
            memset(block, 1, size);
            memset(other, 2, size);
            EXPECT(size == 0 || block[size - 1] == 1);
            free(block);
            free(other);
        }
    }
    char *block = memalign(48, 10); /* rounded up to 64 */
    EXPECT(block && (uintptr_t)block % 64 == 0);
    free(block);
    block = valloc(10);
    EXPECT((uintptr_t)block % page == 0);
    free(block);
    block = pvalloc(page + 1);
    EXPECT((uintptr_t)block % page == 0 && malloc_usable_size(block) >= 2 * page);
    memset(block, 1, 2 * page);
    free(block);
}

static void contents(void) {
    for (size_t size = 1; size < 3000000; size = size * 2 + 7) {
        char *dirty = malloc(size);
        memset(dirty, 9, malloc_usable_size(dirty));
        free(dirty);
        char *block = calloc(size, 1);
        EXPECT(block && is_zero(block, size));
        memset(block, 5, size);
        block = reallocarray(block, size, 3);
        EXPECT(block && block[0] == 5 && block[size - 1] == 5);
        EXPECT(malloc_usable_size(block) >= size * 3);
        block = realloc(block, size / 2 + 1);
        EXPECT(block && block[size / 2] == 5);
        errno = 33;
        free(block);
        EXPECT(errno == 33);
    }
}

static void through_the_c_library(void) {
    char *line = NULL, *text = strdup("some text"), *part = strndup(text, 4);
    size_t room = 0;
    FILE *file = tmpfile();
    EXPECT(strcmp(text, "some text") == 0 && strcmp(part, "some") == 0);
    free(text);
    free(part);
    EXPECT(asprintf(&text, "%d %s", 42, "things") == 9 && strcmp(text, "42 things") == 0);
    free(text);
    for (int i = 0; i < 1000; i++) fprintf(file, "%*d\n", i, i);
    rewind(file);
    for (int i = 1; i < 1000; i++) fprintf(file, "%*d\n", i + 3, i);
    rewind(file);
    for (int i = 1; i < 1000; i++) EXPECT(getline(&line, &room, file) == i + 4);
    free(line);
    fclose(file);
    file = open_memstream(&text, &room);
    for (int i = 0; i < 10000; i++) fputs("0123456789", file);
    fclose(file);
    EXPECT(room == 100000 && strlen(text) == 100000);
    free(text);
    wchar_t *wide = wcsdup(L"wide");
    EXPECT(wcscmp(wide, L"wide") == 0);
    free(wide);
    char *path = realpath("/proc/self/..", NULL);
    EXPECT(path && strcmp(path, "/proc") == 0);
    free(path);
    path = getcwd(NULL, 0);
    EXPECT(path);
    free(path);
}

static void statistics(void) {
    char *block = malloc(20 << 20);
    memset(block, 1, 20 << 20);
    struct mallinfo2 with = mallinfo2();
    EXPECT(with.uordblks + with.hblkhd >= 20 << 20);
    free(block);
    int trimmed = malloc_trim(0);
    EXPECT(trimmed == 0 || trimmed == 1);
    struct mallinfo2 without = mallinfo2();
    EXPECT(without.uordblks + without.hblkhd < 20 << 20);
}

int main(void) {
    zero_sizes();
    out_of_bounds();
    posix();
    alignments();
    contents();
    through_the_c_library();
    statistics();
    return 0;
}
