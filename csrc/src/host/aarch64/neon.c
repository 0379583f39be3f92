/* NEON: every aarch64 processor. Products take 16 bits and sums of pairs 32: -128 * -128 twice would not fit 16. */
#include "../pack.h"

#if defined(__aarch64__) && !defined(EE_NO_HOST)
#include <arm_neon.h>

#define EE_ISA "neon"
#define EE_TARGET
#define EE_NAME(x) x##_neon

static inline __attribute__((always_inline)) int32x4_t dot(int32x4_t acc, int8x16_t x, int8x16_t w)
{
    int32x4_t lo = vpaddlq_s16(vmull_s8(vget_low_s8(x), vget_low_s8(w))), hi = vpaddlq_s16(vmull_high_s8(x, w));
    return vaddq_s32(acc, vpaddq_s32(lo, hi));
}

#include "neon.h"
#include "../vector_kernels.h"
#endif
