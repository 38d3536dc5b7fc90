/* What Shoal asks of the operating system about threads. Rules as in os.h. */
#ifndef SHOAL_BASE_OS_THREADS_H
#define SHOAL_BASE_OS_THREADS_H

#include <stdbool.h>
#include <stddef.h>

/* The calling process and thread, as the system numbers them. */
int os_process(void);
int os_thread(void);

/* Whether this process has a thread of that number. */
bool os_has_thread(int thread);

/* Looks where the C library is, and what it needs. From a constructor: it takes the
 * dynamic linker's lock. Before that the answers below are guesses. */
void os_find_c_library(void);

/* Whether an address is in the code of the C library or the dynamic linker; false for
 * NULL. */
bool os_in_c_library(const void *address);

/* Bytes of a thread's stack that are not the thread's to use. */
size_t os_stack_taken(void);

#endif
