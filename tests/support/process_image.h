/* A process as a string of bytes, so that a fuzzer can make some up. The first byte
 * is the version, the 11 of 3.11; then come mappings, each a head and the bytes that
 * it begins with, the others being zero:
 *
 *   8 bytes   its address, low byte first, as all numbers; pages
 *   4 bytes   its bytes, pages too
 *   3 bytes   how many bytes of it follow
 *   1 byte    what it is: an index in the table of process_image.c */
#ifndef SHOAL_TESTS_PROCESS_IMAGE_H
#define SHOAL_TESTS_PROCESS_IMAGE_H

#include "image.h"

enum { PROCESS_HEAD_BYTES = 16, PROCESS_BYTES_MAX = 16 << 20 };

/* Makes an image; what makes no sense in the bytes is left out. Gives the version. */
int process_image_read(struct image *image, const uint8_t *bytes, size_t count);

/* The other way: writes at most `room` bytes, gives how many there are. */
size_t process_image_write(const struct image *image, int minor, uint8_t *bytes, size_t room);

#endif
