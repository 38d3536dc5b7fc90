#include "inspect/stretches.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/grow.h"

enum {
    EMPTIEST_PART = 4, /* a stretch that is at most a fourth live pins memory */
    LOOSE_MAX = 1 << 24, /* 512 MB; more belong to nobody */
};

void stretches_init(struct stretches *stretches, struct type_table *table) {
    *stretches = (struct stretches){.table = table};
    belongings_init(&stretches->belongings, table->remote);
}

void stretches_end(struct stretches *stretches) {
    belongings_end(&stretches->belongings);
    free(stretches->items);
    free(stretches->shares);
    free(stretches->here);
    free(stretches->here_of);
    free(stretches->loose);
}

/* ---- One stretch ------------------------------------------------------------------- */

static bool make_here_room(struct stretches *stretches) {
    size_t room = stretches->table->type_room, before = stretches->here_of_room;
    if (room > before) {
        int32_t *grown = realloc(stretches->here_of, room * sizeof *grown);
        if (!grown) return false;
        memset(grown + before, 0, (room - before) * sizeof *grown);
        stretches->here_of = grown;
        stretches->here_of_room = room;
    }
    return grow(&stretches->here, &stretches->here_room, stretches->here_count,
                sizeof *stretches->here);
}

static void add_here(struct stretches *stretches, int32_t type, uint64_t blocks, uint64_t bytes) {
    if ((size_t)type >= stretches->here_of_room || stretches->here_of[type] == 0) {
        if (!make_here_room(stretches)) {
            stretches->is_out_of_memory = true;
            return;
        }
        stretches->here[stretches->here_count++] = (struct share){type, 0, 0};
        stretches->here_of[type] = (int32_t)stretches->here_count;
    }
    struct share *here = &stretches->here[stretches->here_of[type] - 1];
    here->blocks += blocks;
    here->bytes += bytes;
}

void stretches_begin(struct stretches *stretches) {
    for (size_t i = 0; i < stretches->here_count; i++)
        stretches->here_of[stretches->here[i].type] = 0;
    stretches->here_count = 0;
    stretches->raw_here_blocks = stretches->raw_here_bytes = 0;
}

void stretches_add_object(struct stretches *stretches, int32_t type, uint64_t resident) {
    add_here(stretches, type, 1, resident);
}

void stretches_add_loose(struct stretches *stretches, int32_t type, uint64_t at, uint64_t bytes,
                         uint64_t resident) {
    if (stretches->loose_count == LOOSE_MAX && type != TYPE_NONE) {
        add_here(stretches, type, 1, resident);
    } else if (stretches->loose_count == LOOSE_MAX) {
        stretches->raw_here_blocks++;
        stretches->raw_here_bytes += resident;
    } else if (grow(&stretches->loose, &stretches->loose_room, stretches->loose_count,
                    sizeof *stretches->loose)) {
        stretches->loose[stretches->loose_count++] = (struct loose){at, bytes, resident, type};
    } else {
        stretches->is_out_of_memory = true;
    }
}

void stretches_close(struct stretches *stretches, uint64_t bytes, uint64_t live, uint64_t held) {
    for (size_t i = 0; i < stretches->here_count; i++) {
        if (!grow(&stretches->shares, &stretches->share_room, stretches->share_count,
                  sizeof *stretches->shares)) {
            stretches->is_out_of_memory = true;
            return;
        }
        stretches->shares[stretches->share_count++] = stretches->here[i];
    }
    struct stretch stretch = {
        bytes,
        live,
        held,
        stretches->raw_here_blocks,
        stretches->raw_here_bytes,
        stretches->share_count,
        stretches->loose_count,
    };
    if (grow(&stretches->items, &stretches->room, stretches->count, sizeof *stretches->items))
        stretches->items[stretches->count++] = stretch;
    else
        stretches->is_out_of_memory = true;
}

/* ---- All of them ------------------------------------------------------------------- */

static void add_to_type(struct type *type, const struct stretch *stretch, uint64_t blocks,
                        uint64_t bytes) {
    if (bytes == 0 && blocks == 0) return;
    type->blocks += blocks;
    type->bytes += bytes;
    if (stretch->live * EMPTIEST_PART > stretch->bytes) return;
    type->pinned_arenas++;
    type->pinned_blocks += blocks;
    if (stretch->live)
        type->pinned_held +=
            (uint64_t)((double)stretch->held * (double)bytes / (double)stretch->live);
}

static void finish_stretch(struct stretches *stretches, const struct stretch *stretch,
                           size_t first_share, size_t first_loose) {
    uint64_t raw_blocks = stretch->raw_blocks, raw_bytes = stretch->raw_bytes;
    stretches_begin(stretches);
    for (size_t i = first_share; i < stretch->shares_end; i++) {
        const struct share *share = &stretches->shares[i];
        add_here(stretches, share->type, share->blocks, share->bytes);
    }
    for (size_t i = first_loose; i < stretch->loose_end; i++) {
        const struct loose *loose = &stretches->loose[i];
        int32_t owner = belongings_owner(&stretches->belongings, loose->at, loose->bytes);
        if (owner != TYPE_NONE) {
            add_here(stretches, owner, 0, loose->resident);
        } else if (loose->type != TYPE_NONE) {
            add_here(stretches, loose->type, 1, loose->resident);
        } else {
            raw_blocks++;
            raw_bytes += loose->resident;
        }
    }
    for (size_t i = 0; i < stretches->here_count; i++) {
        const struct share *here = &stretches->here[i];
        add_to_type(&stretches->table->types[here->type], stretch, here->blocks, here->bytes);
    }
    add_to_type(&stretches->raw, stretch, raw_blocks, raw_bytes);
}

bool stretches_finish(struct stretches *stretches) {
    size_t share = 0, loose = 0;
    if (stretches->is_out_of_memory || !belongings_sort(&stretches->belongings)) return false;
    for (size_t i = 0; i < stretches->count; i++) {
        const struct stretch *stretch = &stretches->items[i];
        finish_stretch(stretches, stretch, share, loose);
        share = stretch->shares_end;
        loose = stretch->loose_end;
    }
    return !stretches->is_out_of_memory;
}
