/* Lines of any bytes, read into columns as an extension module would: batch after batch,
 * spread into records, which are moved to a wider layout and back. The first byte says
 * what the columns are asked to be. */
#include <stdlib.h>
#include <string.h>

#include "shoal/flat_columns.h"

enum { MOST_COLUMNS = 16, ROWS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static bool make_room(struct flat_columns *table, struct flat_column *column, size_t more) {
    size_t room = column->text_size + more;
    unsigned char *text;

    (void)table;
    if (room > (1u << 20)) return false;
    text = realloc(column->text, room); /* to the byte, for AddressSanitizer */
    if (text == NULL) return false;
    column->text = text;
    column->text_room = room;
    return true;
}

static bool ignore_key(void *user, const struct flat_string *key) {
    size_t *count = user;

    must(key->body <= key->body_end);
    ++*count;
    return true;
}

static void make_columns(struct flat_columns *table, uint8_t choice) {
    static const unsigned widths[] = {1, 2, 4, 8};

    for (size_t i = 0; i < table->count; i++) {
        struct flat_column *column = &table->columns[i];
        static const unsigned char names[] = "abcdefghijklmnop";

        column->name = names + i;
        column->name_size = 1;
        column->values = malloc(8 * ROWS);
        column->ends = calloc(ROWS + 1, sizeof *column->ends);
        column->valid = malloc((ROWS + 7) / 8);
        column->nullable = choice & 1;
        column->padded = choice & 2;
        if (choice & 4) column->fill = (struct flat_value){.kind = FLAT_KIND_INT, .magnitude = 7};
        if (!(choice & 8)) continue;
        column->given = true;
        column->kind = (enum flat_kind)(1 + (choice >> 4) % 5);
        column->is_signed = choice & 64;
        column->width = widths[choice >> 6];
        if (column->kind == FLAT_KIND_FLOAT && column->width < 4) column->width = 8;
        if (!flat_is_number_kind(column->kind)) column->width = choice >> 6;
    }
}

static void drop_columns(struct flat_columns *table) {
    for (size_t i = 0; i < table->count; i++) {
        free(table->columns[i].values);
        free(table->columns[i].ends);
        free(table->columns[i].valid);
        free(table->columns[i].text);
    }
}

static size_t width_of(const struct flat_column *column) {
    if (column->kind == FLAT_KIND_UNKNOWN) return 0;
    return flat_is_number_kind(column->kind) ? flat_value_width(column) : column->longest;
}

/* Spreads the batch, widens each field by three bytes and takes them away again. */
static void check_batch(const struct flat_columns *table) {
    struct flat_field fields[MOST_COLUMNS], back[MOST_COLUMNS];
    size_t stride = 0, wide = 0;
    unsigned char *records, *before;

    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(&table->columns[i]);

        fields[i] = (struct flat_field){stride, width, wide, width + 3};
        back[i] = (struct flat_field){wide, width + 3, stride, width};
        stride += width;
        wide += width + 3;
    }
    records = malloc(table->rows * wide + 1);
    before = malloc(table->rows * stride + 1);
    must(records != NULL && before != NULL);
    for (size_t i = 0; i < table->count; i++)
        flat_column_spread(&table->columns[i], table->rows, records + fields[i].from, stride,
                           fields[i].from_size);
    memcpy(before, records, table->rows * stride);
    flat_records_move(records, table->rows, stride, wide, fields, table->count);
    flat_records_move(records, table->rows, wide, stride, back, table->count);
    must(memcmp(before, records, table->rows * stride) == 0);
    free(records);
    free(before);
}

/* All that holds of a column, whatever was read. */
static void check_column(const struct flat_columns *table, const struct flat_column *column) {
    if (flat_is_number_kind(column->kind)) return;
    must(column->ends[0] == 0);
    for (size_t row = 0; row < table->rows; row++) {
        must(column->ends[row] <= column->ends[row + 1]);
        must((size_t)(column->ends[row + 1] - column->ends[row]) <= column->longest);
    }
    must((size_t)column->ends[table->rows] == column->text_size);
    must(column->text_size <= column->text_room);
}

/* A line that failed is taken back, and nothing of it is left. */
static void take_back(struct flat_columns *table, struct flat_column *before) {
    flat_columns_restore(table, before);
    for (size_t i = 0; i < table->count; i++) {
        before[i].text = table->columns[i].text; /* it may have moved */
        before[i].text_room = table->columns[i].text_room;
    }
    must(memcmp(before, table->columns, table->count * sizeof *before) == 0);
}

static void read_lines(struct flat_columns *table, const uint8_t *at, const uint8_t *end) {
    struct flat_column before[MOST_COLUMNS];

    while (at < end) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        struct flat_cursor cursor = {at, stop == NULL ? end : stop, NULL, NULL};
        const unsigned char *start = at, *close = cursor.end;

        if (flat_columns_are_full(table)) {
            check_batch(table);
            flat_columns_restart(table);
        }
        flat_columns_remember(table, before);
        if (!flat_is_blank(at, close) && !flat_columns_line(table, &cursor)) {
            must(table->no_memory || (cursor.wrong >= start && cursor.wrong <= close));
            must(cursor.expected != NULL && flat_column(start, cursor.wrong) > 0);
            if (table->no_memory) return;
            take_back(table, before);
        }
        for (size_t i = 0; i < table->count; i++) check_column(table, &table->columns[i]);
        at = stop == NULL ? end : stop + 1;
    }
    check_batch(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct flat_column columns[MOST_COLUMNS] = {0};
    struct flat_columns table = {.columns = columns, .most_rows = ROWS, .make_room = make_room};
    const uint8_t *end = data + size, *stop;
    struct flat_cursor first;
    size_t keys = 0;

    if (size < 2) return 0;
    stop = memchr(data + 1, '\n', size - 1);
    first = (struct flat_cursor){data + 1, stop == NULL ? end : stop, NULL, NULL};
    if (!flat_columns_shape(&first, &table.shape, &table.count, ignore_key, &keys)) {
        must(first.wrong >= data + 1 && first.wrong <= first.end && first.expected != NULL);
        return 0;
    }
    if (table.count > MOST_COLUMNS) return 0;
    make_columns(&table, data[0]);
    read_lines(&table, data + 1, end);
    drop_columns(&table);
    return 0;
}
