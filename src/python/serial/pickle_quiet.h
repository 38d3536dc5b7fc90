/* Whether any code but ours can run. The collector counts as such code: it runs
 * finalizers, and it is stopped where that matters. */
#ifndef SHOAL_PYTHON_PICKLE_QUIET_H
#define SHOAL_PYTHON_PICKLE_QUIET_H

#include <stdbool.h>

#include "pickle_state.h"

/* Reading and writing give the interpreter away for a time: to nobody, if there
 * is no other thread. */
bool pickle_is_only_thread(void);

/* Whether this method belongs to a file that runs no Python code: memory, or a
 * file of the io module over a real one. */
bool pickle_is_plain_file(const struct pickle_state *state, PyObject *method);

/* pickle_arenas.c: from here on, and until the end, arenas come with all their
 * pages. Called while no other code can run. False: not now, and there is no end. */
bool pickle_begin_arenas(void);
void pickle_end_arenas(void);

#endif
