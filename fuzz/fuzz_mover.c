/* Fuzz target: any bytes are a sequence of operations on things that move (mover_ops.h). */
#include "mover_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    mover_ops_run(bytes, count);
    return 0;
}
