#include "heap/pool.h"

#include "base/fatal.h"

uintptr_t link_key;
struct pool no_pool = {.free = (void *)END_MARK};

/* The second record of a pool remembers, in a field that tails have no use for. */
bool pool_was_resident(const struct pool *pool) {
    return pool_class(pool)->pages > 1 && pool[1].carved != 0;
}

void pool_init(struct pool *pool, unsigned class, uint16_t owner, bool was_resident) {
    size_t pages = size_classes[class].pages;
    for (size_t i = 1; i < pages; i++)
        pool[i] = (struct pool){
            .back_pages = i,
            .carved = was_resident,
            .owner = owner,
            .size_class = (uint8_t)class,
            .kind = POOL_TAIL,
        };
    pool->carved = 0;
    pool->frees_left = 1;
    pool->owner = owner;
    pool->size_class = (uint8_t)class;
    pool->kind = POOL_CURRENT;
}

/* In the order of their addresses, so that blocks made together lie together.
 * Not all at once where a pool has many pages: what is not linked is not
 * touched, and takes no memory. */
void pool_carve(struct pool *pool, char *start) {
    const struct size_class *class = pool_class(pool);
    size_t bytes = class->block_bytes;
    size_t count = bytes < PAGE_BYTES ? PAGE_BYTES / bytes : 1;
    if (count > (size_t)(class->blocks - pool->carved)) count = class->blocks - pool->carved;
    char *block = start + class->first + pool->carved * bytes;
    char *last = block + (count - 1) * bytes;
    pool->free = block;
    pool->carved = (uint16_t)(pool->carved + count);
    for (; block < last; block += bytes) write_link(block, (uintptr_t)block + bytes);
    write_link(last, (uintptr_t)start + END_MARK);
}

size_t pool_live(const struct pool *pool) {
    if (pool->kind == POOL_FULL) return pool_class(pool)->blocks;
    return pool->frees_left - (size_t)(pool->kind == POOL_CURRENT);
}

size_t pool_resident_bytes(const struct pool *pool) {
    size_t whole = (size_t)pool_class(pool)->pages << PAGE_SHIFT;
    if (pool_was_resident(pool)) return whole;
    size_t bytes = pool_class(pool)->first + pool->carved * (size_t)pool_class(pool)->block_bytes;
    size_t pages = (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
    return pages < whole ? pages : whole;
}

static bool in_pool(const struct pool *pool, const char *start, uintptr_t address) {
    return address - (uintptr_t)start < (size_t)pool_class(pool)->pages << PAGE_SHIFT;
}

bool pool_has(const struct pool *pool, const char *start, const void *block) {
    const struct size_class *class = pool_class(pool);
    size_t offset = (size_t)((const char *)block - start);
    return offset < class->first + pool->carved * (size_t)class->block_bytes &&
           is_block_offset(pool->size_class, (uint32_t)offset);
}

void pool_check_link(const struct pool *pool, const char *start, const void *block) {
    uintptr_t next = decoded_link(block);
    if (next == (uintptr_t)start + END_MARK || pool_has(pool, start, (void *)next)) return;
    fatal("write after free: the free list of %u-byte blocks at %p is overwritten",
          pool_class(pool)->block_bytes, block);
}

size_t pool_count_free(const struct pool *pool, const char *start) {
    size_t count = 0;
    uintptr_t block = (uintptr_t)pool->free;
    while (!is_end(block) && count <= pool->carved) {
        pool_check_link(pool, start, (void *)block);
        block = decoded_link((void *)block);
        count++;
    }
    if (count > pool->carved)
        fatal("write after free: the free list of %u-byte blocks at %p goes in a circle",
              pool_class(pool)->block_bytes, pool->free);
    return count;
}

static bool is_in_free_list(const struct pool *pool, const char *start, const void *block) {
    uintptr_t free_block = (uintptr_t)pool->free;
    for (size_t i = 0; !is_end(free_block) && i <= pool->carved; i++) {
        if (free_block == (uintptr_t)block) return true;
        pool_check_link(pool, start, (void *)free_block);
        free_block = decoded_link((void *)free_block);
    }
    return false;
}

void pool_must_have(const struct pool *pool, const char *start, const void *block,
                    const char *verb) {
    if (pool_has(pool, start, block)) return;
    const struct size_class *class = pool_class(pool);
    size_t bytes = class->block_bytes;
    size_t offset = (size_t)((const char *)block - start) - class->first; /* wraps before it */
    if (offset >= pool->carved * bytes) pool_no_block(NULL, block, verb);
    fatal("invalid %s of %p: inside the %zu-byte block %p", verb, block, bytes,
          start + class->first + offset - offset % bytes);
}

void pool_must_own(const struct pool *pool, const char *start, const void *block,
                   const char *verb) {
    pool_must_have(pool, start, block, verb);
    if (pool->kind == POOL_FULL || !in_pool(pool, start, decoded_link(block))) return;
    if (is_in_free_list(pool, start, block))
        fatal("double %s of %p: the %u-byte block is already free", verb, block,
              pool_class(pool)->block_bytes);
}

void pool_no_block(const struct pool *record, const void *block, const char *verb) {
    if (record && record->size_class == CLASS_LARGE)
        fatal("double %s of %p: the large block is already free", verb, block);
    if (record && record->size_class != 0)
        fatal("double %s of %p: the %u-byte block is already free", verb, block,
              pool_class(record)->block_bytes);
    fatal("invalid %s of %p: not a block of this heap", verb, block);
}
