/* A malloc that is not Shoal's: of a program that brings its own, or, built as a
 * library, of one that is preloaded in front. It never takes anything back. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static _Alignas(16) char room[64 << 20];
static size_t used;

void *malloc(size_t size) {
    size_t at = __atomic_fetch_add(&used, 16 + ((size + 15) & ~(size_t)15), __ATOMIC_RELAXED);
    if (at + 16 + size > sizeof room) return NULL;
    memcpy(room + at, &size, sizeof size);
    return room + at + 16;
}

void free(void *block) { (void)block; }

void *calloc(size_t count, size_t size) { return malloc(count * size); }

void *realloc(void *block, size_t size) {
    char *moved = malloc(size);
    size_t old = 0;
    if (block) memcpy(&old, (char *)block - 16, sizeof old);
    return moved ? memcpy(moved, block ? block : "", old < size ? old : size) : NULL;
}

int main(void) {
    puts("ran");
    return 0;
}
