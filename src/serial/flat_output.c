#include "shoal/flat_output.h"

#include <math.h>

#include "flat_digits.h"
#include "shoal/flat_float.h"

bool flat_put_int(struct flat_output *output, bool negative, uint64_t magnitude) {
    unsigned char *room = flat_room(output, 1 + FLAT_MOST_DIGITS);
    char digits[FLAT_MOST_DIGITS], *end = digits + sizeof digits, *start;

    if (room == NULL) return false;
    if (negative) *room++ = '-';
    start = flat_digits_before(end, magnitude);
    memcpy(room, start, (size_t)(end - start));
    output->at = room + (end - start);
    return true;
}

/* 1e999 is read as inf by everybody, inf by nobody but us. There is no such spelling
 * of nan, whose sign repr does not show. */
static char *write_double(double value, bool point, char *room) {
    const char *text = "nan";

    if (isfinite(value)) return flat_float_write(value, point, room);
    if (isinf(value)) text = value < 0 ? "-1e999" : "1e999";
    return (char *)memcpy(room, text, strlen(text)) + strlen(text);
}

bool flat_put_float(struct flat_output *output, double value) {
    unsigned char *room = flat_room(output, FLAT_FLOAT_ROOM);
    char *end = room == NULL ? NULL : write_double(value, true, (char *)room);

    if (end != NULL) output->at = (unsigned char *)end;
    return end != NULL;
}

bool flat_put_complex(struct flat_output *output, double real, double imaginary) {
    bool alone = real == 0 && !signbit(real);
    char text[2 * FLAT_FLOAT_ROOM + 4], *at = text;

    if (!alone) {
        *at++ = '(';
        at = write_double(real, false, at);
        if (at == NULL) return false;
        if (isnan(imaginary) || !signbit(imaginary)) *at++ = '+';
    }
    at = write_double(imaginary, false, at);
    if (at == NULL) return false;
    *at++ = 'j';
    if (!alone) *at++ = ')';
    return flat_put(output, text, (size_t)(at - text));
}
