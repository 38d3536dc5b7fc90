/* Glibc's malloc in a process that is not there: an arena and its heap. */
#ifndef SHOAL_TESTS_MALLOC_IMAGE_H
#define SHOAL_TESTS_MALLOC_IMAGE_H

#include "image.h"

enum {
    MALLOC_IMAGE_BYTES = 1 << 18,  /* of the heap                               */
    MALLOC_IMAGE_LISTS_AT = 16,    /* in libc's data: lists of the smallest blocks */
    MALLOC_IMAGE_TOP_AT = 96,      /* the pointer to the top block              */
};

#define MALLOC_IMAGE_LIBC 0x7f6000000000ull
#define MALLOC_IMAGE_HEAP 0x555600000000ull
#define MALLOC_IMAGE_THREAD 0x7f5000000000ull

struct malloc_image {
    struct image *image;
    uint64_t next;  /* where the next block is put: the top */
    uint64_t start; /* of the heap                          */
    uint64_t top;   /* where the arena has the pointer to the top block */
};

/* The main arena, which is in libc's data. */
void malloc_image_map(struct malloc_image *heap, struct image *image);

/* A thread's, which is in its heap; `top_at`: bytes from its state to that pointer. */
void malloc_image_map_thread(struct malloc_image *heap, struct image *image, uint64_t top_at);

/* A block that is used, with its head: `bytes` of it, a multiple of 16 and at least 32. */
uint64_t malloc_image_block(struct malloc_image *heap, uint64_t bytes);

/* Marks a block that is not the last as free. */
void malloc_image_free(const struct malloc_image *heap, uint64_t block);

/* Puts the blocks in what a thread keeps those it has freed in, which is a block too; they
 * stay marked as used. */
void malloc_image_cache(struct malloc_image *heap, const uint64_t *blocks, uint64_t count);

/* Puts blocks of one size, that are not the last, in the list of such: marked as used. */
void malloc_image_list(const struct malloc_image *heap, const uint64_t *blocks, uint64_t count);

#endif
