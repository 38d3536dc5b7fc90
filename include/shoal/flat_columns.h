/* Lines of records that are all alike, read into columns: no object is made.
 *
 * A table has a column for each item of a tuple or list, each key of a dict, or the one
 * of records that are a single value. Lines are read into a batch; when it is full its
 * user takes what is in it and starts the next with flat_columns_restart(). Memory is
 * the user's, who makes it grow (make_room). Knows nothing of Python. */
#ifndef SHOAL_FLAT_COLUMNS_H
#define SHOAL_FLAT_COLUMNS_H

#include "shoal/flat_scan.h"

enum flat_kind {
    FLAT_KIND_UNKNOWN, /* only None so far */
    FLAT_KIND_INT,
    FLAT_KIND_FLOAT,
    FLAT_KIND_BOOL,
    FLAT_KIND_TEXT, /* UTF-8 */
    FLAT_KIND_BYTES,
};

enum flat_shape { FLAT_SHAPE_NONE, FLAT_SHAPE_ITEMS, FLAT_SHAPE_KEYS, FLAT_SHAPE_VALUE };

/* A value, and what stands for None if the user gives that. */
struct flat_value {
    enum flat_kind kind; /* FLAT_KIND_UNKNOWN: there is none */
    bool negative;       /* ints */
    uint64_t magnitude;  /* ints and bools */
    double real;
    const unsigned char *bytes; /* text and bytes */
    size_t size;
};

struct flat_column {
    /* What the user asks for. */
    const unsigned char *name; /* UTF-8; the key in records that are dicts */
    size_t name_size;
    bool given;     /* kind and width are the schema's: never changed */
    bool is_signed; /* ints of a given width */
    bool nullable;  /* None is taken, and marked in `valid` */
    bool padded;    /* texts are to be padded with NUL: none may end in it */
    struct flat_value fill;
    enum flat_kind kind;
    unsigned width; /* bytes of a value: 1, 2, 4, 8; text and bytes: at most so many, 0: any */

    /* What all rows so far have. */
    bool negative; /* an int below 0 */
    bool big;      /* an int above INT64_MAX: then int64 values are the bits of uint64 */
    bool inexact;  /* an int that a double may not hold */
    bool begun;    /* there is a text */
    bool uneven;   /* texts are not all as long as `longest` */
    size_t longest;

    /* This batch. */
    unsigned char *values; /* numbers, `width` (8 if not given) bytes each, native */
    int32_t *ends;         /* text: ends[row + 1] is where it ends in `text`; ends[0] is 0 */
    unsigned char *text;
    size_t text_size, text_room;
    unsigned char *valid; /* a bit a row, lowest first; only where `nulls` > 0 is it of use */
    size_t nulls;
    size_t filled; /* the row it has a value in, from 1 in this batch */
};

struct flat_columns {
    enum flat_shape shape;
    struct flat_column *columns;
    size_t count;
    size_t rows, most_rows; /* of this batch */
    size_t text_size;       /* bytes of text in this batch */
    const struct flat_column *wrong; /* after a failure: the column it is in, or NULL */
    bool no_memory;                  /* after a failure: it was make_room that failed */

    /* Makes room for `more` bytes behind text_size; may move `text`. */
    bool (*make_room)(struct flat_columns *table, struct flat_column *column, size_t more);
};

enum {
    FLAT_MOST_COLUMNS = 65536,
    FLAT_BATCH_TEXT = 1 << 20,    /* bytes of text that fill a batch */
    FLAT_LONGEST_TEXT = 1 << 30,  /* bytes: ends are 32 bits wide */
};

/* Looks at a record and says what it is and how many values it has. Where it is a dict,
 * `name` is called with each key; it returns false to fail. Takes nothing. */
bool flat_columns_shape(struct flat_cursor *cursor, enum flat_shape *shape, size_t *count,
                        bool (*name)(void *user, const struct flat_string *key), void *user);

/* Reads one record into the next row. False: it does not fit; the cursor says where and
 * what was expected, `wrong` in which column. The batch must not be full. */
bool flat_columns_line(struct flat_columns *table, struct flat_cursor *cursor);

/* For who goes on behind a line that does not fit: remembers the columns before a line, in
 * an array of `count`, and brings them back after it failed, as if it had not been there. */
void flat_columns_remember(const struct flat_columns *table, struct flat_column *before);
void flat_columns_restore(struct flat_columns *table, const struct flat_column *before);

static inline bool flat_columns_are_full(const struct flat_columns *table) {
    return table->rows == table->most_rows || table->text_size >= FLAT_BATCH_TEXT;
}

/* Empties the batch. */
void flat_columns_restart(struct flat_columns *table);

/* Whether numbers of this kind are in `values`, not in `text`. */
static inline bool flat_is_number_kind(enum flat_kind kind) { return kind < FLAT_KIND_TEXT; }

/* Bytes of a value in `values`. */
static inline unsigned flat_value_width(const struct flat_column *column) {
    if (column->kind == FLAT_KIND_BOOL) return 1;
    return column->given && column->width != 0 ? column->width : 8;
}

/* Copies the column's rows of this batch into records `stride` bytes apart; texts are
 * padded with NUL to `width`, which must hold the longest. */
void flat_column_spread(const struct flat_column *column, size_t rows, unsigned char *to,
                        size_t stride, size_t width);

/* Moves records in place to a layout with longer (or shorter) texts. Arrays of `count`:
 * where each field was and is, and how long. `stride`s: bytes of a record; the memory
 * holds `rows` of the longer. Every field grows or stays, or every one shrinks or stays. */
struct flat_field {
    size_t from, from_size, to, to_size;
};
void flat_records_move(unsigned char *records, size_t rows, size_t from_stride, size_t to_stride,
                       const struct flat_field *fields, size_t count);

#endif
