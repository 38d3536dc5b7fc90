/* Decimal digits of a number. */
#ifndef SHOAL_SERIAL_FLAT_DIGITS_H
#define SHOAL_SERIAL_FLAT_DIGITS_H

#include <stdint.h>
#include <string.h>

enum { FLAT_MOST_DIGITS = 20 }; /* of 64 bits */

/* Writes the digits so that they end at `end`; returns where they begin. */
static inline char *flat_digits_before(char *end, uint64_t number) {
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";

    /* Two halves in 32 bits each divide faster than one in 64. */
    while (number >= 100000000) {
        uint32_t low = (uint32_t)(number % 100000000);

        number /= 100000000;
        for (int i = 0; i < 4; i++, low /= 100) memcpy(end -= 2, pairs + 2 * (low % 100), 2);
    }
    for (; number >= 100; number /= 100) memcpy(end -= 2, pairs + 2 * (number % 100), 2);
    if (number < 10) {
        *--end = (char)('0' + number);
        return end;
    }
    return (char *)memcpy(end - 2, pairs + 2 * number, 2);
}

#endif
