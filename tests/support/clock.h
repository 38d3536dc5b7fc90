/* A clock of the test's own, for what the heap and the ledger do by time: it stands until
 * the test lets time pass, however busy the machine is. For cores built with
 * SHOAL_TESTING. One thread at a time may ask or change it. */
#ifndef SHOAL_TESTS_CLOCK_H
#define SHOAL_TESTS_CLOCK_H

#include "base/os.h"

static inline void clock_stop(void) {
    if (os_time_told == 0) os_time_told = os_nanoseconds();
}

static inline void clock_pass(uint64_t ms) {
    clock_stop();
    os_time_told += ms * 1000000;
}

#endif
