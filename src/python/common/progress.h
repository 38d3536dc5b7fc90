/* Telling the caller of a long operation how far it is. */
#ifndef SHOAL_PYTHON_PROGRESS_H
#define SHOAL_PYTHON_PROGRESS_H

#include "python/common/compat.h"

#include <stdint.h>

/* Calls progress(bytes, part): the bytes so far, and the part that is done, from 0 to 1;
 * NAN becomes None: it is not known. NULL for `progress`: nobody is told. -1 and an
 * exception if the call raised one; other code has run. */
int tell_progress(PyObject *progress, uint64_t bytes, double part);

#endif
