/* Where lines are read from: a binary file of Python, through a buffer, or memory. */
#ifndef SHOAL_PYTHON_FLAT_SOURCE_H
#define SHOAL_PYTHON_FLAT_SOURCE_H

#include "flat_compat.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    FLAT_READ_SIZE = 128 * 1024, /* bytes asked of a file at a time */
    FLAT_MAX_LINE = 64 << 20,    /* bytes of a line, unless the caller says otherwise */
};

struct flat_source {
    PyObject *read;         /* method of the file; NULL: memory */
    PyObject *readinto;     /* the same, of files of the io module alone; may be NULL */
    Py_buffer view;         /* memory; its obj is NULL for a file */
    unsigned char *buffer;  /* owned; of a file */
    size_t size;            /* of the buffer */
    const unsigned char *at, *end; /* what is there and was not yet given out */
    uint64_t line;          /* number of the last line given out, from 1 */
    uint64_t position;      /* bytes given out, line breaks too */
    size_t max_line;        /* bytes of the longest line */
    bool plain;             /* reading runs no Python code */
    bool ended;             /* the file has no more */
    bool is_within;         /* a line too long, whose beginning was given out */
};

/* A line, without its line break (LF or CRLF); good until the next is asked for. */
struct flat_line {
    const unsigned char *start, *end;
    bool too_long; /* over max_line: only its beginning is here */
};

/* Opens a buffer (bytes, mmap, ...), or a file with read(). -1 and an exception if it
 * is neither, or a text file. `max_line` 0: FLAT_MAX_LINE. */
struct flat_state;
int flat_source_open(struct flat_source *source, const struct flat_state *state, PyObject *file,
                     size_t max_line);

/* 1: the next line; 0: there is none; -1: an exception. A byte order mark before the
 * first line is passed over. */
int flat_source_line(struct flat_source *source, struct flat_line *line);

/* The same, in a few instructions where a line is whole in the buffer, as most are. */
static inline int flat_source_next(struct flat_source *source, struct flat_line *line) {
    const unsigned char *start = source->at, *feed;
    size_t left = (size_t)(source->end - start);

    if (source->line == 0 || source->is_within || left == 0) return flat_source_line(source, line);
    feed = memchr(start, '\n', left);
    if (feed == NULL || (size_t)(feed - start) > source->max_line)
        return flat_source_line(source, line);
    source->at = feed + 1;
    source->position += (uint64_t)(source->at - start);
    source->line++;
    *line = (struct flat_line){start, feed - (feed > start && feed[-1] == '\r'), false};
    return 1;
}

/* Bytes from the beginning to the end, as far as that is known; 0: it is not. */
uint64_t flat_source_size(const struct flat_source *source);

void flat_source_close(struct flat_source *source);

#endif
