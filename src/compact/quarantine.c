#include "compact/quarantine.h"

#include <string.h>

#include "base/fatal.h"
#include "base/os.h"
#include "shoal/moving.h"

struct kept {
    unsigned char *block;
    size_t bytes;
};

static struct {
    struct kept *kept;
    size_t count, room;
} quarantine;

bool quarantine_reserve(size_t blocks) {
    if (blocks <= quarantine.room) return true;
    struct kept *kept = os_map(blocks * sizeof *kept);
    if (!kept) return false;
    if (quarantine.kept) os_unmap(quarantine.kept, quarantine.room * sizeof *kept);
    quarantine.kept = kept;
    quarantine.room = blocks;
    return true;
}

void quarantine_add(void *block, size_t bytes) {
    memset(block, QUARANTINE_BYTE, bytes);
    quarantine.kept[quarantine.count++] = (struct kept){block, bytes};
}

static void must_be_as_it_was(const struct kept *kept) {
    for (size_t i = 0; i < kept->bytes; i++)
        if (kept->block[i] != QUARANTINE_BYTE)
            fatal("compact: byte %zu of the %zu-byte block %p was written after the block moved", i,
                  kept->bytes, (void *)kept->block);
}

void quarantine_empty(void) {
    while (quarantine.count > 0) {
        const struct kept *kept = &quarantine.kept[--quarantine.count];
        must_be_as_it_was(kept);
        shoal_moving_give(kept->block);
    }
}
