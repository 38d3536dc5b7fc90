/* Which interpreter a process is, by the files that it has mapped. */
#ifndef SHOAL_INSPECT_INTERPRETER_H
#define SHOAL_INSPECT_INTERPRETER_H

#include "inspect/maps.h"
#include "inspect/remote.h"

struct interpreter {
    bool is_python; /* CPython */
    bool is_pypy;
    int minor;         /* of 3.minor; 0 when it is not known */
    char version[24];  /* "3.11.7" */
    const char *program; /* the path of its executable: the maps' */
};

/* Searches what is mapped of the executable and of libpython, if there is one.
 * False when there is no memory. */
bool interpreter_find(struct interpreter *interpreter, struct remote *remote,
                      const struct maps *maps);

/* Whether a mapping holds the writable data of the executable or of libpython,
 * from their files or, behind those, of nothing. */
bool interpreter_has_data(const struct maps *maps, size_t index);

/* What allocator seems to serve the process instead of pymalloc: by its libraries
 * and environment, in words. */
void interpreter_guess_allocator(const struct maps *maps, pid_t pid, char *words, size_t room);

#endif
