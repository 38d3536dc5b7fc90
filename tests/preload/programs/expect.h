/* Assertions of the preload programs: a line and exit status 1. Every program
 * is also run without Shoal, so that what it expects is what glibc does. */
#ifndef SHOAL_TESTS_EXPECT_H
#define SHOAL_TESTS_EXPECT_H

#include <stdio.h>
#include <stdlib.h>

#define EXPECT(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

#endif
