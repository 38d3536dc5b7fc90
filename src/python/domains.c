#include "domains.h"

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "shoal/profile.h"
#include "watched.h"

/* The allocators there were. Ours are called with their contexts: a thread may
 * be calling RAW functions, without the lock, while they are exchanged. */
static PyMemAllocatorEx before[PYMEM_DOMAIN_OBJ + 1];

/* The calling thread is inside an allocator of ours: pymalloc itself asks RAW
 * for what is too large for its pools, and that is the same block. */
static __thread int is_inside __attribute__((tls_model("initial-exec")));

static inline int is_guarded(PyMemAllocatorDomain domain) { return domain != PYMEM_DOMAIN_RAW; }

static inline void *take(PyMemAllocatorDomain domain, size_t size) {
    PyMemAllocatorEx *to = &before[domain];
    if (is_inside) return to->malloc(to->ctx, size);
    is_inside = 1;
    void *block = to->malloc(to->ctx, size);
    is_inside = 0;
    if (!block || (domain == PYMEM_DOMAIN_MEM && events_need(size))) return block;
    shoal_profile_took(block, size, is_guarded(domain));
    return block;
}

static inline void *take_zeros(PyMemAllocatorDomain domain, size_t count, size_t size) {
    PyMemAllocatorEx *to = &before[domain];
    if (is_inside) return to->calloc(to->ctx, count, size);
    is_inside = 1;
    void *block = to->calloc(to->ctx, count, size);
    is_inside = 0;
    if (block) shoal_profile_took(block, count * size, is_guarded(domain));
    return block;
}

static inline void give(PyMemAllocatorDomain domain, void *block) {
    PyMemAllocatorEx *to = &before[domain];
    if (!is_inside) shoal_profile_gave(block, is_guarded(domain));
    int was_inside = is_inside;
    is_inside = 1;
    to->free(to->ctx, block);
    is_inside = was_inside;
}

static inline void *resize(PyMemAllocatorDomain domain, void *block, size_t size) {
    PyMemAllocatorEx *to = &before[domain];
    if (is_inside) return to->realloc(to->ctx, block, size);
    if (!block) return take(domain, size);
    struct shoal_profile_note note = shoal_profile_resizing(block, is_guarded(domain));
    is_inside = 1;
    void *resized = to->realloc(to->ctx, block, size);
    is_inside = 0;
    shoal_profile_resized(note, block, resized, size, is_guarded(domain));
    return resized;
}

#define DOMAIN(name, domain) \
    static void *name##_malloc(void *Py_UNUSED(context), size_t size) { \
        return take(domain, size); \
    } \
    static void *name##_calloc(void *Py_UNUSED(context), size_t count, size_t size) { \
        return take_zeros(domain, count, size); \
    } \
    static void *name##_realloc(void *Py_UNUSED(context), void *block, size_t size) { \
        return resize(domain, block, size); \
    } \
    static void name##_free(void *Py_UNUSED(context), void *block) { give(domain, block); }

DOMAIN(raw, PYMEM_DOMAIN_RAW)
DOMAIN(memory, PYMEM_DOMAIN_MEM)
DOMAIN(object, PYMEM_DOMAIN_OBJ)

void domains_tell(void) {
    static int is_told;
    static const PyMemAllocatorEx ours[] = {
        [PYMEM_DOMAIN_RAW] = {NULL, raw_malloc, raw_calloc, raw_realloc, raw_free},
        [PYMEM_DOMAIN_MEM] = {NULL, memory_malloc, memory_calloc, memory_realloc, memory_free},
        [PYMEM_DOMAIN_OBJ] = {NULL, object_malloc, object_calloc, object_realloc, object_free},
    };
    if (is_told) return;
    is_told = 1;
    for (int domain = PYMEM_DOMAIN_RAW; domain <= PYMEM_DOMAIN_OBJ; domain++) {
        PyMemAllocatorEx allocator = ours[domain];
        PyMem_GetAllocator(domain, &before[domain]);
        allocator.ctx = before[domain].ctx;
        PyMem_SetAllocator(domain, &allocator);
    }
}
