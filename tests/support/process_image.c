#include "process_image.h"

#include <string.h>

enum { PAGE = 4096 };

static const struct kind {
    const char *mode, *path;
} kinds[] = {
    {"rw-p", ""},
    {"rw-p", IMAGE_PROGRAM},
    {"r--p", IMAGE_PROGRAM},
    {"rw-p", "[heap]"},
    {"rw-p", "/usr/lib/libpython3.so"},
    {"r--p", "/usr/lib/libpython3.so"},
    {"rw-p", "/usr/lib/libshoal.so"},
    {"rw-p", "[stack]"},
    {"rw-p", "/usr/lib/libc.so.6"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static uint64_t number_at(const uint8_t *bytes, size_t count) {
    uint64_t number = 0;
    for (size_t i = count; i-- > 0;) number = number << 8 | bytes[i];
    return number;
}

static void put_number(uint8_t *bytes, size_t count, uint64_t number) {
    for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(number >> 8 * i);
}

int process_image_read(struct image *image, const uint8_t *bytes, size_t count) {
    uint64_t sum = 0;
    image_init(image);
    for (size_t at = 1; at + PROCESS_HEAD_BYTES <= count;) {
        const uint8_t *head = bytes + at;
        uint64_t address = number_at(head, 8) & ~(uint64_t)(PAGE - 1);
        size_t size = (size_t)number_at(head + 8, 4) & ~(size_t)(PAGE - 1);
        size_t used = (size_t)number_at(head + 12, 3);
        const struct kind *kind = &kinds[head[15] % KINDS];
        at += PROCESS_HEAD_BYTES;
        if (used > count - at) used = count - at;
        if (size > 0 && sum + size <= PROCESS_BYTES_MAX) {
            uint8_t *memory = image_map(image, address, size, kind->mode, kind->path);
            if (memory) memcpy(memory, head + PROCESS_HEAD_BYTES, used < size ? used : size);
            if (memory) sum += size;
        }
        at += used;
    }
    return count > 0 ? bytes[0] : 0;
}

static uint8_t kind_of(const struct mapped *mapped) {
    for (uint8_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].path, mapped->path) == 0 &&
            (kinds[i].mode[1] == 'w') == mapped->is_writable)
            return i;
    return 0;
}

size_t process_image_write(const struct image *image, int minor, uint8_t *bytes, size_t room) {
    size_t count = 0;
    if (count < room) bytes[count] = (uint8_t)minor;
    count++;
    for (size_t i = 0; i < image->count; i++) {
        const struct piece *piece = &image->pieces[i];
        size_t used = piece->bytes;
        while (used > 0 && piece->memory[used - 1] == 0) used--;
        if (count + PROCESS_HEAD_BYTES + used <= room) {
            uint8_t *head = bytes + count;
            put_number(head, 8, piece->address);
            put_number(head + 8, 4, piece->bytes);
            put_number(head + 12, 3, used);
            head[15] = kind_of(maps_at(&image->maps, piece->address));
            memcpy(head + PROCESS_HEAD_BYTES, piece->memory, used);
        }
        count += PROCESS_HEAD_BYTES + used;
    }
    return count;
}
