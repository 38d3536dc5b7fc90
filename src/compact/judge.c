/* What may move. When in doubt a block stays. */
#include "compact/snapshot.h"

/* What was noted first keeps it; else what was to be found, or met, and was not. */
static enum shoal_reason judge(const struct shoal_mover_pool *pool, const struct shoal_note *note) {
    bool is_object = note->marks & SHOAL_IS_OBJECT, is_table = note->marks & SHOAL_IS_TABLE;
    if (!is_object && !is_table) return SHOAL_REASON_UNKNOWN;
    if (is_object && is_table) return SHOAL_REASON_STATE;
    if (pool->is_shared) return SHOAL_REASON_SHARED;
    if (note->reason != SHOAL_REASON_NONE) return (enum shoal_reason)note->reason;
    if (note->missing != 0) return SHOAL_REASON_REFERENCES;
    if (note->told != 0) return SHOAL_REASON_HOLDER;
    return note->known != 0 ? SHOAL_REASON_WORDS : SHOAL_REASON_NONE;
}

static const void *object_of(const struct shoal_note *note, const char *block) {
    return note->marks & SHOAL_IS_OBJECT ? block + shoal_offset(note) : NULL;
}

void shoal_mover_judge(struct shoal_mover *mover) {
    const struct shoal_mover_client *client = &mover->client;
    for_each_block(mover, walk) {
        enum shoal_reason reason = judge(walk.pool, walk.note);
        size_t bytes = walk.pool->block_bytes;
        mover->stay_blocks[reason]++;
        mover->stay_bytes[reason] += bytes;
        if (reason == SHOAL_REASON_NONE) {
            walk.note->marks |= SHOAL_MOVES;
            walk.pool->movable++;
            mover->told += (walk.note->marks & SHOAL_IS_TOLD) != 0;
        } else {
            client->stays(client->context, reason, object_of(walk.note, walk.start), bytes);
        }
    }
    shoal_mover_spent(mover, SHOAL_PHASE_JUDGE);
}
