/* AVX-VNNI: 8 lanes, vpdpbusd in its VEX form. */
#include "../pack.h"

#if defined(__x86_64__) && !defined(EE_NO_HOST)
#include <immintrin.h>

#define EE_ISA     "avx-vnni"
#define EE_TARGET  __attribute__((target("avx2,fma,avxvnni")))
#define EE_NAME(x) x##_avxvnni
#define EE_ORDER   EE_PACKED
#define EE_MR_MAX  6u
typedef __m256i X, W;
#define prepare_x(x)      (x)
#define prepare_w(w)      (w)
#define EE_DOT(acc, x, w) _mm256_dpbusd_avx_epi32(acc, x, w)

#include "ymm.h"
#include "../vector_kernels.h"
#endif
