/* Hints to the compiler. */
#ifndef SHOAL_BASE_HINTS_H
#define SHOAL_BASE_HINTS_H

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* A slow path: kept out of its caller, so that the fast path stays short. */
#define slow_path __attribute__((noinline, cold))
#define never_inline __attribute__((noinline))
#define always_inline inline __attribute__((always_inline))

/* A function that reads whatever memory there is: a sanitizer has nothing to say of it. */
#define reads_anything __attribute__((no_sanitize("address")))

/* A function that other libraries call by its name. */
#define exported __attribute__((visibility("default")))

/* `tail_return f(...)` leaves the function by a jump, so that f sees the caller
 * of this one as its own. The function is declared `forwarding`. */
#if defined(__has_attribute) && __has_attribute(musttail)
#define forwarding
#define tail_return __attribute__((musttail)) return
#else
#define forwarding __attribute__((optimize("O2"))) /* also in builds without optimisation */
#define tail_return return
#endif

#endif
