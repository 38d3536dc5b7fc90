/* Code objects that are watched. Their events come from the interpreter's
 * monitoring (monitoring.c, 3.12 and later) or from its evaluation of frames
 * (evaluation.c, 3.11), which tell src/profile of them.
 *
 * Every function here holds the interpreter lock. */
#ifndef SHOAL_PYTHON_WATCHED_H
#define SHOAL_PYTHON_WATCHED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "shoal/profile.h"

/* What a code object is watched as, NULL when it never was. A few loads. */
struct shoal_function *watched_function(PyObject *code);

/* Begins to watch a code object of so many lines, or goes on with it: then its
 * figures go on too. -1 and an exception when it cannot. */
int watched_begin(PyObject *code, Py_ssize_t line_count);

/* The same for the code of a function. Before 3.12 that costs other code nothing,
 * but only calls of this very function may be told of. */
int watched_begin_function(PyObject *function, Py_ssize_t line_count);

/* Events of it are not told any more; its figures stay. -1 and an exception. */
int watched_end(PyObject *code);

/* ---- Code that is new ---------------------------------------------------------
 * While there is a predicate, every code object is asked about when it is first
 * run, once: predicate(code) gives how many of its lines to watch, or 0. It is
 * nobody's line that is charged for the asking. */

/* Sets the predicate; NULL: nothing is asked any more. -1 and an exception. */
int watched_ask(PyObject *callable);

/* As watched_function(), and at the same cost whether it is to be asked about. */
struct shoal_function *watched_or_new(PyObject *code, int *is_new);

/* Whether a code object was asked about, and is not wanted. */
int watched_is_refused(PyObject *code);

/* Asks about a code object that is new; what it is watched as from now on, NULL
 * when it is not wanted. No exception: one of the predicate is written. */
struct shoal_function *watched_newcomer(PyObject *code);

/* ---- In monitoring.c or evaluation.c --------------------------------------- */

/* The events of a code object begin or end; `was_refused`: it was asked about
 * before, and not wanted. -1 and an exception. */
int events_begin(PyObject *code, int was_refused);
int events_end(PyObject *code);

/* Whether events can be had of a function for less than of its code. */
enum { EVENTS_ARE_OF_FUNCTIONS = PY_VERSION_HEX < 0x030C0000 };

/* A function tells of its own calls from now on. 0 when it cannot, as from 3.12 on
 * none needs to; -1 and an exception. */
int events_of_function(PyObject *function);

/* While such a call lasts: the calling thread's frames are looked at, and as before. */
int events_want_frames(void);
void events_end_frames(int was_wanted);

/* That new code runs is told, by watched_newcomer(), or not. -1 and an exception. */
int events_of_new(int wanted);

/* The innermost frame of a code object that is watched since it began to run is
 * entered at a line, or left. */
void events_enter_running(struct shoal_function *function, PyObject *code, int line);
void events_leave_running(struct shoal_function *function, PyObject *code);

/* What there is of a thread besides its activations, while these are set aside. */
struct events_strand {
    void *other;
    const void *traced, *entered, *left;
    int is_awaiting_call, wants_frames;
};
void events_set_aside(struct events_strand *strand);
void events_take_up(const struct events_strand *strand);

/* Whether the interpreter asks the domain MEM for so many bytes, in the calling
 * thread and now, to be able to tell of events: no program would. */
int events_need(size_t bytes);

/* The same of the domain OBJ, in the versions where there is such an object. */
enum { EVENTS_NEED_OBJECTS = PY_VERSION_HEX >> 16 == 0x030E };
int events_need_object(size_t bytes);

#endif
