/* The end of the program when its memory cannot be trusted any more. */
#ifndef SHOAL_BASE_FATAL_H
#define SHOAL_BASE_FATAL_H

/* Writes "shoal: ", the message as printf formats it and a line end to standard
 * error in one write, and aborts. Allocates nothing. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

#endif
