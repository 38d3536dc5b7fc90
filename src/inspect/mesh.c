#include "inspect/mesh.h"

#include <stdbool.h>
#include <string.h>

enum { HALF = MESH_WORDS * 64 / 2 };

static int count_of(const uint64_t *bits) {
    int count = 0;
    for (int i = 0; i < MESH_WORDS; i++) count += __builtin_popcountll(bits[i]);
    return count;
}

static bool is_empty(const uint64_t *bits) {
    uint64_t all = 0;
    for (int i = 0; i < MESH_WORDS; i++) all |= bits[i];
    return all == 0;
}

static bool overlap(const uint64_t *left, const uint64_t *right) {
    uint64_t common = 0;
    for (int i = 0; i < MESH_WORDS; i++) common |= left[i] & right[i];
    return common != 0;
}

void mesh_add_page(struct mesh *mesh, const uint64_t is_live[MESH_WORDS]) {
    for (int i = 0; i < MESH_KEPT; i++) {
        uint64_t *bits = mesh->kept[i];
        if (is_empty(bits) || overlap(bits, is_live)) continue;
        for (int word = 0; word < MESH_WORDS; word++) bits[word] |= is_live[word];
        mesh->saved++;
        return;
    }
    if (count_of(is_live) > HALF) return; /* hardly any other fits */
    memcpy(mesh->kept[mesh->next], is_live, sizeof mesh->kept[0]);
    mesh->next = (mesh->next + 1) % MESH_KEPT;
}
