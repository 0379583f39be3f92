/* AVX-512 VNNI: 16 lanes, vpdpbusd. */
#include "../pack.h"

#if defined(__x86_64__) && !defined(EE_NO_HOST) && defined(__GNUC__)
#include <immintrin.h>

#define EE_ISA "avx512-vnni"
#define EE_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vbmi,avx2,fma,bmi2")))
#define EE_NAME(x) x##_avx512vnni
#define EE_ORDER EE_PACKED_WIDE
#define EE_WIDE
#define EE_NV 1u
#define EE_NB_MAX 6u
#define EE_MR_MAX 16u
typedef __m512i V, X, W, XT4;

#define EE_LOAD_V(p) _mm512_loadu_si512(p)
#define EE_STORE_V(p, v) _mm512_storeu_si512(p, v)
#define EE_ADD_V(a, b) _mm512_add_epi32(a, b)
#define EE_ZERO_V() _mm512_setzero_si512()
#define EE_LOAD_W(p) _mm512_load_si512(p)
#define EE_BROADCAST4(p) _mm512_set1_epi32(ee_load32(p))
#define EE_BROADCAST16(p) _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(p)))
#define EE_DOT(acc, x, w) dot(acc, x, w)
#define EE_STORE(y, b) _mm_storeu_si128((__m128i *)(void *)(y), b)
#define EE_TRANSPOSE4(b) _mm_shuffle_epi8(b, _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15))
#define EE_QUANTISE(acc, scale, offset) quantise(*(acc), scale, offset)
#define EE_STORE64(y, acc, scale, offset) _mm512_storeu_si512(y, quantise64(acc, scale, offset))
#define EE_STORE64_GROUPED(y, acc, scale, offset) _mm512_storeu_si512(y, interleave4(quantise64(acc, scale, offset)))
#define EE_TAPS4(p, stride, taps) taps4(p, stride, taps)
#define EE_TAPS_PART(x, j) (x)

/* The intrinsic makes GCC 12 copy and spill half of the accumulators of a tile; tied operands leave it no choice. */
static inline __attribute__((always_inline)) EE_TARGET __m512i dot(__m512i acc, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
}

static inline __attribute__((always_inline)) EE_TARGET __m512i rounded(__m512i acc, const float *scale, float offset)
{
    __m512 v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(scale), _mm512_set1_ps(offset));
    return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static inline __attribute__((always_inline)) EE_TARGET __m128i quantise(__m512i acc, const float *scale, float offset)
{
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(rounded(acc, scale, offset), _mm512_setzero_si512()));
}

/* Four vectors of 16 to 64 bytes: quarter q of the result is quarter q of each vector in turn. */
static inline __attribute__((always_inline)) EE_TARGET __m512i quantise64(const __m512i *acc, const float *scale, float offset)
{
    __m512i a = rounded(acc[0], scale, offset), b = rounded(acc[1], scale + 16, offset);
    __m512i c = rounded(acc[2], scale + 32, offset), d = rounded(acc[3], scale + 48, offset);
    return _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
}

static inline __attribute__((always_inline)) EE_TARGET __m512i interleave4(__m512i b)
{
    return _mm512_shuffle_epi8(b, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
}

#include "taps4.h"

static inline __attribute__((always_inline)) EE_TARGET __m512i taps4(const uint8_t *p, size_t stride, uint32_t taps)
{
    __m256i part[2];
    transpose_taps(p, stride, taps, part);
    return _mm512_inserti64x4(_mm512_castsi256_si512(part[0]), part[1], 1);
}

#include "../vector_body.h"
#endif
