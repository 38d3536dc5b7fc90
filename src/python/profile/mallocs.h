/* What C code asks malloc for, told to the profiler: where malloc is Shoal's. */
#ifndef SHOAL_PYTHON_MALLOCS_H
#define SHOAL_PYTHON_MALLOCS_H

enum mallocs { MALLOCS_UNTOLD, MALLOCS_THAT_GO, MALLOCS_ALL };

/* From now on, of these. Holds the interpreter lock. Cost: see shoal_watch(). */
void mallocs_tell(enum mallocs mallocs);

#endif
