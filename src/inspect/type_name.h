/* What Python calls a type: "dict", "collections.deque", "app.models.Session". */
#ifndef SHOAL_INSPECT_TYPE_NAME_H
#define SHOAL_INSPECT_TYPE_NAME_H

#include "inspect/layout.h"
#include "inspect/remote.h"

/* Reads the name of the type at an address, whose first TYPE_BYTES are given. Of a class made in
 * Python its module is in its dict; where that cannot be read the bare name is
 * given. False when there is no name. */
bool type_name_read(struct remote *remote, const struct layout *layout, uint64_t address,
                    const uint8_t *type, char *name, size_t room);

#endif
