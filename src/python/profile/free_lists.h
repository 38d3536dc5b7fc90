/* CPython's own lists of objects that were freed. What comes out of one is a block
 * that somebody else took, and no allocator is asked for it: nobody would be told
 * of it, nor that what lay there before is gone. While the lists are closed they
 * are empty, and every object is a block that is taken and given back.
 *
 * Every function here holds the interpreter lock. */
#ifndef SHOAL_PYTHON_FREE_LISTS_H
#define SHOAL_PYTHON_FREE_LISTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* How many objects a list has. */
#if PY_VERSION_HEX >= 0x030E0000
typedef Py_ssize_t list_count;
#else
typedef int list_count;
#endif

/* Finds the lists of the calling interpreter; again changes nothing. Those of a
 * CPython that does not have them where they are known to be are left alone. */
void free_lists_find(void);

/* Empties the lists and keeps them so; or lets them fill. Again changes nothing. */
void free_lists_close(void);
void free_lists_open(void);

/* While they are open: what lies in one is no line's from then on, whoever takes it out.
 * Floats and ints that arithmetic frees are not seen. */
void free_lists_forget_what_comes(int wanted);

/* Empties them once. */
void free_lists_empty(void);

/* By what it shows that something may be in lists that are closed: until 3.13 a full
 * collection opens them, until 3.12 a dict that grows leaves its table, and a tuple of one was
 * freed while another is in use that was taken from the list; see free_lists_settle(). */
struct free_lists_signs {
    const list_count *floats, *tables;
    list_count floats_when_closed;
    void *const *tuple_of_one;
    void *kept_tuple;
};
extern struct free_lists_signs free_lists_signs;

void free_lists_close_again(void);

static inline list_count free_lists_have_strays(void) {
    const struct free_lists_signs *signs = &free_lists_signs;
    return (*signs->floats ^ signs->floats_when_closed) | *signs->tables;
}

/* To be called at every block. Seven loads. */
static inline void free_lists_look(void) {
    const struct free_lists_signs *signs = &free_lists_signs;
    const void *tuple = *signs->tuple_of_one;
    int is_others = tuple != signs->kept_tuple && tuple != NULL;
    if (__builtin_expect(free_lists_have_strays() | is_others, 0)) free_lists_close_again();
}

/* To be called before every event of a line. Calls from C take a tuple for their
 * arguments, mostly of one, and it is gone when they return: for these one lies ready
 * that nobody is told of. What is in use at an event, the line that ends has made. */
static inline void free_lists_settle(void) {
    const struct free_lists_signs *signs = &free_lists_signs;
    int is_in_use = *signs->tuple_of_one != signs->kept_tuple;
    if (__builtin_expect(free_lists_have_strays() | is_in_use, 0)) free_lists_close_again();
}

#endif
