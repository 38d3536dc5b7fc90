/* The interpreter's allocation domains, told to the profiler. */
#ifndef SHOAL_PYTHON_DOMAINS_H
#define SHOAL_PYTHON_DOMAINS_H

/* From now on the blocks that the interpreter takes, resizes or gives back are
 * told of: all while the profiler is not idle, and otherwise those that go, as
 * long as any block has a note. Calling it again changes nothing. Holds the
 * interpreter lock.
 *
 * Put over whatever allocators there are, so after shoal.install(). */
void domains_tell(void);

/* The calling thread is inside an allocator of ours: pymalloc itself asks RAW for what is
 * too large for its pools, and RAW malloc, and that is the same block. */
extern __thread int domains_are_inside __attribute__((tls_model(SHOAL_TLS_MODEL)));

/* Objects are taken past us for a moment, since pymalloc tells of itself only where
 * it is asked directly. Nothing is told of them, and the lock is to be kept. */
void domains_step_aside(void);
void domains_step_back(void);

/* From now on of the interpreter's blocks only those that go and have notes are told of:
 * what lines take is what C code asks malloc for. Or of all again. */
void domains_tell_of_mallocs_only(int only);

/* Whether domains_tell() was ever called. Holds the interpreter lock. */
int domains_are_told(void);

#endif
