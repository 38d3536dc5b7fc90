#define _GNU_SOURCE
#include "elsewhere_near.h"

#include <pthread.h>

struct elsewhere_near elsewhere_near;

bool elsewhere_is_readable(void) { return true; }

bool elsewhere_has_threads(void) { return elsewhere_near.has_threads; }

bool elsewhere_find_shared(struct own_mover *own) {
    unsigned every = elsewhere_near.shared_every;
    for (uint32_t i = 0; i < own->mover.pool_count; i++)
        own->mover.pools[i].is_shared = every != 0 && i % every == every - 1;
    return true;
}

static const char *end_of_stack(void) {
    pthread_attr_t attributes;
    void *start = NULL;
    size_t bytes = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &start, &bytes);
        pthread_attr_destroy(&attributes);
    }
    return (const char *)start + bytes;
}

bool elsewhere_each(struct own_mover *own, const void *frame, take_words *take) {
    const char *from = (const char *)((uintptr_t)frame & ~(uintptr_t)7);
    const char *words = elsewhere_near.words.start;
    if (words) take(own, words, words + elsewhere_near.words.bytes, sizeof(shoal_word), false);
    take(own, from, end_of_stack(), sizeof(shoal_word), true); /* mapped last, as elsewhere */
    return true;
}
