/* From integers of an ADC to canonical samples: docs/numerics.md section 1. Inlined where the stride is known and where
 * it is not: kernel_loops.h, sample_readers.h. */
#ifndef EE_INTEGER_SAMPLES_H
#define EE_INTEGER_SAMPLES_H

#include "arithmetic.h"
#include "constants.h"

/* n samples from `at` on, `stride` bytes apart; mult is 0 where there is no gain. */
EE_ALWAYS_INLINE void ee_gain_i16(const void *samples, ptrdiff_t stride, int32_t mult, int32_t shift, uint32_t n,
                                  int32_t *restrict out)
{
    const uint8_t *at = (const uint8_t *)samples;
    /* x * mult fits int32, and rnd(v, s) = ((v >> (s - 1)) + 1) >> 1; from s = 32 on it is 0. */
    if (mult && shift > 0) {
        const int32_t most = shift < 32 ? EE_X_MAX : 0, down = (shift - 1) & 31;
        for (uint32_t i = 0; i < n; i++, at += stride)
            out[i] = ee_clamp(((*(const int16_t *)(const void *)at * mult >> down) + 1) >> 1, -most, most);
        return;
    }
    /* No gain, or a whole one: what is above this limit is above EE_X_MAX behind the gain. */
    const int32_t up = mult ? -shift : 0, most = EE_X_MAX >> up;
    for (uint32_t i = 0; i < n; i++, at += stride) {
        int32_t x = *(const int16_t *)(const void *)at * (mult ? mult : 1);
        out[i] = x > most ? EE_X_MAX : x < -most ? -EE_X_MAX : x * (1 << up);
    }
}

/* The same; returns 1 when a sample is missing. */
EE_ALWAYS_INLINE uint32_t ee_gain_i32(const void *samples, ptrdiff_t stride, int32_t mult, int32_t shift, uint32_t n,
                                      int32_t *restrict out)
{
    const uint8_t *at = (const uint8_t *)samples;
    const int32_t down = mult && shift > 0 ? shift : 0;
    const int64_t factor = mult ? (int64_t)mult << (shift < 0 ? -shift : 0) : 1,
                  half = down ? (int64_t)1 << (down - 1) : 0;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < n; i++, at += stride) {
        const int32_t x = *(const int32_t *)(const void *)at;
        int64_t v = (x * factor + half) >> down;
        v = v < -EE_X_MAX ? -EE_X_MAX : v > EE_X_MAX ? EE_X_MAX : v;
        missing |= x == EE_MISSING;
        out[i] = x == EE_MISSING ? EE_MISSING : (int32_t)v;
    }
    return missing;
}

#endif
