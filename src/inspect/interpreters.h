/* The interpreters of a process beside the main one: since 3.12 each may have arenas
 * of its own. */
#ifndef SHOAL_INSPECT_INTERPRETERS_H
#define SHOAL_INSPECT_INTERPRETERS_H

#include "inspect/layout.h"
#include "inspect/maps.h"
#include "inspect/remote.h"

enum { INTERPRETERS_MAX = 1024 };

/* Where their tables of arenas are, if they are what they seem: at most
 * INTERPRETERS_MAX addresses. `main_at`: where the main interpreter's pointer to its
 * own table lies. Gives how many there are; none where it cannot be told. */
size_t interpreters_tables(struct remote *remote, const struct maps *maps,
                           const struct layout *layout, uint64_t main_at, uint64_t *tables);

/* Whether the runtime says that it was built without the interpreter lock: its objects
 * are in mimalloc's heaps then. Versions before 3.13 say nothing. */
bool interpreters_are_free_threaded(struct remote *remote, const struct maps *maps);

#endif
