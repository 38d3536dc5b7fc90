/* Ints of any size as decimal text and back, whatever limit the interpreter has set
 * for the conversions of its own: ours are bounded by the caller's max_digits. */
#ifndef SHOAL_PYTHON_FLAT_BIG_INT_H
#define SHOAL_PYTHON_FLAT_BIG_INT_H

#include "flat_compat.h"
#include "shoal/flat_output.h"
#include "shoal/flat_scan.h"

/* The int whose digits these are. NULL: an exception. */
PyObject *flat_big_int_read(const struct flat_number *number);

/* Writes an int's decimal text; it is not zero. -1: an exception. */
int flat_big_int_write(struct flat_output *output, PyObject *number);

/* Whether an int has more decimal digits than that; the answer may be off by one
 * digit, to the int's favour. */
bool flat_big_int_is_over(PyObject *number, size_t max_digits);

#endif
