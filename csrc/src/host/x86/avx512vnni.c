/* AVX-512 VNNI: 16 lanes, vpdpbusd. Four vectors are narrowed to 64 bytes at once. */
#include "../pack.h"

#if defined(__x86_64__) && !defined(EE_NO_HOST)
#include <immintrin.h>

#define EE_ISA     "avx512-vnni"
#define EE_TARGET  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vbmi,avx2,fma,bmi2")))
#define EE_NAME(x) x##_avx512vnni
#define EE_ORDER   EE_PACKED_WIDE
#define EE_WIDE
#define EE_DOUBLES 8
#define EE_NV      1u
#define EE_NB_MAX  6u
#define EE_MR_MAX  16u
typedef __m512i V, X, W, XT4;

#define EE_LOAD_V(p)      _mm512_loadu_si512(p)
#define EE_STORE_V(p, v)  _mm512_storeu_si512(p, v)
#define EE_ADD_V(a, b)    _mm512_add_epi32(a, b)
#define EE_ZERO_V()       _mm512_setzero_si512()
#define EE_LOAD_W(p)      _mm512_load_si512(p)
#define EE_BROADCAST4(p)  _mm512_set1_epi32(ee_load32(p))
#define EE_BROADCAST16(p) _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(p)))
#define EE_DOT(acc, x, w) dot(acc, x, w)
#define EE_STORE(y, b)    _mm_storeu_si128((__m128i *)(void *)(y), b)
#define EE_TRANSPOSE4(b)  _mm_shuffle_epi8(b, _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15))
#define EE_QUANTIZE(acc, scale, offset)   quantize(*(acc), scale, offset)
#define EE_STORE64(y, acc, scale, offset) _mm512_storeu_si512(y, quantize64(acc, scale, offset))
#define EE_STORE_ROWS(y, cout, blocks, acc, scale, offset) \
    store_rows(y, cout, blocks, in_rows(quantize_rows(acc, scale, (blocks) == 2 ? 16 : 0, offset)))
#define EE_GROUPED(layer, p, c, width, x, y, n) grouped_shared(layer, p, c, width, x, y, n)
#define EE_DEPTHWISE(layer, p, x, y, n)         depthwise_shared(layer, p, x, y, n)
#define EE_TARGET_INLINE                        static inline __attribute__((always_inline)) EE_TARGET
#define EE_TAPS4(p, stride, taps)               taps4(p, stride, taps)
#define EE_TAPS_PART(x, j)                      (x)

typedef __m512d D;
#define EE_D_SET(v)        _mm512_set1_pd(v)
#define EE_D_OF(p)         _mm512_cvtepi32_pd(_mm256_loadu_si256((const __m256i *)(const void *)(p)))
#define EE_D_STORE32(p, d) _mm256_storeu_si256((__m256i *)(void *)(p), _mm512_cvttpd_epi32(d))
#define EE_D_MIN(a, b)     _mm512_min_pd(a, b)
#define EE_D_MAX(a, b)     _mm512_max_pd(a, b)
#define EE_D_FLOOR(a)      _mm512_roundscale_pd(a, _MM_FROUND_TO_NEG_INF)
#define EE_D_FMA(a, b, c)  _mm512_fmadd_pd(a, b, c)

/* The intrinsic makes GCC 12 copy and spill half of the accumulators of a tile; tied operands leave it no choice. */
EE_TARGET_INLINE __m512i dot(__m512i acc, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
}

EE_TARGET_INLINE __m512i scaled(__m512i acc, __m512 scale, float offset)
{
    __m512 v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), scale, _mm512_set1_ps(offset));
    return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

EE_TARGET_INLINE __m512i rounded(__m512i acc, const float *scale, float offset)
{ return scaled(acc, _mm512_loadu_ps(scale), offset); }

EE_TARGET_INLINE __m128i quantize(__m512i acc, const float *scale, float offset)
{ return _mm512_cvtusepi32_epi8(_mm512_max_epi32(rounded(acc, scale, offset), _mm512_setzero_si512())); }

/* Four vectors of 16 to 64 bytes: quarter q of the result is quarter q of each vector in turn. */
EE_TARGET_INLINE __m512i narrow(__m512i a, __m512i b, __m512i c, __m512i d)
{ return _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)); }

EE_TARGET_INLINE __m512i quantize64(const __m512i *acc, const float *scale, float offset)
{
    return narrow(rounded(acc[0], scale, offset), rounded(acc[1], scale + 16, offset),
                  rounded(acc[2], scale + 32, offset), rounded(acc[3], scale + 48, offset));
}

/* The scales of the vectors 1 and 3 lie `apart` behind those of 0 and 2. */
EE_TARGET_INLINE __m512i quantize_rows(const __m512i *acc, const float *scale, uint32_t apart, float offset)
{
    return narrow(rounded(acc[0], scale, offset), rounded(acc[1], scale + apart, offset),
                  rounded(acc[2], scale, offset), rounded(acc[3], scale + apart, offset));
}

/* What narrow leaves in quarters, with the vectors one behind the other. */
EE_TARGET_INLINE __m512i in_rows(__m512i b)
{ return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), b); }

/* Four frames of 16 channels, or two of 32. */
EE_TARGET_INLINE void store_rows(uint8_t *y, size_t cout, uint32_t blocks, __m512i b)
{
    if (cout == 16 * blocks) {
        _mm512_storeu_si512(y, b);
    } else if (blocks == 2) {
        _mm256_storeu_si256((__m256i *)(void *)y, _mm512_castsi512_si256(b));
        _mm256_storeu_si256((__m256i *)(void *)(y + cout), _mm512_extracti64x4_epi64(b, 1));
    } else {
        _mm_storeu_si128((__m128i *)(void *)y, _mm512_castsi512_si128(b));
        _mm_storeu_si128((__m128i *)(void *)(y + cout), _mm512_extracti32x4_epi32(b, 1));
        _mm_storeu_si128((__m128i *)(void *)(y + 2 * cout), _mm512_extracti32x4_epi32(b, 2));
        _mm_storeu_si128((__m128i *)(void *)(y + 3 * cout), _mm512_extracti32x4_epi32(b, 3));
    }
}

/* The first `some` of such frames. */
EE_TARGET_INLINE void store_some(uint8_t *y, size_t cout, uint32_t width, uint32_t some, __m512i b)
{
    uint8_t bytes[64];
    _mm512_storeu_si512(bytes, b);
    for (uint32_t i = 0; i < some; i++) __builtin_memcpy(y + i * cout, bytes + i * width, width);
}

/* A constant of 64 bytes. */
#define EE_BYTES(name, expression)                                          \
    EE_TARGET_INLINE __m512i name(void)                                     \
    {                                                                       \
        uint8_t table[64];                                                  \
        for (uint32_t i = 0; i < 64; i++) table[i] = (uint8_t)(expression); \
        return _mm512_loadu_si512(table);                                   \
    }
#include "avx512_grouped.h"
#include "avx512_depthwise.h"

/* 64 sums: each is one product of two pairs of words. */
EE_TARGET_INLINE __m512i add64(__m512i a, __m512i b, __m512i m, __m512i offset)
{
    __m512i low = _mm512_unpacklo_epi8(a, b), high = _mm512_unpackhi_epi8(a, b), zero = _mm512_setzero_si512();
    __m512i v[4] = { _mm512_unpacklo_epi8(low, zero), _mm512_unpackhi_epi8(low, zero), _mm512_unpacklo_epi8(high, zero),
                     _mm512_unpackhi_epi8(high, zero) };
#pragma GCC unroll 4
    for (uint32_t i = 0; i < 4; i++) v[i] = _mm512_srai_epi32(_mm512_dpwssd_epi32(offset, v[i], m), EE_MULT_SHIFT);
    return narrow(v[0], v[1], v[2], v[3]);
}

static EE_TARGET void add_avx512vnni(const ee_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *y, uint32_t n)
{
    const __m512i m = _mm512_set1_epi32((int32_t)((uint32_t)layer->m_a | (uint32_t)layer->m_b << 16));
    const int32_t zero = (1 << (EE_MULT_SHIFT - 1)) - layer->zp_a * layer->m_a - layer->zp_b * layer->m_b +
                         layer->zp_out * (1 << EE_MULT_SHIFT);
    const __m512i offset = _mm512_set1_epi32(zero);
    uint32_t i = 0;
    for (; i + 64 <= n; i += 64)
        _mm512_storeu_si512(y + i, add64(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i), m, offset));
    const __mmask64 rest = ((__mmask64)1 << (n - i)) - 1;
    if (!rest) return;
    const __m512i sums = add64(_mm512_maskz_loadu_epi8(rest, a + i), _mm512_maskz_loadu_epi8(rest, b + i), m, offset);
    _mm512_mask_storeu_epi8(y + i, rest, sums);
}
#define EE_OWN_ADD

#include "avx512_front.h"
#define EE_OWN_BLOCKS
#include "transpose_taps.h"

EE_TARGET_INLINE __m512i taps4(const uint8_t *p, size_t stride, uint32_t taps)
{
    __m256i part[2];
    transpose_taps(p, stride, taps, part);
    return _mm512_inserti64x4(_mm512_castsi256_si512(part[0]), part[1], 1);
}

#include "../vector_kernels.h"
#endif
