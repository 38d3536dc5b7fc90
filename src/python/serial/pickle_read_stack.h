/* The reader's stack. Every function checks what it takes; where it says so the
 * caller has checked. */
#ifndef SHOAL_PYTHON_PICKLE_READ_STACK_H
#define SHOAL_PYTHON_PICKLE_READ_STACK_H

#include "pickle_reader.h"

int pickle_grow_stack(struct pickle_reader *reader);
int pickle_underflow(struct pickle_reader *reader); /* sets the exception, returns -1 */
int pickle_fail(struct pickle_reader *reader, const char *message); /* the same */

/* Puts an object on the stack, which takes over the reference; NULL: -1. */
static inline int pickle_push(struct pickle_reader *reader, PyObject *object) {
    if (object == NULL) return -1;
    if (reader->depth == reader->capacity && pickle_grow_stack(reader) < 0) {
        Py_DECREF(object);
        return -1;
    }
    reader->stack[reader->depth++] = object;
    return 0;
}

/* Whether `count` objects can be taken: -1 and an exception if not. */
static inline int pickle_need(struct pickle_reader *reader, size_t count) {
    return reader->depth - reader->fence < count ? pickle_underflow(reader) : 0;
}

/* Takes the object on top, with its reference; NULL: there is none. */
static inline PyObject *pickle_pop(struct pickle_reader *reader) {
    if (pickle_need(reader, 1) < 0) return NULL;
    return reader->stack[--reader->depth];
}

/* The object on top, borrowed; the caller has checked. */
static inline PyObject *pickle_top(const struct pickle_reader *reader) {
    return reader->stack[reader->depth - 1];
}

/* Takes the last mark away: `*depth` is where its objects begin. -1: none. */
int pickle_pop_mark(struct pickle_reader *reader, size_t *depth);

/* Drops what is above `depth`. */
void pickle_drop(struct pickle_reader *reader, size_t depth);

/* Takes what is above `depth` as a tuple or list; NULL: no memory. */
PyObject *pickle_pop_tuple(struct pickle_reader *reader, size_t depth);
PyObject *pickle_pop_list(struct pickle_reader *reader, size_t depth);

#endif
