/* AVX-512 VNNI: 16 lanes, vpdpbusd. */
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
EE_BYTES(order_grouped, 16 * (i % 4) + 4 * (i / 16) + i / 4 % 4) /* lane 4 j + g of frame f */
EE_BYTES(order_taps, 16 * (i % 4) + i / 4)                       /* four rows of 16 bytes, transposed */
EE_BYTES(order_taps_low, 32 * (i % 4) + i / 4)                   /* of four rows of 32 bytes the first halves, */
EE_BYTES(order_taps_high, 32 * (i % 4) + 16 + i / 4)             /* and the second ones */

EE_TARGET_INLINE __m512i interleave4(__m512i b)
{
    return _mm512_shuffle_epi8(b, _mm512_broadcast_i32x4(
                                      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
}

/* Groups of 4, MR frames of 64 channels: each input byte is loaded once, and the frames share the weights. */
EE_TARGET_INLINE void grouped64_tile(uint32_t MR, const ee_layer *layer, const ee_packed *p, uint32_t channel,
                                     const uint8_t *x, uint8_t *y)
{
    size_t cin = layer->cin, hop = layer->stride * cin, panel = (size_t)layer->kernel * 64;
    const int8_t *w = p->weights + (size_t)channel * layer->kernel * 4;
    __m512i acc[4][4];
#pragma GCC unroll 4
    for (uint32_t m = 0; m < MR; m++)
#pragma GCC unroll 4
        for (uint32_t j = 0; j < 4; j++) acc[m][j] = EE_LOAD_V(p->bias + channel + 16 * j);
    for (uint32_t t = 0; t < layer->kernel; t++, w += 64)
#pragma GCC unroll 4
        for (uint32_t m = 0; m < MR; m++) {
            __m512i input = EE_LOAD_V(x + m * hop + t * cin + channel);
#pragma GCC unroll 4
            for (uint32_t j = 0; j < 4; j++) acc[m][j] = EE_DOT(acc[m][j], input, EE_LOAD_W(w + j * panel));
        }
#pragma GCC unroll 4
    for (uint32_t m = 0; m < MR; m++)
        _mm512_storeu_si512(y + m * layer->cout + channel,
                            interleave4(quantize64(acc[m], p->scale + channel, (float)layer->zp_out + 0.5f)));
}

static EE_TARGET void grouped64(const ee_layer *layer, const ee_packed *p, uint32_t channel, const uint8_t *x,
                                uint8_t *y, uint32_t n)
{
    uint32_t o = 0;
    size_t hop = (size_t)layer->stride * layer->cin;
    for (; o + 4 <= n; o += 4) grouped64_tile(4, layer, p, channel, x + o * hop, y + (size_t)o * layer->cout);
    for (; o < n; o++) grouped64_tile(1, layer, p, channel, x + o * hop, y + (size_t)o * layer->cout);
}

/* The sums of four frames of 16 NB channels in groups of 4. */
EE_TARGET_INLINE void store_rows_grouped(uint32_t NB, uint8_t *y, size_t cout, __m512i (*acc)[2], const __m512 *scale,
                                         float offset)
{
#pragma GCC unroll 2
    for (uint32_t half = 0; half < NB; half++) {
        __m512i sums[4];
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; i++) sums[i] = scaled(acc[(4 * half + i) / NB][i % NB], scale[i % NB], offset);
        store_rows(y + 2 * half * cout, cout, NB,
                   _mm512_permutexvar_epi8(order_grouped(), narrow(sums[0], sums[1], sums[2], sums[3])));
    }
}

/* Groups of 4, stride 2, four frames of 16 NB channels at a time: they share the weights, and each row of input is
 * loaded once for all of them. What the loop needs is copied first: compilers think that its stores might change it.
 * Returns how many frames are done. */
EE_TARGET_INLINE uint32_t grouped_rows(uint32_t NB, uint32_t KERNEL, const ee_layer *layer, const ee_packed *p,
                                       uint32_t channel, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t rows = KERNEL + 6;
    const float offset = (float)layer->zp_out + 0.5f;
    size_t cin = layer->cin, cout = layer->cout;
    __m512i w[2][9], bias[2];
    __m512 scale[2];
    uint32_t o = 0;
#pragma GCC unroll 2
    for (uint32_t b = 0; b < NB; b++) {
        bias[b] = EE_LOAD_V(p->bias + channel + 16 * b);
        scale[b] = _mm512_loadu_ps(p->scale + channel + 16 * b);
#pragma GCC unroll 9
        for (uint32_t t = 0; t < KERNEL; t++)
            w[b][t] = EE_LOAD_W(p->weights + ((size_t)channel + 16 * b) * KERNEL * 4 + 64 * t);
    }
    x += channel;
    y += channel;
    for (; o + 4 <= n; o += 4, x += 8 * cin, y += 4 * cout) {
        __m512i acc[4][2];
        const uint8_t *row = x;
#pragma GCC unroll 4
        for (uint32_t m = 0; m < 4; m++)
#pragma GCC unroll 2
            for (uint32_t b = 0; b < NB; b++) acc[m][b] = bias[b];
#pragma GCC unroll 16
        for (uint32_t r = 0; r < rows; r++, row += cin) {
#pragma GCC unroll 2
            for (uint32_t b = 0; b < NB; b++) {
                const __m512i input = EE_BROADCAST16(row + 16 * b);
#pragma GCC unroll 4
                for (uint32_t m = 0; m < 4; m++)
                    if (r >= 2 * m && r - 2 * m < KERNEL) acc[m][b] = EE_DOT(acc[m][b], input, w[b][r - 2 * m]);
            }
        }
        store_rows_grouped(NB, y, cout, acc, scale, offset);
    }
    return o;
}

/* The same for any kernel and stride, 16 channels: rows are loaded for each frame. */
static EE_TARGET uint32_t grouped_any(const ee_layer *layer, const ee_packed *p, uint32_t channel, const uint8_t *x,
                                      uint8_t *y, uint32_t n)
{
    const int8_t *weights = p->weights + (size_t)channel * layer->kernel * 4;
    const __m512 scale = _mm512_loadu_ps(p->scale + channel);
    size_t cin = layer->cin, hop = layer->stride * cin;
    uint32_t o = 0;
    for (; o + 4 <= n; o += 4) {
        __m512i acc[4][2];
#pragma GCC unroll 4
        for (uint32_t m = 0; m < 4; m++) acc[m][0] = EE_LOAD_V(p->bias + channel);
        for (uint32_t t = 0; t < layer->kernel; t++)
#pragma GCC unroll 4
            for (uint32_t m = 0; m < 4; m++)
                acc[m][0] = EE_DOT(acc[m][0], EE_BROADCAST16(x + (o + m) * hop + channel + t * cin),
                                   EE_LOAD_W(weights + t * 64));
        store_rows_grouped(1, y + (size_t)o * layer->cout + channel, layer->cout, acc, &scale,
                           (float)layer->zp_out + 0.5f);
    }
    return o;
}

/* Groups of 4 with requantisation 0, *width channels: how many frames are done. */
EE_TARGET_INLINE uint32_t grouped_shared(const ee_layer *layer, const ee_packed *p, uint32_t channel, uint32_t *width,
                                         const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t left = layer->cout - channel, kernel = layer->kernel;
    *width = left >= 64 ? 64 : 16;
    if (left >= 64) {
        grouped64(layer, p, channel, x, y, n);
        return n;
    }
    if (layer->stride != 2 || (kernel != 5 && kernel != 7 && kernel != 9))
        return grouped_any(layer, p, channel, x, y, n);
    *width = left >= 32 ? 32 : 16;
#define EE_ROWS(KERNEL)                                               \
    (left >= 32 ? grouped_rows(2, KERNEL, layer, p, channel, x, y, n) \
                : grouped_rows(1, KERNEL, layer, p, channel, x, y, n))
    return kernel == 5 ? EE_ROWS(5) : kernel == 7 ? EE_ROWS(7) : EE_ROWS(9);
}

/* Four frames of 16 NB channels: lane c of vector b holds their bytes at channel 16 b + c; of 64 channels, in the order
 * of pack.c, which narrowing undoes. */
EE_TARGET_INLINE void transposed(uint32_t NB, const uint8_t *p, size_t stride, __m512i *out)
{
#define EE_ROW(t)  _mm_loadu_si128((const __m128i *)(const void *)(p + (t) * stride))
#define EE_HALF(t) _mm256_loadu_si256((const __m256i *)(const void *)(p + (t) * stride))
    if (NB == 1) {
        __m512i rows = _mm512_loadu_si512(p);
        if (stride != 16)
            rows = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(EE_ROW(1), EE_ROW(0))),
                                      _mm256_set_m128i(EE_ROW(3), EE_ROW(2)), 1);
        out[0] = _mm512_permutexvar_epi8(order_taps(), rows);
    } else if (NB == 2) {
        __m512i first = _mm512_loadu_si512(p), second = _mm512_loadu_si512(p + 64);
        if (stride != 32) {
            first = _mm512_inserti64x4(_mm512_castsi256_si512(EE_HALF(0)), EE_HALF(1), 1);
            second = _mm512_inserti64x4(_mm512_castsi256_si512(EE_HALF(2)), EE_HALF(3), 1);
        }
        out[0] = _mm512_permutex2var_epi8(first, order_taps_low(), second);
        out[1] = _mm512_permutex2var_epi8(first, order_taps_high(), second);
    } else {
        __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + stride);
        __m512i c = _mm512_loadu_si512(p + 2 * stride), d = _mm512_loadu_si512(p + 3 * stride);
        __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
        out[0] = _mm512_unpacklo_epi16(ab, cd);
        out[1] = _mm512_unpackhi_epi16(ab, cd);
        ab = _mm512_unpackhi_epi8(a, b), cd = _mm512_unpackhi_epi8(c, d);
        out[2] = _mm512_unpacklo_epi16(ab, cd);
        out[3] = _mm512_unpackhi_epi16(ab, cd);
    }
}

/* Depthwise with a stride that divides 4, 16 NB channels: four transposed frames serve STEPS outputs, which lie 4 /
 * stride frames apart. 4 / NB outputs are narrowed at once. Frames behind the last window meet weights of 0, or are of
 * outputs that nobody asked for. */
EE_TARGET_INLINE void depthwise_chain(uint32_t NB, uint32_t STEPS, const ee_layer *layer, const ee_packed *p,
                                      uint32_t channel, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t G = 4 / NB;
    size_t cin = layer->cin, cout = (size_t)(4u / layer->stride) * cin;
    float offset = (float)layer->zp_out + 0.5f;
    __m512i w[3][4], bias[4], rows[4 + 3][4], acc[4];
    __m512 scale[4];
#pragma GCC unroll 4
    for (uint32_t b = 0; b < NB; b++) {
        bias[b] = EE_LOAD_V(p->bias + channel + 16 * b);
        scale[b] = _mm512_loadu_ps(p->scale + channel + 16 * b);
#pragma GCC unroll 4
        for (uint32_t k = 0; k < STEPS; k++)
            w[k][b] = EE_LOAD_W(p->weights + ((size_t)channel + 16 * b) * STEPS * 4 + 64 * k);
    }
#pragma GCC unroll 4
    for (uint32_t k = 0; k + 1 < STEPS; k++) transposed(NB, x + 4 * k * cin, cin, rows[k]);
    for (uint32_t o = 0; o < n; o += G, x += 4 * G * cin, y += G * cout) {
#pragma GCC unroll 4
        for (uint32_t i = 0; i < G; i++) {
            transposed(NB, x + 4 * (i + STEPS - 1) * cin, cin, rows[i + STEPS - 1]);
#pragma GCC unroll 4
            for (uint32_t b = 0; b < NB; b++) {
                acc[i * NB + b] = bias[b];
#pragma GCC unroll 4
                for (uint32_t k = 0; k < STEPS; k++) acc[i * NB + b] = EE_DOT(acc[i * NB + b], rows[i + k][b], w[k][b]);
            }
        }
        __m512i bytes = narrow(scaled(acc[0], scale[0], offset), scaled(acc[1], scale[1 % NB], offset),
                               scaled(acc[2], scale[2 % NB], offset), scaled(acc[3], scale[3 % NB], offset));
        if (NB == 4) _mm512_storeu_si512(y, bytes);
        else if (n - o >= G) store_rows(y, cout, NB, in_rows(bytes));
        else store_some(y, cout, 16 * NB, n - o, in_rows(bytes));
#pragma GCC unroll 4
        for (uint32_t k = 0; k + 1 < STEPS; k++)
#pragma GCC unroll 4
            for (uint32_t b = 0; b < NB; b++) rows[k][b] = rows[k + G][b];
    }
}

static EE_TARGET int depthwise_shared(const ee_layer *layer, const ee_packed *p, const uint8_t *x, uint8_t *y,
                                      uint32_t n)
{
    uint32_t steps = ee_steps_of(layer), chains = 4u / layer->stride;
    if (!ee_in_chains(layer)) return 0;
    for (uint32_t c = 0, width; c < layer->cout; c += width) {
        width = layer->cout - c >= 64 ? 64 : layer->cout - c >= 32 ? 32 : 16;
        for (uint32_t chain = 0; chain < chains && chain < n; chain++) {
            const uint8_t *from = x + (size_t)chain * layer->stride * layer->cin + c;
            uint8_t *to = y + (size_t)chain * layer->cout + c;
            uint32_t count = (n - chain + chains - 1) / chains;
#define EE_CHAIN(NB)                                                     \
    (steps == 1   ? depthwise_chain(NB, 1, layer, p, c, from, to, count) \
     : steps == 2 ? depthwise_chain(NB, 2, layer, p, c, from, to, count) \
                  : depthwise_chain(NB, 3, layer, p, c, from, to, count))
            if (width == 64) EE_CHAIN(4);
            else if (width == 32) EE_CHAIN(2);
            else EE_CHAIN(1);
        }
    }
    return 1;
}

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

#include "front512.h"
#define EE_OWN_BLOCKS
#include "taps4.h"

EE_TARGET_INLINE __m512i taps4(const uint8_t *p, size_t stride, uint32_t taps)
{
    __m256i part[2];
    transpose_taps(p, stride, taps, part);
    return _mm512_inserti64x4(_mm512_castsi256_si512(part[0]), part[1], 1);
}

#include "../vector_body.h"
#endif
