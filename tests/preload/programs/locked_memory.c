/* Memory that may not be given back to the system, for it is locked: calloc
 * must clear it all the same. Exit status 77 when locking is not permitted. */
#include <string.h>
#include <sys/mman.h>

#include "expect.h"

int main(void) {
    enum { COUNT = 3000 };
    static char *blocks[COUNT];
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return 77;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            size_t size = (size_t)(i % 40) * 300 + 1;
            blocks[i] = calloc(1, size);
            EXPECT(blocks[i]);
            for (size_t k = 0; k < size; k++) EXPECT(blocks[i][k] == 0);
            memset(blocks[i], 'x', size);
        }
        for (int i = 0; i < COUNT; i++) free(blocks[i]);
        for (int i = 0; i < 20; i++) {
            char *large = calloc(1, 300000 + i * 40000);
            EXPECT(large);
            for (size_t k = 0; k < 300000 + (size_t)i * 40000; k++) EXPECT(large[k] == 0);
            memset(large, 'y', 300000 + i * 40000);
            free(large);
        }
    }
    return 0;
}
