#include "shoal_image.h"

#include <stddef.h>
#include <string.h>

enum { PAGE = 4096, CLASS_BYTES = 8 };

static const void *in_library(uint64_t offset) { return (const void *)(SHOAL_LIBRARY_AT + offset); }

void shoal_image_put_beacon(const struct image *image, const struct shoal_beacon *beacon) {
    image_put(image, SHOAL_LIBRARY_AT + SHOAL_BEACON_AT, beacon, sizeof *beacon);
}

static void lay_out(struct shoal_beacon *beacon) {
    beacon->arenas[0] = in_library(SHOAL_ARENAS_AT);
    beacon->arenas[1] = in_library(SHOAL_ARENAS_AT + 2048);
    beacon->arena.count = 0;
    beacon->arena.array = 8;
    beacon->arena.bytes = 24;
    beacon->arena.pages = 0;
    beacon->arena.records = 8;
    beacon->arena.top = 16;
    beacon->classes = in_library(SHOAL_CLASSES_AT);
    beacon->size_class.count = 1;
    beacon->size_class.bytes = CLASS_BYTES;
    beacon->size_class.block_bytes = 0;
    beacon->size_class.blocks = 2;
    beacon->size_class.pages = 4;
    beacon->size_class.first = 6;
    beacon->link_key = beacon->mappings = in_library(SHOAL_MAPPINGS_AT);
}

void shoal_image_map(struct image *image, struct shoal_beacon *beacon) {
    const uint16_t class[] = {64, 63, 1, 0};
    const uint64_t arenas[] = {1, SHOAL_PAGES_AT, SHOAL_RECORDS_AT, SHOAL_IMAGE_PAGES};
    lay_out(beacon);
    image_map(image, SHOAL_LIBRARY_AT, 1 << 14, "rw-p", "/usr/lib/libshoal.so");
    image_map(image, SHOAL_RECORDS_AT, SHOAL_IMAGE_PAGES * beacon->record.bytes, "rw-p", "");
    image_map(image, SHOAL_PAGES_AT, SHOAL_IMAGE_PAGES * PAGE, "rw-p", "");
    image_put(image, SHOAL_LIBRARY_AT + SHOAL_CLASSES_AT, class, sizeof class);
    image_put(image, SHOAL_LIBRARY_AT + SHOAL_ARENAS_AT, arenas, sizeof arenas);
    shoal_image_put_beacon(image, beacon);
}

uint8_t *shoal_image_record(const struct image *image, const struct shoal_beacon *beacon,
                            size_t page) {
    return image_at(image, SHOAL_RECORDS_AT + page * beacon->record.bytes, beacon->record.bytes);
}

void shoal_image_put_run(const struct image *image, const struct shoal_beacon *beacon, size_t page,
                         uint8_t kind, uint64_t pages) {
    uint8_t *record = shoal_image_record(image, beacon, page);
    memcpy(record + beacon->record.run_pages, &pages, sizeof pages);
    record[beacon->record.kind] = kind;
}

void shoal_image_put_pool(const struct image *image, const struct shoal_beacon *beacon, size_t page,
                          uint16_t carved) {
    uint8_t *record = shoal_image_record(image, beacon, page);
    uint64_t end = SHOAL_PAGES_AT + page * PAGE + beacon->end_mark;
    memcpy(record + beacon->record.free, &end, sizeof end);
    memcpy(record + beacon->record.carved, &carved, sizeof carved);
    memcpy(record + beacon->record.frees_left, &carved, sizeof carved);
    record[beacon->record.size_class] = 0;
    record[beacon->record.kind] = beacon->kind.partial;
}
