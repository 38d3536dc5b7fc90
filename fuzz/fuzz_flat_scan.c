/* Fuzz target: any bytes are a line of literals. The scanner goes from leaf to leaf,
 * looks at nothing outside (a sanitizer sees that), says where it fails, and what it
 * has read comes back when it is written. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shoal/flat_float.h"
#include "shoal/flat_output.h"
#include "shoal/flat_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check(bool holds) {
    if (!holds) abort();
}

static void *allocate(size_t size) {
    void *memory = malloc(size + 1);

    check(memory != NULL);
    return memory;
}

/* ---- Strings ------------------------------------------------------------- */

static bool make_room(struct flat_output *output, size_t more) {
    size_t length = (size_t)(output->at - output->start), size = 2 * (length + more);

    output->start = realloc(output->start, size);
    check(output->start != NULL);
    output->at = output->start + length;
    output->end = output->start + size;
    return true;
}

static bool is_printable(uint32_t point) { return point % 3 != 0 && (point & 0xf800) != 0xd800; }

static void check_same(const struct flat_output *output, const uint32_t *points, size_t length) {
    struct flat_cursor cursor = {output->start, output->at, NULL, NULL};
    struct flat_string string;
    struct flat_text text;
    uint32_t *again = allocate(4 * length);

    check(flat_scan_string(&cursor, &string) && cursor.at == cursor.end);
    check(flat_string_measure(&cursor, &string, &text) && text.length == length);
    flat_string_write(&string, again, 4);
    check(memcmp(points, again, 4 * length) == 0);
    free(again);
}

static void write_again(const struct flat_string *string, const uint32_t *points, size_t length) {
    struct flat_output output = {.make_room = make_room, .is_printable = is_printable};
    unsigned char *narrow = allocate(length);

    for (size_t i = 0; i < length; i++) narrow[i] = (unsigned char)points[i];
    if (string->is_bytes)
        check(flat_put_bytes(&output, narrow, length));
    else
        check(flat_put_text(&output, (struct shoal_text){points, length, 4}));
    check_same(&output, points, length);
    free(narrow);
    free(output.start);
}

static bool take_string(struct flat_cursor *cursor) {
    struct flat_string string;
    struct flat_text text;
    unsigned char *utf8;
    uint32_t *points;

    if (!flat_scan_string(cursor, &string)) return false;
    if (!flat_string_measure(cursor, &string, &text)) return false;
    check(text.length <= (size_t)(string.body_end - string.body));
    points = allocate(4 * text.length);
    flat_string_write(&string, points, 4);
    for (size_t i = 0; i < text.length; i++) check(points[i] <= text.widest);
    utf8 = allocate((size_t)(string.body_end - string.body));
    check(flat_string_write_utf8(&string, utf8) <= (size_t)(string.body_end - string.body));
    write_again(&string, points, text.length);
    free(utf8);
    free(points);
    return true;
}

/* ---- Numbers ------------------------------------------------------------- */

static void check_float(double value) {
    char room[FLAT_FLOAT_ROOM], *end;
    double again;

    if (!isfinite(value)) return;
    if (__builtin_signbit(value)) value = -value;
    end = flat_float_write(value, true, room);
    check(flat_float_read((unsigned char *)room, (size_t)(end - room), &again) ==
          (size_t)(end - room));
    check(memcmp(&value, &again, sizeof value) == 0);
}

static bool take_number(struct flat_cursor *cursor) {
    struct flat_number number;

    if (!flat_scan_number(cursor, &number)) return false;
    if (number.kind == FLAT_BIG_INT) {
        check(number.digits < number.digits_end && number.digits_end <= cursor->end);
        check(number.digit_count <= (size_t)(number.digits_end - number.digits));
    }
    if (number.kind == FLAT_FLOAT || number.kind == FLAT_COMPLEX) check_float(number.real);
    if (number.kind == FLAT_COMPLEX) check_float(number.imaginary);
    return true;
}

/* ---- Lines --------------------------------------------------------------- */

static bool take_leaf(struct flat_cursor *cursor, enum flat_token token) {
    enum flat_name name;

    if (token == FLAT_STRING) return take_string(cursor);
    if (token == FLAT_NUMBER || (token == FLAT_NAME && flat_is_number_name(cursor)))
        return take_number(cursor);
    if (token == FLAT_NAME || token == FLAT_POINTS) return flat_scan_name(cursor, &name);
    cursor->at++;
    return token != FLAT_WRONG || flat_fail(cursor, cursor->at - 1, "a token");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    unsigned char *line = allocate(count); /* of its own size, for the sanitizer */
    struct flat_cursor cursor = {line, line + count, NULL, NULL};
    enum flat_token token;

    memcpy(line, bytes, count);
    line = realloc(line, count > 0 ? count : 1);
    cursor = (struct flat_cursor){line, line + count, NULL, NULL};
    while ((token = flat_peek(&cursor)) != FLAT_END) {
        const unsigned char *before = cursor.at;

        if (!take_leaf(&cursor, token)) {
            check(cursor.expected != NULL && cursor.wrong >= line && cursor.wrong <= cursor.end);
            check(flat_column(line, cursor.wrong) <= count + 1);
            break;
        }
        check(cursor.at > before && cursor.at <= cursor.end);
    }
    free(line);
    return 0;
}
