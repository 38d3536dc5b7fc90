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

/* Events of it are not told any more; its figures stay. -1 and an exception. */
int watched_end(PyObject *code);

/* ---- In monitoring.c or evaluation.c --------------------------------------- */

/* The events of a code object begin or end. -1 and an exception. */
int events_begin(PyObject *code);
int events_end(PyObject *code);

/* The frame that calls this, of a code object that is watched since it began to
 * run, is entered at a line, or left. */
void events_enter_running(struct shoal_function *function, int line);
void events_leave_running(struct shoal_function *function);

/* Whether the interpreter asks the domain MEM for so many bytes, in the calling
 * thread and now, to be able to tell of events: no program would. */
int events_need(size_t bytes);

#endif
