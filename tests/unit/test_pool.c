/* pool.c: carving, the free list, and the crimes against it. */
#include "heap/pool.h"

#include <sys/mman.h>

#include "dies.h"

/* A pool of a class, with pages of its own, outside any heap. */
static struct pool records[16];
static char *pages;

static struct pool *make_pool(unsigned class) {
    memset(records, 0, sizeof(records));
    pool_init(records, class, 7, false);
    pool_carve(records, pages);
    return records;
}

static int map_pages(void **state) {
    (void)state;
    link_key = (uintptr_t)0x123456789abcd000u;
    pages = mmap(NULL, 64 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED;
}

static int unmap_pages(void **state) {
    (void)state;
    return munmap(pages, 64 << 10);
}

/* A block as a program has it: with something of its own in it. */
static void *take(struct pool *pool) {
    if (is_end((uintptr_t)pool->free) && pool->carved < pool_class(pool)->blocks)
        pool_carve(pool, pages);
    if (is_end((uintptr_t)pool->free)) return NULL;
    void *block = pool->free;
    pool->free = (void *)decoded_link(block);
    pool->frees_left++;
    return memset(block, 1, pool_class(pool)->block_bytes);
}

static void blocks_come_in_the_order_of_their_addresses(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        struct pool *pool = make_pool(class);
        size_t count = size_classes[class].blocks;
        for (size_t i = 0; i < count; i++) {
            const struct size_class *sizes = &size_classes[class];
            assert_ptr_equal(take(pool), pages + sizes->first + i * sizes->block_bytes);
            assert_int_equal(pool_live(pool), i + 1);
        }
        assert_null(take(pool));
        assert_int_equal(pool->carved, count);
    }
}

static void every_page_says_where_its_pool_begins(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        make_pool(class);
        assert_int_equal(records[0].kind, POOL_CURRENT);
        assert_int_equal(records[0].owner, 7);
        for (size_t i = 1; i < size_classes[class].pages; i++) {
            assert_int_equal(records[i].kind, POOL_TAIL);
            assert_int_equal(records[i].back_pages, i);
            assert_int_equal(records[i].owner, 7);
            assert_int_equal(records[i].frees_left, 0);
        }
    }
}

static void what_was_freed_last_comes_first(void **state) {
    struct pool *pool = make_pool(4);
    void *first = take(pool), *second = take(pool), *third = take(pool);
    (void)state;
    assert_true(pool_give_fast(pool, first));
    assert_true(pool_give_fast(pool, third));
    assert_ptr_equal(take(pool), third);
    assert_ptr_equal(take(pool), first);
    assert_true(pool_give_fast(pool, second));
    assert_ptr_equal(take(pool), second);
}

static void the_free_blocks_are_counted(void **state) {
    struct pool *pool = make_pool(10);
    size_t all = size_classes[10].blocks;
    (void)state;
    assert_int_equal(pool_count_free(pool, pages), all);
    void *block = take(pool), *other = take(pool);
    assert_int_equal(pool_count_free(pool, pages), all - 2);
    assert_true(pool_give_fast(pool, block));
    assert_int_equal(pool_count_free(pool, pages), all - 1);
    (void)other;
}

/* The fast path must leave each of these to the slow one. */
static void the_fast_path_knows_its_limits(void **state) {
    struct pool *pool = make_pool(4);
    char *block = take(pool), *other = take(pool);
    (void)state;
    assert_false(pool_give_fast(pool, block + 16)); /* inside the block */
    assert_false(pool_give_fast(pool, block + 8));
    assert_true(pool_give_fast(pool, block));
    assert_false(pool_give_fast(pool, block)); /* free already */
    assert_true(pool_give_fast(pool, other));
    assert_int_equal(pool_live(pool), 0);
    assert_false(pool_give_fast(pool, other)); /* nothing is live */
    assert_false(pool_give_fast(&no_pool, block));
}

/* Of a run that was resident before, also what is not carved yet counts. */
static void a_pool_of_several_pages_remembers_whether_it_was_resident(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        for (int resident = 0; resident < 2; resident++) {
            memset(records, 0, sizeof(records));
            pool_init(records, class, 7, resident);
            bool remembers = resident && size_classes[class].pages > 1;
            assert_true(pool_was_resident(records) == remembers);
            while (records->carved < size_classes[class].blocks) pool_carve(records, pages);
            assert_true(pool_was_resident(records) == remembers);
        }
    }
}

/* Every free block looks linked, the last of the list too; one handed out does not. */
static void a_pool_has_its_blocks_and_nothing_else(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        struct pool *pool = make_pool(class);
        const struct size_class *sizes = &size_classes[class];
        for (size_t offset = 0; offset < (size_t)sizes->pages * PAGE_BYTES; offset += 8) {
            size_t past = offset - sizes->first;
            bool is_block = offset >= sizes->first && past % sizes->block_bytes == 0 &&
                            past / sizes->block_bytes < pool->carved;
            assert_true(pool_has(pool, pages, pages + offset) == is_block);
        }
        assert_false(pool_has(pool, pages, pages - sizes->block_bytes));
    }
}

static void free_blocks_look_linked(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class++) {
        struct pool *pool = make_pool(class);
        for (uintptr_t block = (uintptr_t)pool->free; !is_end(block);
             block = decoded_link((void *)block))
            assert_true(looks_linked((void *)block));
        void *block = take(pool);
        assert_false(looks_linked(block));
        pool_push(pool, block);
        assert_true(looks_linked(block));
        hide_link(block);
        assert_false(looks_linked(block));
    }
}

/* Two bytes of the first word decide, so that no write of another size stalls. */
static void two_bytes_decide_whether_a_block_looks_linked(void **state) {
    struct pool *pool = make_pool(8);
    unsigned char *block = take(pool);
    (void)state;
    for (int i = 0; i < 8; i++) {
        pool_push(pool, block);
        block[i] ^= 0x41;
        assert_true(looks_linked(block) == (i != 4 && i != 5));
        pool->free = (void *)(uintptr_t)pages;
    }
}

/* ---- Crimes ---------------------------------------------------------------- */

static void *criminal; /* the pointer of the crime */

static void commit(void *verb) { pool_must_own(records, pages, criminal, verb); }

static void expect(const char *verb, const char *format, size_t bytes, const void *block) {
    char line[200];
    snprintf(line, sizeof(line), format, verb, criminal, bytes, block);
    assert_dies(commit, (void *)verb, line);
}

static void a_block_freed_twice(void **state) {
    (void)state;
    for (unsigned class = 1; class < CLASS_COUNT; class++) {
        struct pool *pool = make_pool(class);
        size_t bytes = size_classes[class].block_bytes;
        void *blocks[4] = {take(pool), take(pool), take(pool), take(pool)};
        for (int i = 0; i < 4 && blocks[i]; i++) pool_push(pool, blocks[i]);
        for (int i = 0; i < 4 && blocks[i]; i++) {
            criminal = blocks[i];
            expect("free", "shoal: double %s of %p: the %zu-byte block is already free", bytes,
                   NULL);
        }
    }
}

static void a_pointer_into_a_block(void **state) {
    (void)state;
    for (unsigned class = 2; class < CLASS_COUNT; class += 9) {
        struct pool *pool = make_pool(class);
        size_t bytes = size_classes[class].block_bytes;
        char *block = take(pool);
        block = bytes * 2 <= pool->carved * bytes ? take(pool) : block;
        criminal = block + 16;
        expect("realloc", "shoal: invalid %s of %p: inside the %zu-byte block %p", bytes, block);
    }
}

static void a_pointer_past_the_blocks(void **state) {
    (void)state;
    make_pool(3); /* 85 blocks of 48 bytes, and 16 bytes to spare */
    criminal = pages + 85 * 48;
    expect("free", "shoal: invalid %s of %p: not a block of this heap", 0, NULL);
}

static void count_free(void *pool) { pool_count_free(pool, pages); }

static void an_overwritten_link(void **state) {
    struct pool *pool = make_pool(8);
    void *first = take(pool), *second = take(pool);
    char line[200];
    (void)state;
    pool_push(pool, first);
    pool_push(pool, second);
    snprintf(line, sizeof(line),
             "shoal: write after free: the free list of 128-byte blocks at %p is overwritten",
             first);
    strcpy(first, "text");
    assert_dies(count_free, pool, line);
}

static void a_list_that_is_a_circle(void **state) {
    struct pool *pool = make_pool(8);
    void *first = take(pool);
    char line[200];
    (void)state;
    pool_push(pool, first);
    write_link(first, (uintptr_t)first);
    snprintf(line, sizeof(line),
             "shoal: write after free: the free list of 128-byte blocks at %p goes in a circle",
             first);
    assert_dies(count_free, pool, line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_in_the_order_of_their_addresses),
        cmocka_unit_test(every_page_says_where_its_pool_begins),
        cmocka_unit_test(what_was_freed_last_comes_first),
        cmocka_unit_test(the_free_blocks_are_counted),
        cmocka_unit_test(the_fast_path_knows_its_limits),
        cmocka_unit_test(a_pool_of_several_pages_remembers_whether_it_was_resident),
        cmocka_unit_test(a_pool_has_its_blocks_and_nothing_else),
        cmocka_unit_test(free_blocks_look_linked),
        cmocka_unit_test(two_bytes_decide_whether_a_block_looks_linked),
        cmocka_unit_test(a_block_freed_twice),
        cmocka_unit_test(a_pointer_into_a_block),
        cmocka_unit_test(a_pointer_past_the_blocks),
        cmocka_unit_test(an_overwritten_link),
        cmocka_unit_test(a_list_that_is_a_circle),
    };
    return cmocka_run_group_tests_name("pool", tests, map_pages, unmap_pages);
}
