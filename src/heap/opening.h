/* Libraries that the program opens while it runs. */
#ifndef SHOAL_HEAP_OPENING_H
#define SHOAL_HEAP_OPENING_H

#include <stdbool.h>

/* Whether the program has opened any, or is about to. */
bool opening_has_begun(void);

#endif
