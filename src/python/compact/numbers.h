/* Ints that may be somebody's note of an address. */
#ifndef SHOAL_PYTHON_COMPACT_NUMBERS_H
#define SHOAL_PYTHON_COMPACT_NUMBERS_H

#include "python/compact/layouts.h"

enum { ADDRESS_DIGITS = 2 }; /* of 30 bits: an address has 36 to 60 bits where Shoal maps */

/* The addresses that an int, at the start of its block, may stand for: id(x), and hash(x) of
 * an x that is hashed by its address. Returns how many: 0 or 2. */
static inline unsigned number_addresses(const void *number, uintptr_t addresses[2]) {
    Py_ssize_t size = *(const Py_ssize_t *)((const char *)number + layout->int_size);
    const digit *digits = (const digit *)((const char *)number + layout->int_digits);
    if (layout->int_size_shift == 0 && size < 0) size = -size;
    if (size >> layout->int_size_shift != ADDRESS_DIGITS) return 0;
    addresses[0] = (uintptr_t)digits[0] | (uintptr_t)digits[1] << PyLong_SHIFT;
    addresses[1] = addresses[0] << 4;
    return 2;
}

#endif
