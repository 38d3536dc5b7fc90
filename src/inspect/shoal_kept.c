#include "inspect/shoal_kept.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE = REMOTE_PAGE,
    DATA_WORDS_MAX = 1 << 17, /* a MiB: the heap's data are far smaller */
};

static bool overlaps(const struct shoal_extent *taken, size_t count, uint64_t start, uint64_t end) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (taken[middle].start + taken[middle].bytes <= start)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && taken[low].start < end;
}

/* Whether all of it is anonymous memory that may be written. */
static bool is_mapped(const struct maps *maps, uint64_t start, uint64_t end) {
    for (uint64_t at = start; at < end;) {
        const struct mapped *mapped = maps_at(maps, at);
        if (!mapped || !mapped->is_anonymous || !mapped->is_writable || !mapped->is_private)
            return false;
        at = mapped->end;
    }
    return true;
}

static bool is_kept(const struct maps *maps, const struct shoal_extent *taken, size_t count,
                    uint64_t start, uint64_t bytes) {
    return start && start % PAGE == 0 && bytes && bytes % PAGE == 0 && start + bytes > start &&
           !overlaps(taken, count, start, start + bytes) && is_mapped(maps, start, start + bytes);
}

bool shoal_kept_count(struct census *census, struct remote *remote, const struct maps *maps,
                      const struct shoal_beacon *beacon) {
    const struct mapped *data = maps_at(maps, (uintptr_t)beacon->mappings);
    size_t count, words_count;
    if (!data) return true;
    words_count = (size_t)(data->end - data->start) / sizeof(uint64_t);
    if (words_count > DATA_WORDS_MAX) words_count = DATA_WORDS_MAX;
    struct shoal_extent *taken = census_taken(census, &count);
    uint64_t *words = malloc(words_count * sizeof *words);
    bool has_memory = taken && words;
    if (has_memory)
        words_count =
            remote_read(remote, data->start, words, words_count * sizeof *words) / sizeof *words;
    for (size_t i = 0; has_memory && i + 1 < words_count; i++) {
        if (!is_kept(maps, taken, count, words[i], words[i + 1])) continue;
        census_add_reserve_apart(census, words[i], words[i + 1]);
        census_add_owned(census, words[i], words[i + 1], SHOAL_OWNER_RESERVE);
        free(taken); /* what is told of twice is counted once */
        taken = census_taken(census, &count);
        has_memory = taken != NULL;
    }
    free(taken);
    free(words);
    return has_memory;
}
