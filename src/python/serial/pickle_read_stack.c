#include "pickle_read_stack.h"

enum { LEAST_STACK = 32, LEAST_MARKS = 16 };

int pickle_grow_stack(struct pickle_reader *reader) {
    size_t capacity = reader->capacity + reader->capacity / 2 + LEAST_STACK;
    PyObject **stack = PyMem_Realloc(reader->stack, capacity * sizeof *stack);

    if (stack == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    reader->stack = stack;
    reader->capacity = capacity;
    return 0;
}

int pickle_fail(struct pickle_reader *reader, const char *message) {
    PyErr_SetString(reader->state->unpickling_error, message);
    return -1;
}

int pickle_underflow(struct pickle_reader *reader) {
    return pickle_fail(reader, reader->mark_count > 0 ? "unexpected MARK found"
                                                      : "unpickling stack underflow");
}

int pickle_load_mark(struct pickle_reader *reader) {
    if (reader->mark_count == reader->mark_capacity) {
        size_t capacity = reader->mark_capacity + reader->mark_capacity / 2 + LEAST_MARKS;
        size_t *marks = PyMem_Realloc(reader->marks, capacity * sizeof *marks);

        if (marks == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        reader->marks = marks;
        reader->mark_capacity = capacity;
    }
    reader->marks[reader->mark_count++] = reader->depth;
    reader->fence = reader->depth;
    return 0;
}

int pickle_pop_mark(struct pickle_reader *reader, size_t *depth) {
    if (reader->mark_count == 0) return pickle_fail(reader, "could not find MARK");
    *depth = reader->marks[--reader->mark_count];
    reader->fence = reader->mark_count == 0 ? 0 : reader->marks[reader->mark_count - 1];
    return 0;
}

/* From the top down, so that what a finalizer sees is whole. */
void pickle_drop(struct pickle_reader *reader, size_t depth) {
    while (reader->depth > depth) {
        PyObject *object = reader->stack[--reader->depth];

        Py_DECREF(object);
    }
}

PyObject *pickle_pop_tuple(struct pickle_reader *reader, size_t depth) {
    size_t size = reader->depth - depth;
    PyObject *tuple = PyTuple_New((Py_ssize_t)size);

    if (tuple == NULL) return NULL;
    for (size_t i = 0; i < size; i++)
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, reader->stack[depth + i]);
    reader->depth = depth;
    return tuple;
}

PyObject *pickle_pop_list(struct pickle_reader *reader, size_t depth) {
    size_t size = reader->depth - depth;
    PyObject *list = PyList_New((Py_ssize_t)size);

    if (list == NULL) return NULL;
    for (size_t i = 0; i < size; i++)
        PyList_SET_ITEM(list, (Py_ssize_t)i, reader->stack[depth + i]);
    reader->depth = depth;
    return list;
}

/* A mark that nothing was put above counts as the object that is popped. */
int pickle_load_pop(struct pickle_reader *reader) {
    size_t depth;

    if (reader->mark_count > 0 && reader->marks[reader->mark_count - 1] == reader->depth)
        return pickle_pop_mark(reader, &depth);
    if (pickle_need(reader, 1) < 0) return -1;
    pickle_drop(reader, reader->depth - 1);
    return 0;
}

int pickle_load_pop_mark(struct pickle_reader *reader) {
    size_t depth;

    if (pickle_pop_mark(reader, &depth) < 0) return -1;
    pickle_drop(reader, depth);
    return 0;
}

int pickle_load_dup(struct pickle_reader *reader) {
    if (pickle_need(reader, 1) < 0) return -1;
    return pickle_push(reader, Py_NewRef(pickle_top(reader)));
}
