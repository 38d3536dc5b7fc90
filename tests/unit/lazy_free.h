/* What the system may take of this process when it runs short. */
#ifndef SHOAL_TESTS_LAZY_FREE_H
#define SHOAL_TESTS_LAZY_FREE_H

#include <stdio.h>

#include "unit.h"

/* LazyFree of the whole process, in bytes. The kernel counts pages in with a delay
 * of some dozens. */
static inline size_t lazy_free_bytes(void) {
    FILE *rollup = fopen("/proc/self/smaps_rollup", "re");
    char line[256];
    size_t kilobytes = 0;
    int found = 0;
    assert_non_null(rollup);
    while (found != 1 && fgets(line, sizeof line, rollup))
        found = sscanf(line, "LazyFree: %zu kB", &kilobytes);
    fclose(rollup);
    assert_int_equal(found, 1);
    return kilobytes << 10;
}

#endif
