/* Floats as text and back, exactly as Python has them. There are two sets of these
 * functions, and a build has one of them: src/serial/flat_float.cc, over dragonbox and
 * fast_float, and src/python/flat/flat_float_python.c, over the interpreter. */
#ifndef SHOAL_FLAT_FLOAT_H
#define SHOAL_FLAT_FLOAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FLAT_FLOAT_ROOM = 32 }; /* bytes that the text of any double fits into */

/* Writes the shortest text that reads back as `value`, as repr does; `point`: with
 * ".0" where there is neither point nor exponent, as floats have and the parts of a
 * complex have not. `value` is finite. Returns where the text ends, or NULL: no
 * memory, reported. */
char *flat_float_write(double value, bool point, char *room);

/* Reads a number in decimal, [digits] [. digits] [e [+-] digits], from the beginning of
 * `size` bytes, of which the first is a digit or a point before one. Returns how many
 * bytes it has; 0: no memory, reported. Beyond the range: inf. */
size_t flat_float_read(const unsigned char *text, size_t size, double *value);

/* The same of what was read already: digits * 10 ** exponent. False: it would take the
 * text to tell, or this build has no quick way. */
bool flat_float_of_digits(uint64_t digits, int exponent, double *value);

#ifdef __cplusplus
}
#endif

#endif
