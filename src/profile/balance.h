/* A figure of a function's lines that goes up and down with the process: resident
 * memory, what the allocator keeps. Summing up what each execution did would say of a
 * line that it took a hundred times what the process ever had, where the next line
 * gave it back a hundred times.
 *
 * What is there is a pile: each line's rises lie on it, the latest uppermost. A line
 * that falls takes its own away first, then what is uppermost. All that happens while
 * no line of the function is open is one line more, which nobody is shown. So the
 * figures of all, with that line, add up to what the level changed by. They say either
 *
 *   what stays: what of a line lies there now, and below zero what is missing since it
 *     fell below the beginning. No figure is more than the level differs by.
 *
 *   what was done: a line that falls also has what it undid of others, below zero, and
 *     those still have risen by it; when one of them rises again, it is first that
 *     which it does again, and whoever had undone something last has undone so much
 *     less. No line rose by more than the level ever was above its lowest, and what a
 *     line fell by is kept to that, too. */
#ifndef SHOAL_PROFILE_BALANCE_H
#define SHOAL_PROFILE_BALANCE_H

#include <stddef.h>
#include <stdint.h>

enum balance_of { BALANCE_OF_WHAT_STAYS, BALANCE_OF_WHAT_WAS_DONE };

/* Of one line. `there + undone` is what it rose by. */
struct part {
    int64_t there;  /* on the pile                                      */
    int64_t undone; /* taken off it by others, and not done again       */
    int64_t fell;   /* by what is undone still, or below the beginning  */
    unsigned above, below;               /* on the pile: parts by index + 1, 0: none */
    unsigned fell_later, fell_before;    /* among those that fell                    */
};

/* Of a function. The last part is that of what happens outside of it. */
struct balance {
    int64_t level;   /* of the gauge, when it was last told of */
    int64_t lowest, highest;
    unsigned top;    /* the uppermost of the pile, as index + 1 */
    unsigned latest; /* that fell                               */
    unsigned part_count;
    int is_begun;
    enum balance_of of;
    int64_t *shown; /* where the first line's figure is kept up to date ...  */
    size_t stride;  /* ... and how many bytes further on that of the next is */
    struct part parts[];
};

/* Bytes of a balance for so many lines. */
size_t balance_bytes(size_t lines);

/* Begins anew. The lines' figures, by how much the level changed because of each, are
 * put where they are shown; they are to be 0 already. */
void balance_begin(struct balance *balance, enum balance_of of, size_t lines, int64_t *shown,
                   size_t stride);

/* A line was open while the level changed by `by`; it is `level` now. */
void balance_change(struct balance *balance, size_t line, int64_t by, int64_t level);

#endif
