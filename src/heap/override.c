/* malloc and its family, for the whole process, when the library is preloaded
 * or linked. Semantics as the GNU C library documents them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hints.h"
#include "heap/aside.h"
#include "heap/free.h"
#include "heap/process.h"
#include "shoal/heap.h"

/* As <malloc.h> has them: not every C library's has them all, glibc's before 2.33 has no
 * mallinfo2. */
struct mallinfo2 {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
struct mallinfo2 mallinfo2(void);
size_t malloc_usable_size(void *block);
void *memalign(size_t align, size_t size);
void *pvalloc(size_t size);
int malloc_trim(size_t pad);

exported void *malloc(size_t size) { return shoal_malloc(size); }
exported void free(void *block) {
    if (likely(free_fast(block))) return;
    if (unlikely(malloc_is_aside))
        aside_free(block);
    else
        free_slow(block, __builtin_return_address(0));
}

exported void *calloc(size_t count, size_t size) { return shoal_calloc(count, size); }
exported void *realloc(void *block, size_t size) {
    return unlikely(malloc_is_aside) ? aside_realloc(block, size) : shoal_realloc(block, size);
}

exported size_t malloc_usable_size(void *block) {
    return malloc_is_aside ? aside_usable_size(block) : shoal_usable_size(block);
}

exported void *reallocarray(void *block, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, bytes);
}

/* Rounds an alignment that is no power of two up, as memalign of glibc does. */
exported void *memalign(size_t align, size_t size) {
    size_t power = 1;
    while (power < align && power) power *= 2;
    if (!power) {
        errno = EINVAL;
        return NULL;
    }
    return shoal_aligned_alloc(power, size);
}

exported void *aligned_alloc(size_t align, size_t size) { return shoal_aligned_alloc(align, size); }

exported int posix_memalign(void **block, size_t align, size_t size) {
    if (align % sizeof(void *) || align == 0 || (align & (align - 1))) return EINVAL;
    int saved_errno = errno;
    void *fresh = shoal_aligned_alloc(align, size);
    errno = saved_errno;
    if (!fresh) return ENOMEM;
    *block = fresh;
    return 0;
}

exported void *valloc(size_t size) { return shoal_aligned_alloc(os_page_bytes(), size); }

exported void *pvalloc(size_t size) {
    size_t page = os_page_bytes(), whole = (size + page - 1) & ~(page - 1);
    if (whole < size) {
        errno = ENOMEM;
        return NULL;
    }
    return shoal_aligned_alloc(page, whole ? whole : page);
}

exported int malloc_trim(size_t pad) {
    int (*next)(size_t);
    if (likely(!malloc_is_aside)) return shoal_trim() > 0;
    *(void **)&next = aside_function("malloc_trim");
    return next ? next(pad) : 0;
}

exported struct mallinfo2 mallinfo2(void) {
    struct mallinfo2 (*next)(void) = NULL;
    struct shoal_usage usage;
    if (malloc_is_aside) *(void **)&next = aside_function("mallinfo2");
    if (next) return next();
    shoal_usage(&usage);
    return (struct mallinfo2){
        .arena = usage.live + usage.held - usage.large,
        .hblkhd = usage.large,
        .uordblks = usage.live,
        .fordblks = usage.held,
        .keepcost = usage.reserve,
    };
}

/* Whose malloc the process's is, a block of it tells. Its address does not: in a
 * program that is not position-independent that is a stub of the program's own. */
int shoal_serves_malloc(void) {
    static int serves = -1;
    if (serves >= 0) return serves;
    void *(*take)(size_t);
    void (*give)(void *);
    *(void **)&take = dlsym(RTLD_DEFAULT, "malloc");
    *(void **)&give = dlsym(RTLD_DEFAULT, "free");
    void *block = take(1);
    if (!block) return 0; /* no memory: nothing is known yet */
    serves = is_pooled_block(block);
    give(block);
    return serves;
}
