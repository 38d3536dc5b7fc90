/* What the environment asks of one process, and what that answers on standard error. */
#ifndef SHOAL_HEAP_ASKED_H
#define SHOAL_HEAP_ASKED_H

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether a variable's value, NULL if it is not set, is the calling process's number. */
static inline bool asks_this_process(const char *value) {
    return value && strtol(value, NULL, 10) == (long)getpid();
}

/* Whether a descriptor is open and of the file that it was of `before`: programs close
 * theirs, and open a file of their own in its place. */
static inline bool is_still(int descriptor, const struct stat *before) {
    struct stat now;
    return fstat(descriptor, &now) == 0 && now.st_dev == before->st_dev &&
           now.st_ino == before->st_ino;
}

#endif
