#include "heap/size_class.h"

/* Block size in bytes, pages of a pool; in the order of the classes. */
/* clang-format off */
#define EACH_CLASS(ROW) \
    ROW(16, 1) \
    ROW(16, 1) ROW(32, 1) ROW(48, 1) ROW(64, 1) ROW(80, 1) ROW(96, 1) ROW(112, 1) ROW(128, 1) \
    ROW(144, 1) ROW(160, 1) ROW(176, 1) ROW(192, 1) ROW(208, 1) ROW(224, 1) ROW(240, 1) ROW(256, 1) \
    ROW(272, 1) ROW(288, 1) ROW(304, 1) ROW(320, 1) ROW(336, 1) ROW(352, 1) ROW(368, 1) ROW(384, 1) \
    ROW(400, 1) ROW(416, 1) ROW(432, 1) ROW(448, 1) ROW(464, 1) ROW(480, 1) ROW(496, 1) ROW(512, 1) \
    ROW(640, 3) ROW(768, 3) ROW(896, 2) ROW(1024, 1) \
    ROW(1280, 5) ROW(1536, 3) ROW(1792, 4) ROW(2048, 2) \
    ROW(2560, 5) ROW(3072, 3) ROW(3584, 7) ROW(4096, 4) \
    ROW(5120, 5) ROW(6144, 6) ROW(7168, 7) ROW(8192, 8) \
    ROW(10240, 5) ROW(12288, 6) ROW(14336, 7) ROW(16384, 8) \
    ROW(20480, 10) ROW(24576, 12) ROW(28672, 14) ROW(32768, 16)
/* clang-format on */

/* Blocks of 64 bytes are mostly lists and dicts: 16 bytes for the collector and
 * a body of up to 48. From 48 on the bodies begin at cache lines, which takes
 * 9 % off a program of many of them (async_tree, 3.11); others gain nothing. */
#define FIRST(bytes) ((bytes) == 64 ? 48 : 0)

#define BLOCKS(bytes, page_count) (((page_count) * 4096 - FIRST(bytes)) / (bytes))
#define SIZES(bytes, page_count) {(bytes), BLOCKS(bytes, page_count), (page_count), FIRST(bytes)},
const struct size_class size_classes[CLASS_COUNT] = {EACH_CLASS(SIZES)};

#define INVERSE(bytes) (uint32_t)((0x100000000ull + (bytes) - 1) / (bytes))
#define DIVISOR(bytes, page_count) {INVERSE(bytes), (uint32_t)(FIRST(bytes) * INVERSE(bytes))},
const struct class_divisor class_divisors[CLASS_COUNT] = {EACH_CLASS(DIVISOR)};
