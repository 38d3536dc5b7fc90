/* Stepping aside: where the system's pages are not of 4 KiB, the heap has no memory for
 * anybody. Preloaded, it leaves malloc to whoever has it next, libc as a rule, and says
 * so in one line when the process first asks. */
#ifndef SHOAL_HEAP_ASIDE_H
#define SHOAL_HEAP_ASIDE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/os.h"

/* Whether malloc has been left to the next. Never where pages are of 4 KiB. */
extern bool malloc_is_aside;

/* For a request for which there was no memory here: a block of the next malloc's, at a
 * multiple of `align`, a power of two. NULL where the heap does not step aside. Only in
 * libshoal.so: what has the heap in itself leaves malloc alone anyway. */
__attribute__((weak)) void *aside_take(size_t bytes, size_t align);

/* What a request comes to when there is no memory for it. */
static inline void *no_memory(size_t bytes, size_t align) {
    void *block = aside_take ? aside_take(bytes, align) : NULL;
    if (!block) errno = ENOMEM;
    return block;
}

/* The next malloc's functions, once it serves. */
void *aside_realloc(void *block, size_t bytes);
void aside_free(void *block);
size_t aside_usable_size(void *block);

/* Another function of whoever has malloc next, NULL if there is none of that name. */
void *aside_function(const char *name);

#endif
