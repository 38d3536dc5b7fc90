#include "pinning.h"

#include <sys/mman.h>

#include "arenas.h"
#include "shoal/profile.h"

/* What is worked with comes from the system: the heaps stay as they are while
 * they are looked at. */
static void *map(size_t bytes) {
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

/* ---- Sets of sites, and what each keeps: a hash table ---------------------------- */

enum { SITES_TOGETHER = 8, FIRST_ROOM = 1024 };

struct keepers {
    unsigned sites[SITES_TOGETHER]; /* by number, then 0; all 0 in a free entry */
    size_t held, live;
};

struct table {
    struct keepers *entries;
    size_t count, room; /* room is a power of two, at most half of it in use */
};

static struct keepers *entry_of(const struct table *table, const unsigned *sites) {
    uint64_t hash = 0;
    for (int i = 0; i < SITES_TOGETHER; i++) hash = (hash ^ sites[i]) * 0x9E3779B97F4A7C15u;
    size_t at = hash >> 32;
    for (;; at++) {
        struct keepers *entry = &table->entries[at & (table->room - 1)];
        if (entry->sites[0] == 0 || !memcmp(entry->sites, sites, sizeof entry->sites)) return entry;
    }
}

static int grow(struct table *table) {
    struct table grown = {NULL, table->count, table->room ? table->room * 2 : FIRST_ROOM};
    grown.entries = map(grown.room * sizeof *grown.entries);
    if (!grown.entries) return 0;
    for (size_t i = 0; i < table->room; i++)
        if (table->entries[i].sites[0])
            *entry_of(&grown, table->entries[i].sites) = table->entries[i];
    if (table->entries) munmap(table->entries, table->room * sizeof *table->entries);
    *table = grown;
    return 1;
}

/* Something of `bytes` that is returned as one, with so many live blocks and so
 * many bytes beside them. 0 when there is no memory. */
static int add(struct table *table, const void *start, size_t bytes, size_t blocks, size_t held) {
    struct shoal_presence found[SITES_TOGETHER];
    struct keepers sum = {.held = held};
    size_t known = 0, count = shoal_profile_sites_in(start, bytes, found, SITES_TOGETHER);
    if (count == 0 || count > SITES_TOGETHER) return 1;
    for (size_t i = 0; i < count; i++) {
        sum.sites[i] = found[i].site;
        sum.live += found[i].bytes;
        known += found[i].blocks;
    }
    if (known != blocks) return 1; /* one is nobody's: from before, or from elsewhere */
    if (2 * table->count >= table->room && !grow(table)) return 0;
    struct keepers *entry = entry_of(table, sum.sites);
    if (entry->sites[0] == 0) table->count++;
    sum.held += entry->held;
    sum.live += entry->live;
    *entry = sum;
    return 1;
}

/* ---- What is returned as one ------------------------------------------------------- */

static int add_pools(struct table *table) {
    enum { MORE = 64 }; /* that other threads may make meanwhile */
    size_t room = shoal_live_pools(NULL, 0) + MORE, i = 0;
    struct shoal_live_pool *pools = map(room * sizeof *pools);
    if (!pools) return 0;
    size_t count = shoal_live_pools(pools, room);
    for (; i < count && i < room; i++) {
        const struct shoal_live_pool *pool = &pools[i];
        size_t held = pool->resident - pool->live_blocks * pool->block_size;
        if (!add(table, pool->start, pool->bytes, pool->live_blocks, held)) break;
    }
    munmap(pools, room * sizeof *pools);
    return i == count || i == room;
}

static int add_arenas(struct table *table) {
    size_t room = arenas_list(NULL, 0), i = 0;
    if (room == 0) return 1;
    const void **arenas = map(room * sizeof *arenas);
    if (!arenas) return 0;
    size_t now = arenas_list(arenas, room), count = now < room ? now : room;
    for (; i < count; i++) {
        struct arena_live live = arena_live(arenas[i]);
        if (!add(table, arenas[i], ARENA_BYTES, live.blocks, ARENA_BYTES - live.bytes)) break;
    }
    munmap(arenas, room * sizeof *arenas);
    return i == count;
}

/* ---- As Python has it ------------------------------------------------------------------ */

static PyObject *sites_of(const struct keepers *keepers) {
    Py_ssize_t count = 0;
    while (count < SITES_TOGETHER && keepers->sites[count]) count++;
    PyObject *sites = PyTuple_New(count);
    for (Py_ssize_t i = 0; sites && i < count; i++) {
        PyObject *site = PyLong_FromUnsignedLong(keepers->sites[i]);
        if (site)
            PyTuple_SET_ITEM(sites, i, site);
        else
            Py_CLEAR(sites);
    }
    return sites;
}

static int append(PyObject *list, const struct keepers *keepers) {
    PyObject *sites = sites_of(keepers);
    PyObject *item =
        sites ? Py_BuildValue("(Nnn)", sites, (Py_ssize_t)keepers->held, (Py_ssize_t)keepers->live)
              : NULL;
    int status = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return status;
}

static PyObject *list_of(const struct table *table) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < table->room; i++)
        if (table->entries[i].sites[0] && append(list, &table->entries[i]) < 0) Py_CLEAR(list);
    return list;
}

PyObject *pinning_list(int is_pymalloc) {
    struct table table = {NULL, 0, 0};
    int is_whole = is_pymalloc ? add_arenas(&table) : add_pools(&table);
    PyObject *list = is_whole ? list_of(&table) : PyErr_NoMemory();
    if (table.entries) munmap(table.entries, table.room * sizeof *table.entries);
    return list;
}
