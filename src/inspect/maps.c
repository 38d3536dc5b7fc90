#define _GNU_SOURCE
#include "inspect/maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inspect/grow.h"

enum { PAGE_SHIFT = 12, ENTRIES = 512 };

static bool is_special(const char *path) {
    return path[0] == '[' && strncmp(path, "[anon", 5) != 0 && strcmp(path, "[heap]") != 0;
}

bool maps_parse(struct mapped *item, const char *line) {
    char mode[8];
    int at = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %" SCNu64 " %n", &item->start,
               &item->end, mode, &item->offset, &item->inode, &at) < 5 ||
        at == 0 || strlen(mode) < 4 || item->end <= item->start)
        return false;
    const char *path = line + at;
    item->is_writable = mode[1] == 'w';
    item->is_executable = mode[2] == 'x';
    item->is_private = mode[3] == 'p';
    item->path = strndup(path, strcspn(path, "\n"));
    if (!item->path) return false;
    item->is_anonymous = item->inode == 0 && !is_special(item->path);
    return true;
}

int maps_read(struct maps *maps, pid_t pid) {
    char name[64];
    char *line = NULL;
    size_t room = 0;
    *maps = (struct maps){0};
    snprintf(name, sizeof name, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(name, maps->program, sizeof maps->program - 1);
    maps->program[length < 0 ? 0 : length] = '\0';
    snprintf(name, sizeof name, "/proc/%d/maps", (int)pid);
    FILE *file = fopen(name, "re");
    if (!file) return errno;
    int error = 0;
    while (error == 0 && getline(&line, &room, file) > 0) {
        if (!grow(&maps->items, &maps->room, maps->count, sizeof *maps->items))
            error = ENOMEM;
        else if (maps_parse(&maps->items[maps->count], line))
            maps->count++;
    }
    if (ferror(file)) error = errno;
    free(line);
    fclose(file);
    return error;
}

void maps_end(struct maps *maps) {
    for (size_t i = 0; i < maps->count; i++) free(maps->items[i].path);
    free(maps->items);
    *maps = (struct maps){0};
}

const struct mapped *maps_at(const struct maps *maps, uint64_t address) {
    size_t low = 0, high = maps->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (maps->items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == maps->count || maps->items[low].start > address) return NULL;
    return &maps->items[low];
}

bool maps_present(int pagemap, uint64_t start, size_t pages, uint64_t *bits) {
    uint64_t entries[ENTRIES];
    memset(bits, 0, (pages + 63) / 64 * sizeof *bits);
    for (size_t done = 0; done < pages;) {
        size_t count = pages - done < ENTRIES ? pages - done : ENTRIES;
        off_t at = (off_t)(((start >> PAGE_SHIFT) + done) * sizeof *entries);
        ssize_t got = pread(pagemap, entries, count * sizeof *entries, at);
        if (got <= 0) return false;
        count = (size_t)got / sizeof *entries;
        for (size_t i = 0; i < count; i++)
            if (entries[i] >> 62) bits[(done + i) / 64] |= 1ull << (done + i) % 64;
        done += count;
        if (count == 0) return false;
    }
    return true;
}
