/* The interpreter of this process, for what starts it on Shoal (starting.c). */
#ifndef SHOAL_HEAP_CPYTHON_H
#define SHOAL_HEAP_CPYTHON_H

#include <stdbool.h>

#include "shoal/heap.h"

/* Looks for its functions in `library`, as dlsym takes it. False when some are
 * missing. */
bool cpython_find(void *library);

/* Installs Shoal before the interpreter has made anything: every block of its
 * OBJ and MEM domains will be Shoal's, and any other pointer is misuse. */
enum shoal_python cpython_install_first(void);

/* Whether our own functions serve objects, under no tool that wraps them. May be
 * called wherever the interpreter allocates. */
bool cpython_is_set(void);

/* The function that serves objects. */
const void *cpython_object_function(void);

/* Whether the calling thread, or before 3.12 any, runs Python. */
bool cpython_has_thread(void);

#endif
