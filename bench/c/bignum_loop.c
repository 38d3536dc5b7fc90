/* cfrac: after the continued fraction factoring program of that name.
 *
 * Expands the square root of a large number into a continued fraction with big
 * numbers that never change: every sum, product and quotient is a new block of
 * a few dozen bytes that soon dies. At the end the last relation found is
 * checked, so a heap that hands out overlapping blocks does not go unseen.
 */
#include "loops.h"

#include <stdlib.h>
#include <string.h>

/* A natural number. Shared by counting references, as cfrac does. */
struct number {
    uint32_t references;
    uint32_t limbs;     /* in use; the last one is not 0, and 0 has none */
    uint32_t limb[];    /* base 2**32, least significant first           */
};

typedef struct number *number;

/* Every limb 0, to be filled in and then handed to number_trimmed(). */
static number number_new(size_t limbs) {
    number fresh = loop_malloc(sizeof *fresh + limbs * sizeof fresh->limb[0]);
    memset(fresh->limb, 0, limbs * sizeof fresh->limb[0]);
    fresh->references = 1;
    fresh->limbs = (uint32_t)limbs;
    return fresh;
}

static number number_trimmed(number n) {
    while (n->limbs > 0 && n->limb[n->limbs - 1] == 0) n->limbs--;
    return n;
}

static number number_from(uint32_t value) {
    number n = number_new(1);
    n->limb[0] = value;
    return number_trimmed(n);
}

static number number_share(number n) {
    n->references++;
    return n;
}

static void number_drop(number n) {
    if (--n->references == 0) free(n);
}

/* Drops what *place held and puts `n` there. */
static void number_set(number *place, number n) {
    number_drop(*place);
    *place = n;
}

static int number_compare(number a, number b) {
    if (a->limbs != b->limbs) return a->limbs < b->limbs ? -1 : 1;
    for (size_t i = a->limbs; i-- > 0;)
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static number number_add(number a, number b) {
    if (a->limbs < b->limbs) return number_add(b, a);
    number sum = number_new(a->limbs + 1);
    uint64_t carry = 0;
    for (size_t i = 0; i < a->limbs; i++) {
        carry += (uint64_t)a->limb[i] + (i < b->limbs ? b->limb[i] : 0);
        sum->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    sum->limb[a->limbs] = (uint32_t)carry;
    return number_trimmed(sum);
}

/* a - b, where a is not less than b. */
static number number_subtract(number a, number b) {
    number difference = number_new(a->limbs);
    int64_t borrow = 0;
    for (size_t i = 0; i < a->limbs; i++) {
        borrow += (int64_t)a->limb[i] - (i < b->limbs ? b->limb[i] : 0);
        difference->limb[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    return number_trimmed(difference);
}

static number number_multiply(number a, number b) {
    number product = number_new(a->limbs + b->limbs);
    for (size_t i = 0; i < a->limbs; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; j < b->limbs; j++) {
            carry += (uint64_t)a->limb[i] * b->limb[j] + product->limb[i + j];
            product->limb[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        product->limb[i + b->limbs] = (uint32_t)carry;
    }
    return number_trimmed(product);
}

/* Leaves in `n` the remainder of n / divisor and returns the quotient. */
static number divide_by_limb(number n, uint32_t divisor) {
    number quotient = number_new(n->limbs);
    uint64_t rest = 0;
    for (size_t i = n->limbs; i-- > 0;) {
        rest = rest << 32 | n->limb[i];
        quotient->limb[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
        n->limb[i] = 0;
    }
    if (n->limbs > 0) n->limb[0] = (uint32_t)rest;
    return number_trimmed(quotient);
}

/* A copy with one limb more, shifted left by fewer than 32 bits. */
static number shifted_left(number n, int bits) {
    number copy = number_new(n->limbs + 1);
    for (size_t i = 0; i < n->limbs; i++) {
        uint64_t wide = (uint64_t)n->limb[i] << bits;
        copy->limb[i] |= (uint32_t)wide;
        copy->limb[i + 1] = (uint32_t)(wide >> 32);
    }
    return copy;
}

static void shift_right(number n, int bits) {
    for (size_t i = 0; i < n->limbs; i++) {
        uint64_t wide = n->limb[i];
        if (i + 1 < n->limbs) wide |= (uint64_t)n->limb[i + 1] << 32;
        n->limb[i] = (uint32_t)(wide >> bits);
    }
}

/* One step of long division: takes digit * divisor off the limbs of `rest` from
 * `at` upwards and returns the digit that left the least. */
static uint32_t divide_step(number rest, size_t at, number divisor) {
    size_t n = divisor->limbs;
    uint64_t top = (uint64_t)rest->limb[at + n] << 32 | rest->limb[at + n - 1];
    uint64_t digit = top / divisor->limb[n - 1];
    uint64_t over = top % divisor->limb[n - 1];
    while (digit >> 32 || digit * divisor->limb[n - 2] > (over << 32 | rest->limb[at + n - 2])) {
        digit--;
        over += divisor->limb[n - 1];
        if (over >> 32) break;
    }
    int64_t borrow = 0;
    uint64_t carry = 0;
    for (size_t i = 0; i <= n; i++) {
        carry += i < n ? digit * divisor->limb[i] : 0;
        borrow += (int64_t)rest->limb[at + i] - (uint32_t)carry;
        rest->limb[at + i] = (uint32_t)borrow;
        borrow >>= 32;
        carry >>= 32;
    }
    if (borrow == 0) return (uint32_t)digit;
    carry = 0;
    for (size_t i = 0; i <= n; i++) {
        carry += (uint64_t)rest->limb[at + i] + (i < n ? divisor->limb[i] : 0);
        rest->limb[at + i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)digit - 1;
}

/* The quotient of a / b, b not 0; *remainder becomes a new number. Long
 * division as Knuth's algorithm D has it. */
static number number_divide(number a, number b, number *remainder) {
    int bits = __builtin_clz(b->limb[b->limbs - 1]);
    number rest = shifted_left(a, b->limbs == 1 ? 0 : bits);
    number quotient;
    if (b->limbs == 1) {
        quotient = divide_by_limb(rest, b->limb[0]);
    } else if (a->limbs < b->limbs) {
        quotient = number_new(0);
        shift_right(rest, bits);
    } else {
        number divisor = number_trimmed(shifted_left(b, bits));
        quotient = number_new(a->limbs - b->limbs + 1);
        for (size_t i = quotient->limbs; i-- > 0;)
            quotient->limb[i] = divide_step(rest, i, divisor);
        shift_right(rest, bits);
        number_drop(divisor);
    }
    *remainder = number_trimmed(rest);
    return number_trimmed(quotient);
}

static number number_quotient(number a, number b) {
    number remainder, quotient = number_divide(a, b, &remainder);
    number_drop(remainder);
    return quotient;
}

static number number_remainder(number a, number b) {
    number remainder;
    number_drop(number_divide(a, b, &remainder));
    return remainder;
}

/* The largest number whose square is not above n, by Newton's iteration. */
static number number_root(number n) {
    number two = number_from(2), guess = number_share(n);
    for (;;) {
        number quotient = number_quotient(n, guess);
        number sum = number_add(guess, quotient);
        number next = number_quotient(sum, two);
        number_drop(quotient);
        number_drop(sum);
        if (number_compare(next, guess) >= 0) {
            number_drop(next);
            number_drop(two);
            return guess;
        }
        number_set(&guess, next);
    }
}

/* The expansion of the root of n. After each step
 * a**2 = (-1)**steps * q  (modulo n). */
struct expansion {
    number n, root;
    number p, q, q_before;  /* complete quotient: (root + p) / q            */
    number digit;           /* its whole part                               */
    number a, a_before;     /* numerators of the convergents, modulo n      */
};

static void expansion_begin(struct expansion *e, number n) {
    e->n = n;
    e->root = number_root(n);
    e->p = number_from(0);
    e->q = number_from(1);
    e->q_before = number_from(0);
    e->digit = number_share(e->root);
    e->a = number_from(1);
    e->a_before = number_from(0);
}

static void expansion_end(struct expansion *e) {
    number all[] = {e->n, e->root, e->p, e->q, e->q_before, e->digit, e->a, e->a_before};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) number_drop(all[i]);
}

static void expansion_step(struct expansion *e) {
    number product = number_multiply(e->digit, e->a);
    number sum = number_add(product, e->a_before);
    number_set(&e->a_before, e->a);
    e->a = number_remainder(sum, e->n);
    number_set(&product, number_multiply(e->digit, e->q));
    number_set(&e->p, number_subtract(product, e->p));
    number_set(&product, number_multiply(e->p, e->p));
    number_set(&product, number_subtract(e->n, product));
    number_set(&e->q_before, e->q);
    e->q = number_quotient(product, e->q_before);
    number_set(&sum, number_add(e->root, e->p));
    number_set(&e->digit, number_quotient(sum, e->q));
    number_drop(product);
    number_drop(sum);
}

/* What is left of q when the primes of the base have been taken out. */
static number without_small_primes(number q, number primes[], size_t count) {
    number left = number_share(q);
    for (size_t i = 0; i < count; i++)
        for (;;) {
            number remainder, quotient = number_divide(left, primes[i], &remainder);
            int divides = remainder->limbs == 0;
            number_drop(remainder);
            if (!divides) {
                number_drop(quotient);
                break;
            }
            number_set(&left, quotient);
        }
    return left;
}

/* Ends the program unless a**2 = (-1)**steps * q modulo n. */
static void expansion_check(const struct expansion *e, size_t steps) {
    number square = number_multiply(e->a, e->a);
    number left = number_remainder(square, e->n);
    number right = steps % 2 == 0 ? number_share(e->q) : number_subtract(e->n, e->q);
    if (number_compare(left, right) != 0)
        loop_fail("cfrac found a relation that does not hold: the heap is broken");
    number_drop(square);
    number_drop(left);
    number_drop(right);
}

enum { PRIMES = 6, KEPT = 1024 };

static size_t run_cfrac(size_t iterations, size_t parameter) {
    static const uint32_t small[PRIMES] = {2, 3, 5, 7, 11, 13};
    static const uint32_t target[5] = {0x5F3759DF, 0x0BB38435, 0x3619636B, 0x1B873593, 0x9};
    static number kept[KEPT];
    number primes[PRIMES], n = number_new(5);
    struct expansion e;
    (void)parameter;
    memcpy(n->limb, target, sizeof target);
    for (size_t i = 0; i < PRIMES; i++) primes[i] = number_from(small[i]);
    expansion_begin(&e, n);
    for (size_t step = 0; step < iterations; step++) {
        expansion_step(&e);
        number left = without_small_primes(e.q, primes, PRIMES);
        if (step % 64 == 0) { /* a few live long, as relations found do */
            if (kept[step / 64 % KEPT] != NULL) number_drop(kept[step / 64 % KEPT]);
            kept[step / 64 % KEPT] = number_share(left);
        }
        number_drop(left);
    }
    expansion_check(&e, iterations);
    expansion_end(&e);
    for (size_t i = 0; i < PRIMES; i++) number_drop(primes[i]);
    for (size_t i = 0; i < KEPT; i++) {
        if (kept[i] != NULL) number_drop(kept[i]);
        kept[i] = NULL;
    }
    return iterations;
}

const struct loop bignum_loops[] = {
    {"cfrac", 150000, 0, run_cfrac},
    {NULL, 0, 0, NULL},
};
