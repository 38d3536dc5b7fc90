/* Hints to the compiler, and the lock. */
#ifndef SHOAL_BASE_HINTS_H
#define SHOAL_BASE_HINTS_H

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* A slow path: kept out of its caller, so that the fast path stays short. */
#define slow_path __attribute__((noinline, cold))
#define never_inline __attribute__((noinline))
#define always_inline inline __attribute__((always_inline))

#endif
