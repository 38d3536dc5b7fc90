#include "inspect/layout.h"

#include <stddef.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

enum { MANAGED = TYPE_FLAG_MANAGED_DICT | TYPE_FLAG_MANAGED_WEAKREF };

static const struct layout layouts[] = {
    {9, 4 * KIB, 256 * KIB, 0, 0, 856, 48, 40, 0, 0, 0, 0, 0, 0, 0},
    {10, 16 * KIB, MIB, 0, 0, 864, 48, 40, 0, 0, 0, 0, 0, 0, 0},
    {11, 16 * KIB, MIB, 0, TYPE_FLAG_MANAGED_DICT, 864, 48, 32, 32, 1, 1, 0, 0, 0, 0},
    {12, 16 * KIB, MIB, 0, MANAGED, 872, 40, 32, 24, 1, 1, 1, 0, 0, 0},
    {13, 16 * KIB, MIB, 0, MANAGED, 872, 40, 32, 24, 1, 1, 1, 1, 0, 0},
    {14, 16 * KIB, MIB, 0, MANAGED, 872, 40, 32, 24, 1, 1, 1, 1, 1, 0},
    {15, 16 * KIB, MIB, 1, MANAGED, 880, 40, 32, 24, 1, 1, 1, 1, 1, 1},
};

const struct layout *layout_of(int minor) {
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].minor == minor) return &layouts[i];
    return NULL;
}
