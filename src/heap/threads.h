/* A heap for each thread, and what becomes of it. */
#ifndef SHOAL_HEAP_THREADS_H
#define SHOAL_HEAP_THREADS_H

#include "heap/fast_paths.h"

/* The stand-in for the heap of a thread that has none yet. */
extern struct heap no_heap;

/* The calling thread's heap, &no_heap at first. Initial-exec: one load. */
extern __thread struct heap *thread_heap __attribute__((tls_model(SHOAL_TLS_MODEL)));

/* Gives the calling thread a heap: one that a finished thread left, or a new
 * one. NULL when there is no memory for it. */
struct heap *threads_attach(void);

/* Hands a block to the heap it belongs to, from a thread that does not own it. */
void threads_give_remote(struct heap *owner, void *block);

/* Gives the pages of pools whose every live block others have freed to the arenas, of all
 * heaps. */
void threads_collect(void);

/* Gives all free pages of finished threads' heaps and of the calling thread's to the
 * arenas, and of all other heaps those that no current pool has. */
void threads_retire_empty(void);

/* Takes every lock of the heap, in their order (lock.h). Until they are dropped the calling
 * thread goes through all of them. */
void threads_lock_all(void);
void threads_unlock_all(void);

#endif
