/* What the two 256-bit instruction sets share: 8 lanes, two vectors for 16 channels. */
#include <immintrin.h>

#define EE_DOUBLES 4
#define EE_NV      2u
#define EE_NB_MAX  1u
typedef __m256i V;
typedef struct XT4 {
    X part[2];
} XT4;

#define EE_LOAD_V(p)      _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define EE_STORE_V(p, v)  _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define EE_ADD_V(a, b)    _mm256_add_epi32(a, b)
#define EE_ZERO_V()       _mm256_setzero_si256()
#define EE_LOAD_W(p)      prepare_w(_mm256_load_si256((const __m256i *)(const void *)(p)))
#define EE_BROADCAST4(p)  prepare_x(_mm256_set1_epi32(ee_load32(p)))
#define EE_BROADCAST16(p) prepare_x(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(p))))
#define EE_STORE(y, b)    _mm_storeu_si128((__m128i *)(void *)(y), b)
#define EE_TRANSPOSE4(b)  _mm_shuffle_epi8(b, _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15))
#define EE_QUANTIZE(acc, scale, offset) quantize(acc, scale, offset)
#define EE_TAPS4(p, stride, taps)       taps4(p, stride, taps)
#define EE_TAPS_PART(x, j)              ((x).part[j])

typedef __m256d D;
#define EE_D_SET(v)        _mm256_set1_pd(v)
#define EE_D_OF(p)         _mm256_cvtepi32_pd(_mm_loadu_si128((const __m128i *)(const void *)(p)))
#define EE_D_STORE32(p, d) _mm_storeu_si128((__m128i *)(void *)(p), _mm256_cvttpd_epi32(d))
#define EE_D_MIN(a, b)     _mm256_min_pd(a, b)
#define EE_D_MAX(a, b)     _mm256_max_pd(a, b)
#define EE_D_FLOOR(a)      _mm256_floor_pd(a)
#define EE_D_FMA(a, b, c)  _mm256_fmadd_pd(a, b, c)

static inline __attribute__((always_inline)) EE_TARGET __m256i quantize8(__m256i acc, const float *scale, float offset)
{
    __m256 v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(scale), _mm256_set1_ps(offset));
    return _mm256_cvtps_epi32(_mm256_floor_ps(v));
}

static inline __attribute__((always_inline)) EE_TARGET __m128i quantize(const __m256i *acc, const float *scale,
                                                                        float offset)
{
    __m256i a = quantize8(acc[0], scale, offset), b = quantize8(acc[1], scale + 8, offset);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

#include "transpose_taps.h"

static inline __attribute__((always_inline)) EE_TARGET XT4 taps4(const uint8_t *p, size_t stride, uint32_t taps)
{
    __m256i part[2];
    transpose_taps(p, stride, taps, part);
    XT4 x = { { prepare_x(part[0]), prepare_x(part[1]) } };
    return x;
}
