/* Pools: the free list, and what makes a free right or a crime. */
#ifndef SHOAL_HEAP_POOL_H
#define SHOAL_HEAP_POOL_H

#include "base/hints.h"
#include "heap/types.h"

/* What the links of free lists are hidden with; set once, before any block. */
extern uintptr_t link_key;

/* A pool that never has a free block, for heaps that have none of a class. */
extern struct pool no_pool;

static always_inline uintptr_t decoded_link(const void *block) {
    return *(const uintptr_t *)block ^ link_key;
}

static always_inline void write_link(void *block, uintptr_t next) {
    *(uintptr_t *)block = next ^ link_key;
}

/* Whether the first word may be a link: its bits 32 to 47 are those of an
 * address nearby, hidden with the key. Only these, since reading the whole word
 * just after a program wrote half of it would stall the processor. */
static always_inline bool looks_linked(const void *block) {
    uint16_t bits = ((const uint16_t *)block)[2];
    return bits == (uint16_t)(((uintptr_t)block ^ link_key) >> 32);
}

/* A block handed out must not look free when it comes back as it was. */
static always_inline void hide_link(void *block) { *(uintptr_t *)block = 0; }

static always_inline bool is_end(uintptr_t link) { return link & END_MARK; }

static always_inline bool same_page(uintptr_t a, uintptr_t b) { return (a ^ b) < PAGE_BYTES; }

static always_inline void pool_push(struct pool *pool, void *block) {
    write_link(block, (uintptr_t)pool->free);
    pool->free = block;
}

/* Takes back a block that leaves others live. Who takes a pool without live blocks from
 * its owner sees by the count that the owner is through with it (collect.c). */
static always_inline void pool_put(struct pool *pool, void *block) {
    pool_push(pool, block);
    __atomic_store_n(&pool->frees_left, (uint16_t)(pool->frees_left - 1), __ATOMIC_RELEASE);
}

/* Takes a block back if nothing about it needs a look; false when it does: the
 * last live block, the first free one, a page of a pool behind its first, no
 * pool at all, a pointer into a block, a first word that looks like a link. */
static always_inline bool pool_give_fast(struct pool *pool, void *block) {
    if (unlikely(pool->frees_left <= 1)) return false;
    uint32_t offset = (uintptr_t)block & (PAGE_BYTES - 1);
    if (unlikely(!is_block_offset(pool->size_class, offset))) return false;
    if (unlikely(looks_linked(block))) return false;
    pool_put(pool, block);
    return true;
}

static inline const struct size_class *pool_class(const struct pool *pool) {
    return &size_classes[pool->size_class];
}

static inline bool is_pool(const struct pool *pool) {
    return pool->kind >= POOL_CURRENT && pool->kind <= POOL_FULL;
}

/* Makes the records of a fresh run those of a current pool without live blocks.
 * `was_resident`: the run was dirty, so also what is not carved yet counts. */
void pool_init(struct pool *pool, unsigned class, uint16_t owner, bool was_resident);
bool pool_was_resident(const struct pool *pool);

/* Whether `block` is the start of one of the blocks made so far. */
bool pool_has(const struct pool *pool, const char *start, const void *block);

/* Links up some more blocks, at most a page of them, of a pool whose free list
 * is empty. `start` is the pool's first address. */
void pool_carve(struct pool *pool, char *start);

/* Blocks in use, of a first record. */
size_t pool_live(const struct pool *pool);

/* Bytes of a pool that are resident: whole pages up to the last carved, unless
 * its pages were before. */
size_t pool_resident_bytes(const struct pool *pool);

/* Blocks in the free list, walked; aborts when a link leads astray. */
size_t pool_count_free(const struct pool *pool, const char *start);

/* Aborts with one line when `block` is no block of the pool. `verb` is what was
 * tried: "free" or "realloc". Any thread that has a block of the pool may ask. */
void pool_must_have(const struct pool *pool, const char *start, const void *block,
                    const char *verb);

/* The same, and aborts when the block is free already. For the owner. */
void pool_must_own(const struct pool *pool, const char *start, const void *block, const char *verb);

/* Aborts unless the link of the free `block` leads to a block of its pool. */
void pool_check_link(const struct pool *pool, const char *start, const void *block);

/* Aborts for a pointer that is in no live pool or large block; `record` is its
 * page's, NULL when it is in no arena. */
_Noreturn void pool_no_block(const struct pool *record, const void *block, const char *verb);

#endif
