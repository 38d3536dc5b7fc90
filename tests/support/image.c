#define _GNU_SOURCE
#include "image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/grow.h"

void image_init(struct image *image) {
    *image = (struct image){0};
    strcpy(image->maps.program, IMAGE_PROGRAM);
}

void image_end(struct image *image) {
    for (size_t i = 0; i < image->count; i++) free(image->pieces[i].memory);
    maps_end(&image->maps);
    image->count = 0;
}

static bool is_taken(const struct image *image, uint64_t address, size_t bytes) {
    for (size_t i = 0; i < image->count; i++) {
        const struct piece *piece = &image->pieces[i];
        if (address < piece->address + piece->bytes && piece->address < address + bytes)
            return true;
    }
    return address + bytes <= address;
}

/* A line of maps, made an item by the reader's own parser, in its place. */
static void add_mapping(struct maps *maps, uint64_t address, size_t bytes, const char *mode,
                        const char *path) {
    char line[256];
    size_t at = maps->count;
    int inode = path[0] == '/' ? 7 : 0;
    snprintf(line, sizeof line, "%llx-%llx %s 00000000 00:00 %d   %s\n",
             (unsigned long long)address, (unsigned long long)(address + bytes), mode, inode, path);
    if (!grow(&maps->items, &maps->room, maps->count, sizeof *maps->items)) abort();
    while (at > 0 && maps->items[at - 1].start > address) at--;
    memmove(&maps->items[at + 1], &maps->items[at], (maps->count++ - at) * sizeof *maps->items);
    if (!maps_parse(&maps->items[at], line)) abort();
}

uint8_t *image_map(struct image *image, uint64_t address, size_t bytes, const char *mode,
                   const char *path) {
    if (image->count == IMAGE_PIECES || is_taken(image, address, bytes)) return NULL;
    uint8_t *memory = calloc(1, bytes);
    if (!memory) abort();
    image->pieces[image->count++] = (struct piece){address, bytes, memory};
    add_mapping(&image->maps, address, bytes, mode, path);
    return memory;
}

uint8_t *image_at(const struct image *image, uint64_t address, size_t bytes) {
    for (size_t i = 0; i < image->count; i++) {
        const struct piece *piece = &image->pieces[i];
        uint64_t offset = address - piece->address;
        if (offset < piece->bytes && bytes <= piece->bytes - offset) return piece->memory + offset;
    }
    return NULL;
}

void image_put(const struct image *image, uint64_t address, const void *bytes, size_t count) {
    uint8_t *to = image_at(image, address, count);
    if (!to) abort();
    memcpy(to, bytes, count);
}

void image_put_word(const struct image *image, uint64_t address, uint64_t word) {
    image_put(image, address, &word, sizeof word);
}

void image_put_half(const struct image *image, uint64_t address, uint32_t half) {
    image_put(image, address, &half, sizeof half);
}

size_t image_read(void *context, uint64_t address, void *buffer, size_t bytes) {
    struct image *image = context;
    size_t done = 0;
    image->reads++;
    while (done < bytes) {
        const struct piece *piece = NULL;
        for (size_t i = 0; i < image->count && !piece; i++)
            if (address + done - image->pieces[i].address < image->pieces[i].bytes)
                piece = &image->pieces[i];
        if (!piece) break;
        size_t offset = (size_t)(address + done - piece->address), part = piece->bytes - offset;
        if (part > bytes - done) part = bytes - done;
        memcpy((char *)buffer + done, piece->memory + offset, part);
        done += part;
    }
    return done;
}
