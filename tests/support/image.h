/* The memory of a process that is not there: mappings with what is in them, for the
 * tests and the fuzz target of the reader of processes. */
#ifndef SHOAL_TESTS_IMAGE_H
#define SHOAL_TESTS_IMAGE_H

#include "inspect/maps.h"
#include "inspect/remote.h"

enum { IMAGE_PIECES = 64 };

#define IMAGE_PROGRAM "/usr/bin/python3"

struct image {
    struct piece {
        uint64_t address;
        size_t bytes;
        uint8_t *memory;
    } pieces[IMAGE_PIECES];
    size_t count;
    struct maps maps; /* by address, as a process has them */
    uint64_t reads;   /* calls of image_read */
};

void image_init(struct image *image);
void image_end(struct image *image);

/* Maps zeros; `mode` as in /proc/PID/maps ("rw-p"), `path` "" for anonymous memory.
 * Gives the memory, NULL where something else is or the pieces are used up. */
uint8_t *image_map(struct image *image, uint64_t address, size_t bytes, const char *mode,
                   const char *path);

/* What is at an address, of which so many bytes must be mapped in one piece; NULL
 * else. */
uint8_t *image_at(const struct image *image, uint64_t address, size_t bytes);

/* Aborts where nothing is mapped. */
void image_put(const struct image *image, uint64_t address, const void *bytes, size_t count);
void image_put_word(const struct image *image, uint64_t address, uint64_t word);
void image_put_half(const struct image *image, uint64_t address, uint32_t half);

/* The remote_read_function of it; its context is the image. Reads go on from one
 * piece to the next where they meet. */
size_t image_read(void *context, uint64_t address, void *buffer, size_t bytes);

#endif
