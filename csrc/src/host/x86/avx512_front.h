/* The front end's loops over blocks of 32 samples for AVX-512: docs/numerics.md sections 2 and 5. core/kernel_loops.h
 * has them for any instruction set and says what they do. Included by avx512vnni.c alone. */

/* The highest and the lowest number of two vectors at once: the order of ~x is the other way round. */
EE_TARGET_INLINE void extremes(__m512i a, __m512i b, int32_t *hi, int32_t *lo)
{
    const __m512i high = _mm512_max_epi32(a, b), low = _mm512_min_epi32(a, b);
    const __m512i upside_down = _mm512_ternarylogic_epi32(low, low, low, 0x55);
    __m512i v =
        _mm512_max_epi32(_mm512_shuffle_i64x2(high, upside_down, 0x44), _mm512_shuffle_i64x2(high, upside_down, 0xEE));
    v = _mm512_max_epi32(v, _mm512_shuffle_i64x2(v, v, 0xB1));
    v = _mm512_max_epi32(v, _mm512_shuffle_epi32(v, (_MM_PERM_ENUM)0x4E));
    v = _mm512_max_epi32(v, _mm512_shuffle_epi32(v, (_MM_PERM_ENUM)0xB1));
    *hi = _mm_cvtsi128_si32(_mm512_castsi512_si128(v));
    *lo = ~_mm_cvtsi128_si32(_mm512_extracti32x4_epi32(v, 2));
}

EE_TARGET_INLINE __m512i limited(__m512i v, int32_t limit)
{ return _mm512_max_epi32(_mm512_min_epi32(v, _mm512_set1_epi32(limit)), _mm512_set1_epi32(-limit)); }

/* Prefix sums instead of one sum after the other. Where a sample lies further than flat_max from the first, the block
 * is not flat. */
static EE_TARGET void EE_NAME(detrend_blocks)(const int32_t *x, const ee_front *front, int32_t *sum, uint32_t blocks,
                                              int16_t *z, uint32_t *sums, ee_block_stats *stats)
{
    const uint32_t half = front->baseline / 2u, log2_width = front->log2_baseline;
    const __m512i zero = _mm512_setzero_si512(), last = _mm512_set1_epi32(15),
                  flat_max = _mm512_set1_epi32(front->flat_max);
    const __m128i width = _mm_cvtsi32_si128((int)log2_width), shift = _mm_cvtsi32_si128((int)log2_width + 2);
    const __m512i half_unit = _mm512_set1_epi32((int32_t)1 << (log2_width + 1));
    __m512i running = _mm512_set1_epi32(*sum), values[2];
    for (uint32_t b = 0; b < blocks; b++, x += EE_BLOCK, z += EE_BLOCK) {
        const __m512i first = _mm512_set1_epi32(*x);
        __m512i total = zero;
        __mmask16 far = 0;
#pragma GCC unroll 2
        for (uint32_t i = 0; i < 2; i++) {
            __m512i leaving = _mm512_loadu_si512(x - half + 16 * i);
            __m512i p = _mm512_sub_epi32(_mm512_loadu_si512(x + half - 1 + 16 * i), leaving);
            p = _mm512_add_epi32(p, _mm512_alignr_epi32(p, zero, 15));
            p = _mm512_add_epi32(p, _mm512_alignr_epi32(p, zero, 14));
            p = _mm512_add_epi32(p, _mm512_alignr_epi32(p, zero, 12));
            p = _mm512_add_epi32(p, _mm512_alignr_epi32(p, zero, 8));
            values[i] = _mm512_loadu_si512(x + 16 * i);
            far |= _mm512_cmpgt_epi32_mask(_mm512_abs_epi32(_mm512_sub_epi32(values[i], first)), flat_max);
            __m512i window = _mm512_add_epi32(_mm512_add_epi32(p, leaving), running);
            __m512i v = _mm512_sub_epi32(_mm512_add_epi32(_mm512_sll_epi32(values[i], width), half_unit), window);
            v = limited(_mm512_sra_epi32(v, shift), 32767);
            _mm256_storeu_si256((__m256i *)(void *)(z + 16 * i), _mm512_cvtepi32_epi16(v));
            total = _mm512_add_epi32(total, _mm512_abs_epi32(v));
            running = _mm512_add_epi32(running, _mm512_permutexvar_epi32(last, p));
        }
        sums[b] = EE_BLOCK << 24 | (uint32_t)_mm512_reduce_add_epi32(total);
        stats[b].flat = 0;
        if (!far) {
            int32_t hi, lo;
            extremes(values[0], values[1], &hi, &lo);
            stats[b].flat = hi - lo <= (int32_t)front->flat_max;
        }
    }
    *sum = _mm_cvtsi128_si32(_mm512_castsi512_si128(running));
}

EE_TARGET_INLINE uint32_t count(__mmask16 mask) { return (uint32_t)__builtin_popcount(mask); }

/* Three equal samples in a row are rare: only then are they compared with the extremes. */
static EE_TARGET void EE_NAME(rails_blocks)(const int32_t *x, uint32_t blocks, ee_block_stats *stats)
{
    for (uint32_t b = 0; b < blocks; b++, x += EE_BLOCK) {
        const __m512i v[2] = { _mm512_loadu_si512(x), _mm512_loadu_si512(x + 16) };
        ee_block_stats one = { 0, 0, 0, 0, 0, 0, 0 };
        __mmask16 third[2];
        extremes(v[0], v[1], &one.hi, &one.lo);
        for (uint32_t i = 0; i < 2; i++) {
            third[i] = _mm512_cmpeq_epi32_mask(v[i], _mm512_loadu_si512(x + 16 * i - 1));
            third[i] = _mm512_mask_cmpeq_epi32_mask(third[i], v[i], _mm512_loadu_si512(x + 16 * i - 2));
        }
        if (third[0] | third[1]) {
            const __m512i hi = _mm512_set1_epi32(one.hi), lo = _mm512_set1_epi32(one.lo);
            for (uint32_t i = 0; i < 2; i++) {
                one.hi_count = (uint16_t)(one.hi_count + count(_mm512_mask_cmpeq_epi32_mask(third[i], v[i], hi)));
                one.lo_count = (uint16_t)(one.lo_count + count(_mm512_mask_cmpeq_epi32_mask(third[i], v[i], lo)));
            }
        }
        stats[b] = one;
    }
}

/* From two vectors of samples that do not overflow in their product with r. One store for the block: whoever reads it
 * again loads 32 bytes, and that load would wait for two shorter stores. */
EE_TARGET_INLINE void scale_samples(__m512i a, __m512i b, int32_t r, uint8_t *y)
{
    const __m512i gain = _mm512_set1_epi32(r), half = _mm512_set1_epi32(1 << 19);
    a = _mm512_add_epi32(_mm512_mullo_epi32(limited(a, ee_saturation_limit(r)), gain), half);
    b = _mm512_add_epi32(_mm512_mullo_epi32(limited(b, ee_saturation_limit(r)), gain), half);
    const __m128i low = _mm512_cvtsepi32_epi8(_mm512_srai_epi32(a, 20)),
                  high = _mm512_cvtsepi32_epi8(_mm512_srai_epi32(b, 20));
    _mm256_storeu_si256((__m256i *)(void *)y,
                        _mm256_xor_si256(_mm256_set_m128i(high, low), _mm256_set1_epi8((char)-128)));
}

static EE_TARGET void EE_NAME(scale_blocks)(const int16_t *z, const int32_t *r, uint32_t blocks, uint8_t *y)
{
    for (uint32_t b = 0; b < blocks; b++, z += EE_BLOCK, y += EE_BLOCK) {
        const __m512i words = _mm512_loadu_si512(z);
        scale_samples(_mm512_cvtepi16_epi32(_mm512_castsi512_si256(words)),
                      _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(words, 1)), r[b], y);
    }
}

EE_TARGET_INLINE void scale_plain_block(const int32_t *x, int32_t r, uint8_t *y)
{ scale_samples(_mm512_loadu_si512(x), _mm512_loadu_si512(x + 16), r, y); }

static EE_TARGET void EE_NAME(roughness_blocks)(const uint8_t *y, uint32_t blocks, ee_block_stats *stats)
{
    for (uint32_t i = 0; i < blocks; i++, y += EE_BLOCK) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)y);
        const __m256i b = _mm256_alignr_epi8(_mm256_permute2x128_si256(a, a, 0x81), a, 1);
        __m256i step = _mm256_maskz_sub_epi8(0x7FFFFFFF, _mm256_max_epu8(a, b), _mm256_min_epu8(a, b));
        step = _mm256_sad_epu8(_mm256_min_epu8(step, _mm256_set1_epi8(EE_STEP_LIMIT)), _mm256_setzero_si256());
        const __m128i sum = _mm_add_epi64(_mm256_castsi256_si128(step), _mm256_extracti128_si256(step, 1));
        stats[i].rough = (uint16_t)_mm_cvtsi128_si32(_mm_add_epi64(sum, _mm_unpackhi_epi64(sum, sum)));
    }
}

/* Taps in pairs for vpdpwssd, without the zeros behind the last of them. A table that is not stretched has multiples of
 * 32 alone: where each is 32 words of 16 bits, those are `high`; else they are in two parts, 256 high + low. */
typedef struct pairs {
    uint32_t n, whole, high[EE_MAX_CACHED_TAPS / 2], low[EE_MAX_CACHED_TAPS / 2];
} pairs;

/* Returns 0 for taps that sums of 32 bits do not hold. Their sum is 1: the resampler sees to it. */
EE_TARGET_INLINE int pair_taps(const double *tap, uint32_t taps, pairs *pair)
{
    uint64_t size = 0;
    int32_t whole[EE_MAX_CACHED_TAPS], most = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < taps; i++) whole[i] = (int32_t)tap[i];
    for (uint32_t i = 0; i < taps; i++) {
        const int32_t positive = whole[i] < 0 ? -whole[i] : whole[i];
        size += (uint32_t)positive;
        most = positive > most ? positive : most;
    }
    for (uint32_t i = 0; i < taps; i++) n = whole[i] ? i + 1 : n;
    pair->n = (n + 7) / 8 * 4;
    pair->whole = most < 32 << 15 && size < (1u << 21) - 16;
    for (uint32_t i = 0; i < pair->n; i++) {
        const int32_t a = whole[2 * i], b = whole[2 * i + 1], shift = pair->whole ? 5 : 8;
        pair->high[i] = ((uint32_t)(a >> shift) & 0xFFFFu) | (uint32_t)(b >> shift) << 16;
        pair->low[i] = ((uint32_t)a & 0xFFu) | ((uint32_t)b & 0xFFu) << 16;
    }
    return size < 1u << 23;
}

EE_TARGET_INLINE __m512i dot_words(__m512i acc, __m512i x, __m512i w)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
}

#define EE_RUN_BLOCKS 16u /* outputs of so many blocks are made of one copy of their samples */

/* words[i]: samples i and i + 1 of n, without their level. Returns 0 where some do not fit 16 bits. */
EE_TARGET_INLINE int pair_samples(const int32_t *x, uint32_t n, int32_t level, uint32_t *words)
{
    const __m512i middle = _mm512_set1_epi32(level), most = _mm512_set1_epi32(65535), up = _mm512_set1_epi32(32768);
    __mmask16 wide = 0;
    for (uint32_t i = 0; i < n; i += 16) {
        const uint32_t there = n - i >= 16 ? 0xFFFFu : (1u << (n - i)) - 1;
        /* No output asks for what is behind the last sample. */
        const __mmask16 next = (__mmask16)(n - i > 16 ? 0xFFFFu : there >> 1);
        const __m512i a = _mm512_sub_epi32(_mm512_mask_loadu_epi32(middle, (__mmask16)there, x + i), middle);
        const __m512i b = _mm512_sub_epi32(_mm512_mask_loadu_epi32(middle, next, x + i + 1), middle);
        wide |= _mm512_cmpgt_epu32_mask(_mm512_add_epi32(a, up), most);
        _mm512_store_si512(words + i, _mm512_mask_blend_epi16(0xAAAAAAAA, a, _mm512_slli_epi32(b, 16)));
    }
    return !wide;
}

/* Pair first + K: how far words are shifted has to be a constant wherever this is compiled. */
#define EE_PAIR(K)                                                                        \
    {                                                                                     \
        const __m512i h = _mm512_set1_epi32((int32_t)pair->high[first + (K)]),            \
                      l = _mm512_set1_epi32((int32_t)pair->low[first + (K)]);             \
        for (uint32_t j = 0; j < NV; j++) {                                               \
            const __m512i input = _mm512_alignr_epi32(in[j + 1], in[j], 2 * (K));         \
            if (!WHOLE || (K) % 2) high[j] = dot_words(high[j], input, h);                \
            if (!WHOLE || (K) % 2 == 0) low[j] = dot_words(low[j], input, WHOLE ? h : l); \
        }                                                                                 \
    }

/* 16 NV outputs. A sum of taps of 1 lets samples be taken from any level: in most recordings the rest fits 16 bits.
 * With sums H and L below 2^31, rnd(256 H + L, 20) = (H + 2^11 + (L >> 8)) >> 12; of whole taps, rnd(32 (H + L), 20) =
 * (H + L + 2^14) >> 15, two chains of sums. Words two further on come from registers: most loads of them would cross
 * cache lines. */
EE_TARGET_INLINE void fir_words(uint32_t NV, uint32_t WHOLE, const pairs *pair, const uint32_t *words, int32_t level,
                                int32_t *out)
{
    const __m512i middle = _mm512_set1_epi32(level);
    __m512i high[4], low[4], in[5];
#pragma GCC unroll 4
    for (uint32_t j = 0; j < NV; j++)
        high[j] = _mm512_set1_epi32(WHOLE ? 1 << 14 : 1 << 11), low[j] = _mm512_setzero_si512();
#pragma GCC unroll 5
    for (uint32_t j = 0; j <= NV; j++) in[j] = _mm512_load_si512(words + 16 * j);
    for (uint32_t first = 0; first < pair->n; first += 8, words += 16) {
        const uint32_t left = pair->n - first; /* a multiple of 4 */
        EE_PAIR(0)
        EE_PAIR(1)
        EE_PAIR(2)
        EE_PAIR(3)
        if (left == 4) break;
        EE_PAIR(4)
        EE_PAIR(5)
        EE_PAIR(6)
        EE_PAIR(7)
#pragma GCC unroll 4
        for (uint32_t j = 0; j < NV; j++) in[j] = in[j + 1];
        in[NV] = _mm512_load_si512(words + 16 * (NV + 1));
    }
#pragma GCC unroll 4
    for (uint32_t j = 0; j < NV; j++) {
        __m512i v = _mm512_add_epi32(high[j], WHOLE ? low[j] : _mm512_srai_epi32(low[j], 8));
        v = _mm512_add_epi32(WHOLE ? _mm512_srai_epi32(v, 15) : _mm512_srai_epi32(v, 12), middle);
        _mm512_storeu_si512(out + 16 * j, limited(v, EE_X_MAX));
    }
}

typedef void fir_32(const double *tap, uint32_t taps, const int32_t *x, int32_t *out);

/* any: one block of outputs in binary64. */
EE_TARGET_INLINE void fir_by_words(const double *tap, uint32_t taps, const int32_t *x, int32_t *out, uint32_t blocks,
                                   fir_32 *any)
{
    /* Loads run ahead of what is used. */
    uint32_t words[EE_RUN_BLOCKS * EE_BLOCK + EE_MAX_CACHED_TAPS + 40] __attribute__((aligned(64)));
    pairs pair;
    const int fits = pair_taps(tap, taps, &pair);
    for (uint32_t some; blocks; blocks -= some, x += some * EE_BLOCK, out += some * EE_BLOCK) {
        some = ee_min(blocks, EE_RUN_BLOCKS);
        uint32_t b = 0;
        if (!fits || !pair_samples(x, some * EE_BLOCK + 2 * pair.n, *x, words)) {
            for (; b < some; b++) any(tap, taps, x + b * EE_BLOCK, out + b * EE_BLOCK);
        }
        for (; b + 2 <= some; b += 2) {
            if (pair.whole) fir_words(4, 1, &pair, words + b * EE_BLOCK, *x, out + b * EE_BLOCK);
            else fir_words(4, 0, &pair, words + b * EE_BLOCK, *x, out + b * EE_BLOCK);
        }
        if (b < some && pair.whole) fir_words(2, 1, &pair, words + b * EE_BLOCK, *x, out + b * EE_BLOCK);
        else if (b < some) fir_words(2, 0, &pair, words + b * EE_BLOCK, *x, out + b * EE_BLOCK);
    }
}
