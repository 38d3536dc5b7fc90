#include "greenlets.h"

#include <sys/mman.h>

#include "deep_stack.h"
#include "watched.h"

__thread struct greenlets_seen greenlets_seen;

/* ---- What is set aside: by greenlet ------------------------------------------------------ */

struct aside {
    const PyObject *greenlet; /* only to be compared */
    struct shoal_profile_strand strand;
    struct events_strand events;
    struct aside *next;
};

enum { BUCKETS = 1 << 12, BLOCK_SHIFT = 4 };
static struct aside *buckets[BUCKETS], *unused;

static struct aside **bucket_of(const PyObject *greenlet) {
    return &buckets[(uintptr_t)greenlet >> BLOCK_SHIFT & (BUCKETS - 1)];
}

/* From the system: no allocator is asked in the midst of a line. */
static struct aside *take_aside(void) {
    enum { BYTES = 1 << 16, COUNT = BYTES / sizeof(struct aside) };
    if (!unused) {
        struct aside *made =
            mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (made == MAP_FAILED) return NULL;
        for (size_t i = 0; i < COUNT; i++) {
            made[i].next = unused;
            unused = &made[i];
        }
    }
    struct aside *taken = unused;
    unused = taken->next;
    return taken;
}

static void give_aside(struct aside *aside) {
    aside->next = unused;
    unused = aside;
}

/* Without memory it goes on as if the other greenlet were part of the open line. */
static void set_aside(const PyObject *greenlet) {
    struct aside *aside = take_aside();
    if (!aside) return;
    if (!shoal_profile_set_aside(&aside->strand)) {
        give_aside(aside);
        return;
    }
    events_set_aside(&aside->events);
    aside->greenlet = greenlet;
    aside->next = *bucket_of(greenlet);
    *bucket_of(greenlet) = aside;
}

static void take_up(const PyObject *greenlet) {
    struct aside **at = bucket_of(greenlet);
    while (*at && (*at)->greenlet != greenlet) at = &(*at)->next;
    struct aside *aside = *at;
    if (!aside) return;
    *at = aside->next;
    shoal_profile_take_up(&aside->strand);
    events_take_up(&aside->events);
    give_aside(aside);
}

/* ---- Being told ----------------------------------------------------------------------------- */

/* Called in the greenlet that is gone to, with what happened and both. Who was told
 * before is told still. */
static PyObject *on_switch(PyObject *other, PyObject *const *arguments, Py_ssize_t count) {
    if (count == 2 && PyTuple_Check(arguments[1]) && PyTuple_GET_SIZE(arguments[1]) == 2) {
        set_aside(PyTuple_GET_ITEM(arguments[1], 0));
        take_up(PyTuple_GET_ITEM(arguments[1], 1));
    }
    if (other == Py_None) Py_RETURN_NONE;
    return PyObject_Vectorcall(other, arguments, (size_t)count, NULL);
}

static PyMethodDef on_switch_method = {"on_switch", (PyCFunction)(void (*)(void))on_switch,
                                       METH_FASTCALL, NULL};

static int ask_to_be_told(PyObject *module) {
    PyObject *other = PyObject_CallMethod(module, "gettrace", NULL);
    PyObject *ours = other ? PyCFunction_New(&on_switch_method, other) : NULL;
    PyObject *done = ours ? PyObject_CallMethod(module, "settrace", "O", ours) : NULL;
    Py_XDECREF(other);
    Py_XDECREF(ours);
    Py_XDECREF(done);
    return done != NULL;
}

/* What is taken for it is no line's. */
static void look_again(void) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), "greenlet"); /* borrowed */
    if (module && ask_to_be_told(module)) {
        greenlets_seen.are_watched = 1;
        deep_stack_is_shared();
    }
    PyErr_Clear();
    PyErr_Restore(type, value, trace);
}

void greenlets_look_again(Py_ssize_t modules) {
    struct shoal_profile_pause pause;
    greenlets_seen.modules = modules;
    shoal_profile_pause(&pause);
    look_again();
    shoal_profile_resume(&pause);
}
