/* SDOT: aarch64 processors with the dot product extension (Cortex-A55 and A75 onwards). */
#include "../pack.h"

#if defined(__aarch64__) && !defined(EE_NO_HOST)
#include <arm_neon.h>

#define EE_ISA     "neon-dotprod"
#define EE_TARGET  __attribute__((target("arch=armv8.2-a+dotprod")))
#define EE_NAME(x) x##_dotprod

static inline __attribute__((always_inline)) EE_TARGET int32x4_t dot(int32x4_t acc, int8x16_t x, int8x16_t w)
{ return vdotq_s32(acc, x, w); }

#include "neon.h"
#include "../vector_kernels.h"
#endif
