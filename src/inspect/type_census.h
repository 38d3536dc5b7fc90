/* The types of a census, for the result. */
#ifndef SHOAL_INSPECT_TYPE_CENSUS_H
#define SHOAL_INSPECT_TYPE_CENSUS_H

#include "inspect/type_table.h"

/* Makes result->types, of types that have blocks and of the blocks that are no
 * objects, most bytes first; those of one name and kind are one. False when there is
 * no memory. */
bool type_census(struct shoal_inspection *result, const struct type_table *table,
                 const struct type *raw);

#endif
