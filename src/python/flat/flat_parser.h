/* One line into one record. flat_parse.c goes from token to token, with a stack of
 * open brackets and one of values; flat_parse_leaf.c makes the leaves of what
 * include/shoal/flat_scan.h scans, flat_parse_close.c the containers, each at once in
 * its final size. No code runs but ours and that of exact builtins; nothing recurses. */
#ifndef SHOAL_PYTHON_FLAT_PARSER_H
#define SHOAL_PYTHON_FLAT_PARSER_H

#include "flat_source.h"
#include "flat_state.h"
#include "shoal/flat_scan.h"

enum flat_kind {
    FLAT_TUPLE, /* or a value in parentheses, until a comma is met */
    FLAT_BARE,  /* a tuple without parentheses: the whole line */
    FLAT_LIST,
    FLAT_BRACE, /* a dict or a set: what is behind the first value tells */
    FLAT_DICT,
    FLAT_SET,
    FLAT_FROZENSET, /* around a set */
};

/* A bracket that is open. */
struct flat_open {
    enum flat_kind kind;
    bool must;     /* a value must come: not even the closing bracket may */
    bool comma;    /* one was met */
    bool is_value; /* of a dict: the colon was met, not yet the value */
    size_t start;  /* of its items on the stack of values */
    size_t height; /* of the tallest container in it; of a leaf: 0 */
    const unsigned char *item; /* where the last item of it begins */
};

enum { FLAT_CACHE_SLOTS = 1024 };

struct flat_parser {
    struct flat_bounds bounds;
    struct flat_cursor cursor; /* after a failure without an exception: where and why */
    char words[80];            /* an `expected` with numbers in it */

    PyObject **values; /* owned references */
    size_t count, room;
    struct flat_open *open;
    size_t depth, open_room;
    size_t height; /* of the last value */

    /* Strings of ASCII by their text: keys of dicts and, if `share`, all of them;
     * floats and ints too then. FLAT_CACHE_SLOTS; NULL: none yet. */
    PyObject **cache;
    bool share;
};

/* The record in a line, which is not blank. NULL without an exception: the line is
 * none, and the cursor says why. */
PyObject *flat_parse(struct flat_parser *parser, const unsigned char *start,
                     const unsigned char *end);
void flat_parser_clear(struct flat_parser *parser);

/* The leaf that begins at the cursor. NULL as above. */
PyObject *flat_parse_leaf(struct flat_parser *parser, enum flat_token token, bool is_key);

/* The container whose items are `count` values, whose references it takes; `only_leaves`:
 * none of them is a container. NULL: an exception. */
PyObject *flat_close(enum flat_kind kind, PyObject **values, size_t count, bool only_leaves);

/* flat_report.c: a FlatError for what the parser failed at. NULL: an exception. */
PyObject *flat_error_new(struct flat_state *state, const struct flat_parser *parser, PyObject *name,
                         const struct flat_line *line, uint64_t number);

/* Fails with "..., at most N ..." for what is expected; returns NULL. */
void *flat_over(struct flat_parser *parser, const unsigned char *wrong, const char *format,
                Py_ssize_t bound);

#endif
