/* malloc and its family, for the whole process, when the library is preloaded
 * or linked. Semantics as the GNU C library documents them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/hints.h"
#include "heap/types.h"
#include "shoal/heap.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size) { return shoal_malloc(size); }
EXPORT void free(void *block) { shoal_free(block); }

EXPORT void *calloc(size_t count, size_t size) { return shoal_calloc(count, size); }
EXPORT void *realloc(void *block, size_t size) { return shoal_realloc(block, size); }
EXPORT size_t malloc_usable_size(void *block) { return shoal_usable_size(block); }

EXPORT void *reallocarray(void *block, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return shoal_realloc(block, bytes);
}

/* Rounds an alignment that is no power of two up, as memalign of glibc does. */
EXPORT void *memalign(size_t align, size_t size) {
    size_t power = 1;
    while (power < align && power) power *= 2;
    if (!power) {
        errno = EINVAL;
        return NULL;
    }
    return shoal_aligned_alloc(power, size);
}

EXPORT void *aligned_alloc(size_t align, size_t size) { return shoal_aligned_alloc(align, size); }

EXPORT int posix_memalign(void **block, size_t align, size_t size) {
    if (align % sizeof(void *) || align == 0 || (align & (align - 1))) return EINVAL;
    int saved_errno = errno;
    void *fresh = shoal_aligned_alloc(align, size);
    errno = saved_errno;
    if (!fresh) return ENOMEM;
    *block = fresh;
    return 0;
}

EXPORT void *valloc(size_t size) { return shoal_aligned_alloc(PAGE_BYTES, size); }

EXPORT void *pvalloc(size_t size) {
    size_t whole = (size + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
    if (whole < size) {
        errno = ENOMEM;
        return NULL;
    }
    return shoal_aligned_alloc(PAGE_BYTES, whole ? whole : PAGE_BYTES);
}

EXPORT int malloc_trim(size_t pad) {
    (void)pad;
    return shoal_trim() > 0;
}

EXPORT struct mallinfo2 mallinfo2(void) {
    struct shoal_usage usage;
    shoal_usage(&usage);
    return (struct mallinfo2){
        .arena = usage.live + usage.held - usage.large,
        .hblkhd = usage.large,
        .uordblks = usage.live,
        .fordblks = usage.held,
        .keepcost = usage.reserve,
    };
}

/* This library's malloc, whichever one the process calls by that name. */
extern void *own_malloc(size_t size)
    __attribute__((alias("malloc"), visibility("hidden"), copy(malloc)));

int shoal_serves_malloc(void) {
    static int serves = -1;
    if (serves < 0) serves = dlsym(RTLD_DEFAULT, "malloc") == (void *)own_malloc;
    return serves;
}
