#include "malloc_image.h"

enum {
    BINS = 127,
    CACHE_BYTES = 0x290,
    IS_BEFORE_USED = 1,
    HEAP_HEAD_BYTES = 48,
    TOP_TO_END = 2104, /* bytes of an arena's state from the pointer to its top block */
};

static const uint64_t KEY = 0x1234567890abcdef;

static uint64_t size_of(const struct malloc_image *heap, uint64_t block) {
    uint64_t size;
    image_read(heap->image, block + 8, &size, sizeof size);
    return size & ~7ull;
}

static void put_top(const struct malloc_image *heap) {
    uint64_t left = heap->start + MALLOC_IMAGE_BYTES - heap->next;
    image_put_word(heap->image, heap->next + 8, left | IS_BEFORE_USED);
    image_put_word(heap->image, heap->top, heap->next);
}

static void put_empty_lists(const struct malloc_image *heap) {
    for (uint64_t i = 0; i < BINS; i++) {
        uint64_t bin = heap->top + i * 16;
        image_put_word(heap->image, bin + 16, bin);
        image_put_word(heap->image, bin + 24, bin);
    }
}

void malloc_image_map(struct malloc_image *heap, struct image *image) {
    *heap = (struct malloc_image){image, MALLOC_IMAGE_HEAP, MALLOC_IMAGE_HEAP,
                                  MALLOC_IMAGE_LIBC + MALLOC_IMAGE_TOP_AT};
    image_map(image, MALLOC_IMAGE_LIBC, 4096, "rw-p", "/usr/lib/libc.so.6");
    image_map(image, MALLOC_IMAGE_HEAP, MALLOC_IMAGE_BYTES, "rw-p", "[heap]");
    put_empty_lists(heap);
    put_top(heap);
}

void malloc_image_map_thread(struct malloc_image *heap, struct image *image, uint64_t top_at) {
    uint64_t start = MALLOC_IMAGE_THREAD, state = start + HEAP_HEAD_BYTES, top = state + top_at;
    uint64_t first = (top + TOP_TO_END + 15) & ~15ull;
    *heap = (struct malloc_image){image, first, start, top};
    image_map(image, start, MALLOC_IMAGE_BYTES, "rw-p", "");
    image_put_word(image, start, state);
    image_put_word(image, start + 16, MALLOC_IMAGE_BYTES);
    image_put_word(image, start + 24, MALLOC_IMAGE_BYTES);
    put_empty_lists(heap);
    put_top(heap);
}

uint64_t malloc_image_block(struct malloc_image *heap, uint64_t bytes) {
    uint64_t block = heap->next;
    image_put_word(heap->image, block + 8, bytes | IS_BEFORE_USED);
    heap->next += bytes;
    put_top(heap);
    return block;
}

void malloc_image_free(const struct malloc_image *heap, uint64_t block) {
    uint64_t next = block + size_of(heap, block);
    image_put_word(heap->image, next, size_of(heap, block));
    image_put_word(heap->image, next + 8, size_of(heap, next));
}

void malloc_image_cache(struct malloc_image *heap, const uint64_t *blocks, uint64_t count) {
    uint64_t cache = malloc_image_block(heap, CACHE_BYTES);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t list = size_of(heap, blocks[i]) / 16 - 2, memory = blocks[i] + 16;
        image_put_word(heap->image, cache + 16 + 128 + list * 8, memory);
        image_put_word(heap->image, memory + 8, KEY);
    }
}

void malloc_image_list(const struct malloc_image *heap, const uint64_t *blocks, uint64_t count) {
    uint64_t list = size_of(heap, blocks[0]) / 16 - 2;
    image_put_word(heap->image, MALLOC_IMAGE_LIBC + MALLOC_IMAGE_LISTS_AT + list * 8, blocks[0]);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t link = blocks[i] + 16, next = i + 1 < count ? blocks[i + 1] : 0;
        image_put_word(heap->image, link, link >> 12 ^ next);
    }
}
