/* How many pages could share another's memory, were their live blocks left where
 * they are: two may when no byte is live in both. An estimate from below: each
 * page is tried with the few that were met last. */
#ifndef SHOAL_INSPECT_MESH_H
#define SHOAL_INSPECT_MESH_H

#include <stdint.h>

enum { MESH_KEPT = 64, MESH_WORDS = 4 }; /* a bit for each 16 bytes of a page */

struct mesh {
    uint64_t kept[MESH_KEPT][MESH_WORDS];
    uint32_t next;  /* of them to be given up */
    uint64_t saved; /* pages */
};

void mesh_add_page(struct mesh *mesh, const uint64_t is_live[MESH_WORDS]);

#endif
