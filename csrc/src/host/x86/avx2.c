/* AVX2: products in 16 bits and sums in 32, since vpmaddubsw would saturate. */
#include "../pack.h"

#if defined(__x86_64__) && !defined(EE_NO_HOST)
#include <immintrin.h>

#define EE_ISA     "avx2"
#define EE_TARGET  __attribute__((target("avx2,fma")))
#define EE_NAME(x) x##_avx2
#define EE_ORDER   EE_PACKED
#define EE_MR_MAX  4u
/* Bytes 0, 2 and 1, 3 of each lane, in 16 bits. */
typedef struct pair {
    __m256i even, odd;
} pair;
typedef pair X, W;

static inline __attribute__((always_inline)) EE_TARGET pair prepare_x(__m256i x)
{
    pair p = { _mm256_and_si256(x, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(x, 8) };
    return p;
}
static inline __attribute__((always_inline)) EE_TARGET pair prepare_w(__m256i w)
{
    pair p = { _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8) };
    return p;
}
static inline __attribute__((always_inline)) EE_TARGET __m256i dot(__m256i acc, pair x, pair w)
{ return _mm256_add_epi32(acc, _mm256_add_epi32(_mm256_madd_epi16(x.even, w.even), _mm256_madd_epi16(x.odd, w.odd))); }
#define EE_DOT(acc, x, w) dot(acc, x, w)

#include "ymm.h"
#include "../vector_kernels.h"
#endif
