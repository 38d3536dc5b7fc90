/* The interpreter's allocation domains, told to the profiler. */
#ifndef SHOAL_PYTHON_DOMAINS_H
#define SHOAL_PYTHON_DOMAINS_H

/* From now on every block that the interpreter takes, resizes or gives back is
 * told of; for good, since a block that was noted may go at any time. Calling
 * it again changes nothing. Holds the interpreter lock.
 *
 * Put over whatever allocators there are, so after shoal.install(). */
void domains_tell(void);

/* Whether that was ever called. Holds the interpreter lock. */
int domains_are_told(void);

#endif
