#include "base/hints.h"
#include "flat_column_plain.h"

#include <string.h>

void flat_columns_restart(struct flat_columns *table) {
    table->rows = 0;
    table->text_size = 0;
    for (size_t i = 0; i < table->count; i++) {
        table->columns[i].text_size = 0;
        table->columns[i].nulls = 0;
        table->columns[i].filled = 0;
    }
}

/* ---- The shape of a record ------------------------------------------------ */

/* Passes over one value, which must be none of the containers. */
static bool pass_value(struct flat_cursor *cursor) {
    struct flat_number number;
    struct flat_string string;
    enum flat_name name;
    enum flat_token token = flat_peek(cursor);

    if (token == FLAT_STRING) return flat_scan_string(cursor, &string);
    if (token == FLAT_NUMBER || (token == FLAT_NAME && flat_is_number_name(cursor)))
        return flat_scan_number(cursor, &number);
    if (token == FLAT_NAME && flat_scan_name(cursor, &name)) return true;
    return flat_fail(cursor, cursor->at, "a number, a string, bytes, True, False or None");
}

struct names {
    bool (*take)(void *user, const struct flat_string *key);
    void *user;
};

static bool pass_key(struct flat_cursor *cursor, const struct names *names) {
    struct flat_string key;
    const unsigned char *start;

    if (flat_peek(cursor) != FLAT_STRING)
        return flat_fail(cursor, cursor->at, "a string as the key");
    start = cursor->at;
    if (!flat_scan_string(cursor, &key)) return false;
    if (key.is_bytes) return flat_fail(cursor, start, "a string as the key");
    return names->take(names->user, &key) && flat_take(cursor, ':', "':'");
}

/* The values behind the opening bracket. */
static bool pass_values(struct flat_cursor *cursor, enum flat_token close, size_t *count,
                        const struct names *names) {
    while (flat_peek(cursor) != close) {
        if (*count > 0) {
            if (!flat_take(cursor, ',', "',' or the end of the record")) return false;
            if (flat_peek(cursor) == close) break;
        }
        if (*count >= FLAT_MOST_COLUMNS)
            return flat_fail(cursor, cursor->at, "at most 65536 columns");
        if (names != NULL && !pass_key(cursor, names)) return false;
        if (!pass_value(cursor)) return false;
        ++*count;
    }
    return true;
}

bool flat_columns_shape(struct flat_cursor *cursor, enum flat_shape *shape, size_t *count,
                        bool (*name)(void *user, const struct flat_string *key), void *user) {
    struct flat_cursor look = *cursor;
    struct names names = {name, user};
    enum flat_token open = flat_peek(&look);
    bool fits;

    *count = 0;
    look.at += open == FLAT_OPEN_TUPLE || open == FLAT_OPEN_LIST || open == FLAT_OPEN_BRACE;
    switch (open) {
    case FLAT_OPEN_TUPLE:
        *shape = FLAT_SHAPE_ITEMS;
        fits = pass_values(&look, FLAT_CLOSE_TUPLE, count, NULL);
        break;
    case FLAT_OPEN_LIST:
        *shape = FLAT_SHAPE_ITEMS;
        fits = pass_values(&look, FLAT_CLOSE_LIST, count, NULL);
        break;
    case FLAT_OPEN_BRACE:
        *shape = FLAT_SHAPE_KEYS;
        fits = pass_values(&look, FLAT_CLOSE_BRACE, count, &names);
        break;
    default:
        *shape = FLAT_SHAPE_VALUE;
        *count = 1;
        fits = pass_value(&look);
    }
    if (fits && *count == 0) fits = flat_fail(&look, look.at, "at least one value");
    look.at += fits && *shape != FLAT_SHAPE_VALUE; /* the closing bracket */
    if (fits && flat_peek(&look) != FLAT_END)
        fits = flat_fail(&look, look.at, "the end of the line");
    cursor->wrong = look.wrong;
    cursor->expected = look.expected;
    return fits;
}

/* ---- Records -------------------------------------------------------------- */

static bool fail(struct flat_columns *table, struct flat_cursor *cursor,
                 const struct flat_column *column, const char *expected) {
    table->wrong = column;
    return flat_fail(cursor, cursor->at, expected);
}

static always_inline bool read_value(struct flat_columns *table, struct flat_column *column,
                                     struct flat_cursor *cursor) {
    if (flat_column_read_plain(table, column, cursor)) return true;
    if (flat_column_read(table, column, cursor)) return true;
    table->wrong = column;
    return false;
}

/* Mostly it is there, with a space behind it. */
static inline bool take_comma(struct flat_cursor *cursor) {
    if (cursor->end - cursor->at < 2 || cursor->at[0] != ',')
        return flat_take(cursor, ',', "',' and another value");
    cursor->at += cursor->at[1] == ' ' ? 2 : 1;
    return true;
}

static bool read_items(struct flat_columns *table, struct flat_cursor *cursor) {
    char close = *cursor->at++ == '(' ? ')' : ']';
    enum flat_token end = close == ')' ? FLAT_CLOSE_TUPLE : FLAT_CLOSE_LIST;

    for (size_t i = 0; i < table->count; i++) {
        if (i > 0 && !take_comma(cursor)) {
            table->wrong = &table->columns[i];
            return false;
        }
        if (!read_value(table, &table->columns[i], cursor)) return false;
    }
    if (cursor->at < cursor->end && *cursor->at == (unsigned char)close) {
        cursor->at++;
        return true;
    }
    if (flat_peek(cursor) == FLAT_COMMA) {
        cursor->at++;
        if (flat_peek(cursor) != end)
            return flat_fail(cursor, cursor->at,
                             "the end of the record: it has more values "
                             "than there are columns");
    }
    return flat_take(cursor, close, "the end of the record");
}

/* Whether a key is the name of a column. */
static bool is_named(const struct flat_column *column, const struct flat_string *key,
                     const unsigned char *bytes, size_t size) {
    if (bytes == NULL) {
        bytes = key->body;
        size = (size_t)(key->body_end - key->body);
    }
    return column->name_size == size && memcmp(column->name, bytes, size) == 0;
}

enum { LONGEST_KEY = 4096 };

/* The column of a key: mostly the one behind that of the key before it. */
static struct flat_column *column_of(struct flat_columns *table, struct flat_cursor *cursor,
                                     const struct flat_string *key, size_t expected) {
    unsigned char written[LONGEST_KEY], *bytes = NULL;
    struct flat_text text;
    size_t size = 0;

    if (key->has_escapes) {
        if ((size_t)(key->body_end - key->body) > LONGEST_KEY) return NULL;
        if (!flat_string_measure(cursor, key, &text)) return NULL;
        bytes = written;
        size = flat_string_write_utf8(key, written);
    }
    if (is_named(&table->columns[expected], key, bytes, size)) return &table->columns[expected];
    for (size_t i = 0; i < table->count; i++)
        if (is_named(&table->columns[i], key, bytes, size)) return &table->columns[i];
    return NULL;
}

static bool read_pair(struct flat_columns *table, struct flat_cursor *cursor, size_t number) {
    struct flat_column *column = NULL;
    const unsigned char *start;
    struct flat_string key;

    if (flat_peek(cursor) != FLAT_STRING) return fail(table, cursor, NULL, "a string as the key");
    start = cursor->at;
    if (!flat_scan_string(cursor, &key)) return false;
    if (!key.is_bytes) column = column_of(table, cursor, &key, number < table->count ? number : 0);
    table->wrong = column;
    if (column == NULL) return flat_fail(cursor, start, "a key that all records have");
    if (column->filled == table->rows + 1) return flat_fail(cursor, start, "each key once");
    if (!flat_take(cursor, ':', "':'") || !read_value(table, column, cursor)) return false;
    column->filled = table->rows + 1;
    table->wrong = NULL;
    return true;
}

static bool read_pairs(struct flat_columns *table, struct flat_cursor *cursor) {
    size_t found = 0;

    cursor->at++;
    while (flat_peek(cursor) != FLAT_CLOSE_BRACE) {
        if (found > 0) {
            if (!flat_take(cursor, ',', "',' or '}'")) return false;
            if (flat_peek(cursor) == FLAT_CLOSE_BRACE) break;
        }
        if (!read_pair(table, cursor, found)) return false;
        found++;
    }
    for (size_t i = 0; found < table->count && i < table->count; i++)
        if (table->columns[i].filled != table->rows + 1)
            return fail(table, cursor, &table->columns[i], "all keys");
    cursor->at++;
    return true;
}

static bool read_record(struct flat_columns *table, struct flat_cursor *cursor) {
    enum flat_token token;

    /* Mostly the line begins with it. */
    if (table->shape == FLAT_SHAPE_ITEMS && cursor->at < cursor->end && *cursor->at == '(')
        return read_items(table, cursor);
    token = flat_peek(cursor);
    switch (table->shape) {
    case FLAT_SHAPE_ITEMS:
        if (token == FLAT_OPEN_TUPLE || token == FLAT_OPEN_LIST) return read_items(table, cursor);
        return fail(table, cursor, NULL, "a tuple or a list, as before");
    case FLAT_SHAPE_KEYS:
        if (token == FLAT_OPEN_BRACE) return read_pairs(table, cursor);
        return fail(table, cursor, NULL, "a dict, as before");
    default:
        return read_value(table, &table->columns[0], cursor);
    }
}

/* ---- Going on behind a bad line ------------------------------------------- */

void flat_columns_remember(const struct flat_columns *table, struct flat_column *before) {
    memcpy(before, table->columns, table->count * sizeof *before);
}

/* Ints that the line's float made floats: each was exact, or it would have failed. */
static void floats_to_ints(const struct flat_columns *table, struct flat_column *column) {
    for (size_t row = 0; row < table->rows; row++) {
        int64_t whole;
        double real;

        memcpy(&real, column->values + 8 * row, sizeof real);
        whole = (int64_t)real;
        memcpy(column->values + 8 * row, &whole, sizeof whole);
    }
}

/* The text may have moved, and has more room now. */
static void restore_column(struct flat_columns *table, struct flat_column *column,
                           const struct flat_column *before) {
    unsigned char *text = column->text;
    size_t room = column->text_room, row = table->rows;

    if (before->kind == FLAT_KIND_INT && column->kind == FLAT_KIND_FLOAT)
        floats_to_ints(table, column);
    table->text_size -= column->text_size - before->text_size;
    *column = *before;
    column->text = text;
    column->text_room = room;
    if (column->nulls > 0) column->valid[row / 8] |= (unsigned char)(1u << row % 8);
}

void flat_columns_restore(struct flat_columns *table, const struct flat_column *before) {
    for (size_t i = 0; i < table->count; i++) restore_column(table, &table->columns[i], &before[i]);
}

/* ---- Lines ---------------------------------------------------------------- */

bool flat_columns_line(struct flat_columns *table, struct flat_cursor *cursor) {
    table->wrong = NULL;
    if (!read_record(table, cursor)) return false;
    if (cursor->at != cursor->end && flat_peek(cursor) != FLAT_END)
        return flat_fail(cursor, cursor->at, "the end of the line");
    table->rows++;
    return true;
}
