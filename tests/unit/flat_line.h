/* Lines as cursors, in memory of their own size: a sanitizer sees every byte too far. */
#ifndef SHOAL_TESTS_FLAT_LINE_H
#define SHOAL_TESTS_FLAT_LINE_H

#include <stdlib.h>
#include <string.h>

#include "shoal/flat_scan.h"
#include "unit.h"

static inline struct flat_cursor line_of(const char *text, size_t size) {
    unsigned char *copy = malloc(size == 0 ? 1 : size);

    assert_non_null(copy);
    memcpy(copy, text, size);
    return (struct flat_cursor){copy, copy + size, NULL, NULL};
}

/* The cursor as line_of() gave it. */
static inline void line_end(struct flat_cursor line) { free((void *)(uintptr_t)line.at); }

static inline void assert_failed(struct flat_cursor line, struct flat_cursor after, size_t column,
                                 const char *expected) {
    assert_string_equal(after.expected, expected);
    assert_int_equal(flat_column(line.at, after.wrong), column);
}

#endif
