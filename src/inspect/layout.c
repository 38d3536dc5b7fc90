#include "inspect/layout.h"

#include <stddef.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

static const struct layout layouts[] = {
    {9, 4 * KIB, 256 * KIB, 0, 856, 48, 40, 0, 0, 0},
    {10, 16 * KIB, MIB, 0, 864, 48, 40, 0, 0, 0},
    {11, 16 * KIB, MIB, TYPE_FLAG_MANAGED_DICT, 864, 48, 32, 1, 0, 0},
    {12, 16 * KIB, MIB, TYPE_FLAG_MANAGED_DICT | TYPE_FLAG_MANAGED_WEAKREF, 872, 40, 32, 1, 1, 0},
    {13, 16 * KIB, MIB, TYPE_FLAG_MANAGED_DICT | TYPE_FLAG_MANAGED_WEAKREF, 872, 40, 32, 1, 1, 1},
};

const struct layout *layout_of(int minor) {
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].minor == minor) return &layouts[i];
    return NULL;
}
