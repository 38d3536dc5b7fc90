/* What `shoal run` says when the program does not run on Shoal after all.
 *
 * SHOAL_RUN=<pid> in the environment asks for it, of that process and of none
 * that it starts. What the process becomes by exec is still that process. */
#ifndef SHOAL_HEAP_RUN_NOTICE_H
#define SHOAL_HEAP_RUN_NOTICE_H

#include <stdbool.h>

/* To be called once, when the library is loaded: remembers standard error. */
void run_notice_ready(void);

/* Whether this process is asked, and has not said anything yet. */
bool run_notice_is_wanted(void);

/* This is the program that was meant: it does not find the question, and nor does
 * what it becomes. Only while the process has one thread. */
void run_notice_take(void);

/* Writes one line, "shoal run: warning: PROGRAM ...", if that is wanted. */
void run_notice(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

#endif
