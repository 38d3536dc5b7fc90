/* Shoal's heap in a process that is not there: one arena, whose pages were never
 * used at first, and one size class of 64 bytes. */
#ifndef SHOAL_TESTS_SHOAL_IMAGE_H
#define SHOAL_TESTS_SHOAL_IMAGE_H

#include "image.h"
#include "shoal/beacon.h"

enum {
    SHOAL_IMAGE_PAGES = 512,
    /* In the library: */
    SHOAL_BEACON_AT = 256,
    SHOAL_ARENAS_AT = 4096,  /* their number, then one's pages, records and top  */
    SHOAL_CLASSES_AT = 8192, /* one: of four numbers of 16 bits                  */
    SHOAL_MAPPINGS_AT = 12288,
};

#define SHOAL_LIBRARY_AT 0x7f3000000000ull
#define SHOAL_RECORDS_AT 0x7f3100000000ull
#define SHOAL_PAGES_AT 0x7f3200000000ull

/* Maps it. Of the beacon the kinds and a record's layout are taken, from a heap that
 * is there; the others are filled in. */
void shoal_image_map(struct image *image, struct shoal_beacon *beacon);

/* Puts the beacon again, changed. */
void shoal_image_put_beacon(const struct image *image, const struct shoal_beacon *beacon);

uint8_t *shoal_image_record(const struct image *image, const struct shoal_beacon *beacon,
                            size_t page);
void shoal_image_put_run(const struct image *image, const struct shoal_beacon *beacon, size_t page,
                         uint8_t kind, uint64_t pages);

/* One page, of which the first blocks are live and no others were made. */
void shoal_image_put_pool(const struct image *image, const struct shoal_beacon *beacon, size_t page,
                          uint16_t carved);

#endif
