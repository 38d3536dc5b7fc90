/* What `await` makes of one of asyncio's futures, of which the module keeps a list of its
 * own that nobody else can reach. */
#ifndef SHOAL_PYTHON_FUTURE_ITERATORS_H
#define SHOAL_PYTHON_FUTURE_ITERATORS_H

/* From now on they are freed when they are done with, if asyncio is imported. Again
 * changes nothing. Holds the interpreter lock; leaves an exception that is set. */
void future_iterators_free_at_once(void);

#endif
