/* dlopen and dlmopen without RTLD_DEEPBIND, for the whole process.
 *
 * A library opened with that flag finds libc's malloc and free before those of
 * this library. Sooner or later it frees a block that the rest of the process
 * made, and dies in libc without a word.
 *
 * libc looks at its caller: the run path and the namespace of the library that
 * calls count. So these leave by a jump, and libc sees who called them. */
#define _GNU_SOURCE
#include "heap/opening.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/hints.h"

/* As <dlfcn.h> of glibc has them. Other C libraries have neither. */
enum { DEEPBIND = 8, BASE_NAMESPACE = 0 };
void *dlmopen(long namespace, const char *file, int mode);

typedef void *open_function(const char *file, int mode);
typedef void *open_in_function(long namespace, const char *file, int mode);

static _Atomic(open_function *) open_next;
static _Atomic(open_in_function *) open_in_next;

bool opening_has_begun(void) { return open_next || open_in_next; }

static slow_path void find_next(void) {
    open_next = (open_function *)dlsym(RTLD_NEXT, "dlopen");
    open_in_next = (open_in_function *)dlsym(RTLD_NEXT, "dlmopen");
}

forwarding exported void *dlopen(const char *file, int mode) {
    if (!open_next) find_next();
    tail_return open_next(file, mode & ~DEEPBIND);
}

/* Other namespaces have a libc of their own, and so a malloc of their own. */
forwarding exported void *dlmopen(long namespace, const char *file, int mode) {
    if (!open_in_next) find_next();
    if (!open_in_next) return NULL;
    if (namespace == BASE_NAMESPACE) mode &= ~DEEPBIND;
    tail_return open_in_next(namespace, file, mode);
}
