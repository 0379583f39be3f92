/* Integer arithmetic: limits, rounding half up, quotients. docs/numerics.md has the ranges. */
#ifndef EE_ARITHMETIC_H
#define EE_ARITHMETIC_H

#include "platform.h"

static inline uint32_t ee_min(uint32_t a, uint32_t b) { return a < b ? a : b; }
static inline uint32_t ee_max(uint32_t a, uint32_t b) { return a > b ? a : b; }
static inline int32_t ee_clamp(int32_t v, int32_t lo, int32_t hi) { return v < lo ? lo : v > hi ? hi : v; }

/* rnd(v, shift) of docs/numerics.md. */
static inline int64_t ee_rnd(int64_t v, int shift) { return (v + ((int64_t)1 << (shift - 1))) >> shift; }

/* rnd(acc * m, shift). A multiplier below 2^13 keeps the product below 2^44, and the result fits int32. */
static inline int32_t ee_rescale(int32_t acc, int32_t m, int shift) { return (int32_t)ee_rnd((int64_t)acc * m, shift); }

/* (n << shift) / d, where the quotient fits 32 bits and d < 2^26. A device divides six bits at a time: a division of 64
 * bits is a long call there. */
static inline uint32_t ee_quotient(uint32_t n, uint32_t shift, uint32_t d)
{
#ifdef EE_NO_HOST
    uint32_t q = n / d, rest = n % d;
    for (uint32_t bits; shift; shift -= bits) {
        bits = shift < 6 ? shift : 6;
        rest <<= bits;
        q = q << bits | rest / d;
        rest %= d;
    }
    return q;
#else
    return (uint32_t)(((uint64_t)n << shift) / d);
#endif
}

/* Scaling multiplies a sample by r, shifts the product by 20 and limits it to a byte. A sample above this limit
 * saturates (limit * r >= 2^28), and a sample below it keeps the product in int32 (limit * r <= 2^30). A host takes a
 * power of two, which needs no division; the gain of the plain front end may reach 2^30. */
static inline int32_t ee_saturation_limit(int32_t r)
{
#ifdef EE_NO_HOST
    return ((int32_t)1 << 28) / r + 1;
#else
    return (int32_t)1 << (r >> 28 ? 0 : __builtin_clz((uint32_t)r | 1u) - 3);
#endif
}

#endif
