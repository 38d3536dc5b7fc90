/* The libraries of this process. */
#ifndef SHOAL_BASE_OS_LIBRARIES_H
#define SHOAL_BASE_OS_LIBRARIES_H

#include <stdbool.h>

/* The path of the library that has what is at `address`, "" for the program, or NULL: none has
 * it. `is_stub`, which may be NULL, is set to whether that is code of the library that only leads
 * to what another has. */
const char *os_library_at(const void *address, bool *is_stub);

#endif
