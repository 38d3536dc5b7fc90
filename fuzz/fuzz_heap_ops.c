/* Fuzz target: any bytes are a sequence of heap operations (heap_ops.h). */
#include "heap_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    heap_ops_run(bytes, count, 64);
    return 0;
}
