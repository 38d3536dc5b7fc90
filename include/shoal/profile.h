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

/* Whether a line of the calling thread is open. */
SHOAL_API int shoal_profile_has_line(void);

/* The same as the two above for what nearly all blocks are while a line is open: of
 * 17 to 512 bytes, with the interpreter lock held. False, and nothing is done, for
 * the others. Cost: some 40 instructions, half of what the above take. */
SHOAL_API int shoal_profile_took_usual(const void *block, size_t bytes);
SHOAL_API int shoal_profile_gave_usual(const void *block);

/* The calling thread has the interpreter lock, and is about to take or give back a
 * block: what the gauge tells from now on is its own doing, until another thread says
 * so. Cost: two loads while it is the one that said so last. */
SHOAL_API void shoal_profile_runs(void);

/* A block of at least `bytes` that the calling thread has just taken, with the
 * interpreter lock held, is there only because of the profiler: from now on it is
 * as if it had never been taken, and nothing when it goes. One of up to 16 bytes
 * only if a line took it. Again it changes nothing. */
SHOAL_API void shoal_profile_disown(const void *block, size_t bytes);

/* What a noted block was is gone, but it is not given back: whatever it holds from now on,
 * nobody's line made it. */
SHOAL_API void shoal_profile_forget(const void *block);

/* Whether a block was disowned and not given back since. It may be gone. */
SHOAL_API int shoal_profile_is_nobodys(const void *block);

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
 * NULL, as it is at first: nothing is known of such blocks. One that no line takes
 * counts as it tells, as it will when it goes; not at all where that is 0. */
SHOAL_API void shoal_profile_size_blocks_by(size_t (*size_of)(const void *block));

/* Blocks of at most `most` bytes come from pools and take `rounded` bytes there;
 * up to 512 they are taken to be rounded up to 16. */
SHOAL_API void shoal_profile_round_blocks_by(size_t most, size_t (*rounded)(size_t bytes));

/* Bytes that pooled blocks take, so rounded, of guarded calls: what a gauge subtracts
 * from what the pools of objects occupy. RAW blocks are malloc's. */
SHOAL_API int64_t shoal_profile_pooled(void);

/* What the allocator itself says is live, in bytes as it rounds them. */
struct shoal_profile_live {
    int64_t pooled; /* of guarded calls, as shoal_profile_pooled */
    int64_t large;  /* of all; SHOAL_NOT_KNOWN where it does not say */
};
enum { SHOAL_NOT_KNOWN = -1 };

/* Nobody tells of blocks while no watched function runs, and one may free what others
 * made then. So `ask` is asked, at the beginning of the next, but not so often that it
 * takes more than a hundredth of the time, a twentieth where much was freed that nobody
 * told of. It runs with the interpreter lock. */
SHOAL_API void shoal_profile_ask_live_by(void (*ask)(struct shoal_profile_live *live));

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

/* How to read it: this much every line costs. What is read between two of a thread's
 * readings while other threads ran is theirs: see shoal_profile_runs().  To be set before the first event. */
SHOAL_API void shoal_profile_read_gauge_by(void (*read)(struct shoal_gauge *gauge));

/* How what a line makes and leaves alive went: looked at when it begins. It had begun
 * `early_hits` times, a quarter of `hits` at least and half at most, when this much of
 * it was alive; and never less than `low` since then. 0 in the first two executions. */
struct shoal_course {
    int64_t early_hits, early_live, low;
    int64_t half_hits, half_live, half_low; /* since `half_hits`, to be the next ones */
};

/* Sums over the line's executions, unless said otherwise. `held` and `rss_growth` are by
 * how much these changed because of the line: what others undid and it did again counts
 * once (src/profile/balance.h), so neither is ever more than the process had. */
struct shoal_line {
    int64_t hits;         /* times begun: once however often a statement of several
                             lines comes back to it before its end            */
    int64_t net;          /* taken less freed meanwhile by its thread         */
    int64_t worst_growth; /* the largest net of one execution                 */
    int64_t peak;         /* the highest point of one execution over its start */
    int64_t held;         /* change of what the gauge tells                   */
    int64_t returned;
    int64_t rss_growth;
    int64_t rss_sum;      /* what each execution grew by, just added up       */
    int64_t rss;          /* after its last execution; -1: never measured     */
    int64_t rss_peak;     /* the most that was after one; -1: never measured  */
    int64_t all_before;   /* live in all that is told of when it first began, ... */
    int64_t all_after;    /* ... and when it last ended; each from some beginning */
    struct shoal_course course;
    unsigned site;        /* 0 until it is first begun                        */
    unsigned statement;   /* by number from 1: the line where the statement begins
                             that it is of                                    */
};

struct balance;

/* Lives as long as the process. */
struct shoal_function {
    int64_t calls;
    int64_t rss_before; /* when the last call began; -1: never measured */
    int is_watched; /* for whoever tells of its events */
    int first_line;
    size_t line_count;
    struct balance *held, *rss; /* what its lines' figures of these stand on */
    struct shoal_line lines[]; /* from first_line on */
};

/* NULL when there is no memory. */
SHOAL_API struct shoal_function *shoal_profile_function(int first_line, size_t line_count);

/* Lines from `first` to `last`, as those of a file, are one statement. Those that the
 * function does not have are left out; until it is told, each line is one of its own. */
SHOAL_API void shoal_profile_statement(struct shoal_function *function, int first, int last);

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
    void *share;
    int64_t net, high;
    unsigned site;
};
SHOAL_API void shoal_profile_pause(struct shoal_profile_pause *pause);
SHOAL_API void shoal_profile_resume(const struct shoal_profile_pause *pause);

/* What happened outside of a function is known to its figures, too, up to now. Before
 * they are read; holds the interpreter lock. */
SHOAL_API void shoal_profile_sum_up(struct shoal_function *function);

/* Whether the function that the calling thread entered last is this one. */
SHOAL_API int shoal_profile_is_in(const struct shoal_function *function);

/* How many functions the calling thread is in. */
SHOAL_API size_t shoal_profile_depth(void);

/* What the calling thread is in, while it does something else that has a stack of its
 * own, as greenlets do: that is no part of its lines. */
struct shoal_profile_strand {
    void *activations;
    size_t count, room;
    int64_t net, high;
    void *share;
    unsigned site;
};

/* Sets aside what the calling thread is in, and leaves it in nothing. False, and
 * nothing is done, when it is in nothing. */
SHOAL_API int shoal_profile_set_aside(struct shoal_profile_strand *strand);

/* Takes it up again in a thread that is in nothing: once, in the same thread. */
SHOAL_API void shoal_profile_take_up(const struct shoal_profile_strand *strand);

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
