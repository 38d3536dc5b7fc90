/* Which sites have blocks in a range of addresses. */
#include <stdbool.h>

#include "profile/shadow.h"
#include "shoal/profile.h"

/* What was found so far, in the order of the sites. */
struct found {
    struct shoal_presence *sites;
    size_t count, room;
};

/* The entry of a site, made if need be; NULL when there is no room for it. */
static struct shoal_presence *entry_of(struct found *found, unsigned site) {
    size_t at = 0;
    while (at < found->count && found->sites[at].site < site) at++;
    if (at < found->count && found->sites[at].site == site) return &found->sites[at];
    if (found->count == found->room) return NULL;
    for (size_t i = found->count++; i > at; i--) found->sites[i] = found->sites[i - 1];
    found->sites[at] = (struct shoal_presence){.site = site};
    return &found->sites[at];
}

static bool add(struct found *found, const struct note *note) {
    struct shoal_presence *entry = entry_of(found, note->site);
    if (!entry) return false;
    entry->blocks++;
    entry->bytes += note->bytes;
    return true;
}

/* A block of which no bytes are noted has two cells. */
static const char *after(const void *block, const struct note *note) {
    size_t bytes = note->bytes ? note->bytes : 32;
    return (const char *)block + ((bytes + 15) & ~(size_t)15);
}

size_t shoal_profile_sites_in(const void *start, size_t bytes, struct shoal_presence *sites,
                              size_t room) {
    struct found found = {sites, 0, room};
    const char *end = (const char *)start + bytes;
    struct note note;
    const void *block = shadow_next(start, end, &note);
    for (; block; block = shadow_next(after(block, &note), end, &note))
        if (note.site && !add(&found, &note)) return room + 1;
    return found.count;
}
