/* The engine of Shoal's profiler, as an interpreter's hooks see it: who made
 * the blocks that are alive, and what each line of a function did to memory.
 *
 * It knows nothing of the interpreter nor of the allocator: it is told of every
 * block taken and given back, and of every function entered, line begun and
 * function left; see src/python for who tells it. Its own memory comes from the
 * operating system, never from the heap that it measures.
 *
 * All sizes are bytes as they were asked for, unless said otherwise.
 * Threads: calls about blocks and events belong to the calling thread; figures
 * of functions and accounts are guarded by the interpreter lock. */
#ifndef SHOAL_PROFILE_H
#define SHOAL_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "shoal/heap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Blocks --------------------------------------------------------------
 * A site is where blocks are asked for; each line of a function that is ever
 * begun is one. Blocks that a thread takes while a line of it is open are noted
 * as that site's, and whoever frees them lowers its account.
 *
 * `guarded`: the call holds the interpreter lock, as those of the domains OBJ
 * and MEM do; then no atomics are needed. */

/* A block at a multiple of 16 was handed out to the calling thread; NULL is none.
 * Gives the block: what asked for it can end with this call. */
SHOAL_API void *shoal_profile_took(void *block, size_t bytes, int guarded);

/* A block is about to be freed; NULL is none. */
SHOAL_API void shoal_profile_gave(const void *block, int guarded);

/* A block of at least `bytes` that the calling thread has just taken, with the
 * interpreter lock held, is there only because of the profiler: from now on it is
 * as if it had never been taken, and nothing when it goes. One of up to 16 bytes
 * only if a line took it. Again it changes nothing. */
SHOAL_API void shoal_profile_disown(const void *block, size_t bytes);

/* A block is about to be resized, and then was: `resized` is NULL when it could
 * not be, and all is as before. Its new bytes are the open line's, or, when
 * there is none, still the old site's. */
struct shoal_profile_note {
    size_t bytes;
    unsigned site; /* 0: the block has none */
};
SHOAL_API struct shoal_profile_note shoal_profile_resizing(const void *block, int guarded);
SHOAL_API void shoal_profile_resized(struct shoal_profile_note before, const void *block,
                                     const void *resized, size_t bytes, int guarded);

/* Tells the bytes of a block that has no note, as nearly as is known, else 0.
 * NULL, as it is at first: nothing is known of such blocks.
 * `knows_all`: it is never 0 for a block of a guarded call. Otherwise blocks of
 * which it is are not counted when no line takes them, as they will not be when
 * they go. */
SHOAL_API void shoal_profile_size_blocks_by(size_t (*size_of)(const void *block), int knows_all);

/* Blocks of at most `most` bytes come from pools and take `rounded` bytes there;
 * up to 512 they are taken to be rounded up to 16. */
SHOAL_API void shoal_profile_round_blocks_by(size_t most, size_t (*rounded)(size_t bytes));

/* Bytes that pooled blocks take, so rounded, more than when it began to be told of
 * them, of guarded calls: what a gauge subtracts from what the pools of objects
 * occupy. RAW blocks are malloc's. */
SHOAL_API int64_t shoal_profile_pooled(void);

/* How many blocks that are too large for pools came or went: while this stands
 * still, no mapping of theirs was made or undone. */
SHOAL_API int64_t shoal_profile_large_changes(void);

struct shoal_account {
    int64_t live;        /* in blocks that the site made and nobody freed */
    int64_t live_blocks;
    int64_t made;        /* in all blocks that it ever made               */
    int64_t made_blocks;
};
SHOAL_API struct shoal_account shoal_profile_account(unsigned site);

/* What a site has in a range of addresses. */
struct shoal_presence {
    unsigned site;
    size_t blocks; /* live, and noted as the site's */
    size_t bytes;  /* in these                      */
};

/* Fills at most `room` entries with the sites of the noted blocks that start in
 * [start, start + bytes), by number, and returns how many sites there are;
 * room + 1 when there are more. No noted block may reach into the range from
 * before it. What nobody noted is not seen: who knows how many live blocks there
 * are can tell. */
SHOAL_API size_t shoal_profile_sites_in(const void *start, size_t bytes,
                                        struct shoal_presence *sites, size_t room);

/* ---- Marks ---------------------------------------------------------------
 * What all threads take from a moment on, to measure a stretch of a program: a
 * test, say. Blocks that were there before count neither way, but for those that
 * a line made: freed later, they lower the figures. A block that is resized is
 * new. From the first mark on every block is noted. */

/* Begins to count from 0. With the interpreter lock; what threads without it do
 * meanwhile may count or not. */
SHOAL_API void shoal_profile_mark(void);

struct shoal_marked {
    int64_t live; /* taken since the mark and not freed */
    int64_t high; /* the most that this was at once     */
};
SHOAL_API struct shoal_marked shoal_profile_marked(void);

/* ---- When to tell -------------------------------------------------------------
 * While no thread is in a function that is watched, and nothing was marked, the
 * profiler is idle: of blocks, only those that have notes matter, when they go.
 * While there are none, whoever tells of blocks can leave off. */

SHOAL_API int shoal_profile_is_idle(void);

/* Called when it ceases to be idle, before anything is read: from now on every
 * block is to be told of. */
SHOAL_API void shoal_profile_begin_by(void (*begin)(void));

/* Whether a block has a note: only then is it of interest while idle. */
SHOAL_API int shoal_profile_is_noted(const void *block);

/* How many blocks have notes. Cost: a pass over the sites. */
SHOAL_API int64_t shoal_profile_noted_blocks(void);

/* ---- Lines ------------------------------------------------------------------
 * Each thread has a stack of activations of the functions that are watched. The
 * line that the uppermost is at is open; the next event of that activation
 * closes it, so its figures are whole whatever interrupts it. What the functions
 * that it calls do is the open line's too.
 *
 * Nothing is counted twice within a function: of a recursive one, what the inner
 * activations account for is taken off the outer's open line. */

/* Read at every event, in bytes; each counts from some beginning. */
struct shoal_gauge {
    int64_t rss;      /* resident in the process, or -1: not asked for */
    int64_t held;     /* kept by the allocator, used by no block       */
    int64_t returned; /* given back to the system                      */
};

/* How to read it: this much every line costs. To be set before the first event. */
SHOAL_API void shoal_profile_read_gauge_by(void (*read)(struct shoal_gauge *gauge));

/* Sums over the line's executions, unless said otherwise. */
struct shoal_line {
    int64_t hits;         /* times begun                                      */
    int64_t net;          /* taken less freed meanwhile by its thread         */
    int64_t worst_growth; /* the largest net of one execution                 */
    int64_t peak;         /* the highest point of one execution over its start */
    int64_t held;         /* change of what the gauge tells                   */
    int64_t returned;
    int64_t rss_growth;
    int64_t rss;          /* after its last execution; -1: never measured     */
    int64_t rss_peak;     /* the most that was after one; -1: never measured  */
    unsigned site;        /* 0 until it is first begun                        */
};

/* Lives as long as the process. */
struct shoal_function {
    int64_t calls;
    int64_t rss_before; /* when the last call began; -1: never measured */
    int is_watched; /* for whoever tells of its events */
    int first_line;
    size_t line_count;
    struct shoal_line lines[]; /* from first_line on */
};

/* NULL when there is no memory. */
SHOAL_API struct shoal_function *shoal_profile_function(int first_line, size_t line_count);

/* Called (line 0), or resumed in the midst of a line. */
SHOAL_API void shoal_profile_enter(struct shoal_function *function, int line);

/* At the beginning of a line; one that the function does not have is none. */
SHOAL_API void shoal_profile_line(struct shoal_function *function, int line);

/* Returned, yielded, or left by an exception. */
SHOAL_API void shoal_profile_leave(struct shoal_function *function);

/* What the calling thread does in between is nobody's: no site is told of its
 * blocks, and no line that is open has their bytes, nor what they did to the
 * gauge. For what a profiler does itself while lines are open. Pauses nest. */
struct shoal_profile_pause {
    struct shoal_gauge gauge;
    int64_t net, high;
    unsigned site;
};
SHOAL_API void shoal_profile_pause(struct shoal_profile_pause *pause);
SHOAL_API void shoal_profile_resume(const struct shoal_profile_pause *pause);

/* Whether the function that the calling thread entered last is this one. */
SHOAL_API int shoal_profile_is_in(const struct shoal_function *function);

/* How many functions the calling thread is in. */
SHOAL_API size_t shoal_profile_depth(void);

/* All figures of a function are zero again, and its lines new sites. */
SHOAL_API void shoal_profile_reset(struct shoal_function *function);

/* Leaves everything on the calling thread: in the child of a fork, say. */
SHOAL_API void shoal_profile_leave_all(void);

/* Bytes of the profiler's own memory, touched or not, and those of it that are
 * resident, which a gauge takes off the process's: its own pages are to be nobody's. */
SHOAL_API size_t shoal_profile_own_bytes(void);
SHOAL_API size_t shoal_profile_own_resident(void);

#ifdef __cplusplus
}
#endif

#endif
