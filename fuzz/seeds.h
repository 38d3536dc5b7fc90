/* The seed that is run, named when it ends the program. */
#ifndef SHOAL_FUZZ_SEEDS_H
#define SHOAL_FUZZ_SEEDS_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>

static uint64_t seed_now;

/* Of the sanitizers, where there are any. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void name_seed(void) { dprintf(2, "seed %llu\n", (unsigned long long)seed_now); }

static void name_seed_at_signal(int number) {
    name_seed();
    signal(number, SIG_DFL);
    raise(number);
}

/* To be called before the first seed is run. */
static void name_seed_at_death(void) {
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(name_seed);
    } else {
        signal(SIGSEGV, name_seed_at_signal);
        signal(SIGBUS, name_seed_at_signal);
    }
    signal(SIGABRT, name_seed_at_signal);
}

#endif
