/* Loops over the user's samples in a row: to canonical ones (docs/numerics.md section 1), and their extremes. Included
 * by kernel_loops.h, for each instruction set of a host. */
#include "integer_samples.h"

/* Floats in a row to canonical samples; returns 1 when one is not finite (it becomes EE_MISSING). The size is limited
 * and rounded, the sign comes back after it: compilers make masks of two limits and two ways of rounding. */
#define EE_READ(type, bits, name)                                                                           \
    static EE_TARGET uint32_t EE_NAME(name)(const type *x, double scale, uint32_t n, int32_t *restrict out) \
    {                                                                                                       \
        uint32_t missing = 0;                                                                               \
        for (uint32_t i = 0; i < n; i++) {                                                                  \
            bits b;                                                                                         \
            missing |= !(x[i] - x[i] == 0);                                                                 \
            __builtin_memcpy(&b, x + i, sizeof b);                                                          \
            const int32_t sign = (int32_t)(b >> (8 * sizeof b - 1));                                        \
            double size = __builtin_fabs((double)x[i] * scale);                                             \
            size = size < EE_X_MAX ? size : EE_X_MAX; /* of NaN too */                                      \
            out[i] = ((int32_t)(size + 0.5) ^ sign) - sign;                                                 \
        }                                                                                                   \
        for (uint32_t i = 0; missing && i < n; i++)                                                         \
            if (!(x[i] - x[i] == 0)) out[i] = EE_MISSING;                                                   \
        return missing;                                                                                     \
    }
EE_READ(float, int32_t, read_f32)
EE_READ(double, int64_t, read_f64)
#undef EE_READ

static EE_TARGET void EE_NAME(gain_i16)(const int16_t *x, int32_t mult, int32_t shift, uint32_t n,
                                        int32_t *restrict out)
{ ee_gain_i16(x, sizeof *x, mult, shift, n, out); }

static EE_TARGET uint32_t EE_NAME(gain_i32)(const int32_t *x, int32_t mult, int32_t shift, uint32_t n,
                                            int32_t *restrict out)
{ return ee_gain_i32(x, sizeof *x, mult, shift, n, out); }

/* Lowest and highest of n >= 1 floats, as integers of the same order: infinities and NaN are at its ends. */
#define EE_EXTREMES(type, bits, mask, name)                                                   \
    static EE_TARGET void EE_NAME(name)(const type *x, size_t n, type *lowest, type *highest) \
    {                                                                                         \
        bits v, lo, hi;                                                                       \
        __builtin_memcpy(&v, x, sizeof v);                                                    \
        lo = hi = v ^ ((v >> (8 * sizeof v - 1)) & mask);                                     \
        for (size_t i = 0; i < n; i++) {                                                      \
            __builtin_memcpy(&v, x + i, sizeof v);                                            \
            v ^= (v >> (8 * sizeof v - 1)) & mask;                                            \
            lo = v < lo ? v : lo;                                                             \
            hi = v > hi ? v : hi;                                                             \
        }                                                                                     \
        lo ^= (lo >> (8 * sizeof v - 1)) & mask;                                              \
        hi ^= (hi >> (8 * sizeof v - 1)) & mask;                                              \
        __builtin_memcpy(lowest, &lo, sizeof lo);                                             \
        __builtin_memcpy(highest, &hi, sizeof hi);                                            \
    }
EE_EXTREMES(float, int32_t, INT32_MAX, extremes_f32)
EE_EXTREMES(double, int64_t, INT64_MAX, extremes_f64)
#undef EE_EXTREMES

/* The same of integers. */
#define EE_EXTREMES(type, name)                                                               \
    static EE_TARGET void EE_NAME(name)(const type *x, size_t n, type *lowest, type *highest) \
    {                                                                                         \
        type lo = *x, hi = *x;                                                                \
        for (size_t i = 0; i < n; i++) {                                                      \
            lo = x[i] < lo ? x[i] : lo;                                                       \
            hi = x[i] > hi ? x[i] : hi;                                                       \
        }                                                                                     \
        *lowest = lo;                                                                         \
        *highest = hi;                                                                        \
    }
EE_EXTREMES(int16_t, extremes_i16)
EE_EXTREMES(int32_t, extremes_i32)
#undef EE_EXTREMES
