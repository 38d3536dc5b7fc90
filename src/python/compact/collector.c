#include "python/compact/collector.h"

#include <string.h>

#undef _PyGC_FINALIZED /* both headers have it */
#define Py_BUILD_CORE
#include <internal/pycore_interp.h>
#undef Py_BUILD_CORE

enum { LISTS = 4 };

#if defined(Py_GIL_DISABLED) || HAS_OTHER_COLLECTOR(PY_VERSION_HEX)

/* Nothing moves here: see layouts.h. */
static int find_lists(PyInterpreterState *of, struct collector_head **lists) {
    (void)of;
    (void)lists;
    return 0;
}

static void clear_free_lists(PyInterpreterState *of) { (void)of; }

#else

/* Three generations, and the frozen ones. */
static int find_lists(PyInterpreterState *of, struct collector_head **lists) {
    for (int i = 0; i < LISTS - 1; i++)
        lists[i] = (struct collector_head *)&of->gc.generations[i].head;
    lists[LISTS - 1] = (struct collector_head *)&of->gc.permanent_generation.head;
    return LISTS;
}

#if PY_VERSION_HEX >= 0x030E0000

/* What is in them is linked: none is left behind. */
static void clear_free_lists(PyInterpreterState *of) { (void)of; }

#else

static void clear_row(void *row, size_t bytes, int used) {
    size_t from = (size_t)(used > 0 ? used : 0) * sizeof(void *);
    if (from < bytes) memset((char *)row + from, 0, bytes - from);
}

#define CLEAR(row, used) clear_row((row), sizeof(row), (used))

#if PY_VERSION_HEX >= 0x030D0000
static void clear_free_lists(PyInterpreterState *of) {
    struct _Py_object_freelists *lists = &of->object_state.freelists;
    CLEAR(lists->lists.items, lists->lists.numfree);
    CLEAR(lists->dicts.items, lists->dicts.numfree);
    CLEAR(lists->dictkeys.items, lists->dictkeys.numfree);
}
#else
static void clear_free_lists(PyInterpreterState *of) {
    CLEAR(of->list.free_list, of->list.numfree);
    CLEAR(of->dict_state.free_list, of->dict_state.numfree);
    CLEAR(of->dict_state.keys_free_list, of->dict_state.keys_numfree);
}
#endif

#endif

#endif

bool collector_is_running(void) { return PyInterpreterState_Get()->gc.collecting; }

void collector_each(void (*act)(void *context, PyObject *object, bool is_frozen), void *context) {
    struct collector_head *lists[LISTS];
    int count = find_lists(PyInterpreterState_Get(), lists);
    for (int i = 0; i < count; i++) {
        struct collector_head *head = head_at(lists[i]->next);
        for (; head != lists[i]; head = head_at(head->next))
            act(context, object_of_head(head), i == LISTS - 1);
    }
}

static uintptr_t link_to(const struct collector_head *head, uintptr_t former) {
    return (uintptr_t)head | (former & HEAD_FLAGS);
}

void collector_relink(PyObject *moved) {
    struct collector_head *head = head_of(moved);
    struct collector_head *next = head_at(head->next), *previous = head_at(head->previous);
    next->previous = link_to(head, next->previous);
    previous->next = link_to(head, previous->next);
}

/* What is behind the last frame of a thread. */
static void clear_stack(PyThreadState *thread) {
    char *from = (char *)thread->datastack_top, *end = (char *)thread->datastack_limit;
    if (from && end > from) memset(from, 0, (size_t)(end - from));
}

void collector_clear_leftovers(void) {
    PyInterpreterState *of = PyInterpreterState_Get();
    clear_free_lists(of);
    PyThreadState *thread = PyInterpreterState_ThreadHead(of);
    for (; thread; thread = PyThreadState_Next(thread)) clear_stack(thread);
}
