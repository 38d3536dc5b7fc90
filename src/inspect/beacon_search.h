/* Finding Shoal's heap in another process. */
#ifndef SHOAL_INSPECT_BEACON_SEARCH_H
#define SHOAL_INSPECT_BEACON_SEARCH_H

#include "inspect/maps.h"
#include "inspect/remote.h"
#include "shoal/beacon.h"

/* No more is believed of a beacon. */
enum {
    BEACON_RECORD_MAX = 64, /* bytes */
    BEACON_CLASS_MAX = 64,  /* bytes */
    BEACON_CLASSES_MAX = 64,
};

/* Looks for the beacon in what is mapped of libshoal.so and of the program; false
 * when there is none, one that this reader does not understand, or no arena in it. */
bool beacon_find(struct shoal_beacon *beacon, struct remote *remote, const struct maps *maps);

#endif
