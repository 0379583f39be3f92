/* AVX-512 VNNI: 16 lanes, vpdpbusd. */
#include "../pack.h"

#if defined(__x86_64__) && !defined(EE_NO_HOST) && defined(__GNUC__)
#include <immintrin.h>

#define EE_ISA "avx512-vnni"
#define EE_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vbmi,avx2,fma,bmi2")))
#define EE_NAME(x) x##_avx512vnni
#define EE_ORDER EE_PACKED_WIDE
#define EE_WIDE
#define EE_DOUBLES 8
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
#define EE_STORE_ROWS(y, cout, blocks, acc, scale, offset) store_rows(y, cout, blocks, narrow4(acc, scale, (blocks) == 2 ? 16 : 0, offset))
#define EE_STORE_ROWS_GROUPED(y, cout, acc, scale, offset) store_rows_grouped(y, cout, acc, scale, offset)
#define EE_GROUPED64(layer, p, c, x, y, n) grouped64(layer, p, c, x, y, n)
#define EE_DEPTHWISE(layer, p, x, y, n) depthwise_shared(layer, p, x, y, n)
#define EE_INLINE static inline __attribute__((always_inline)) EE_TARGET
#define EE_TAPS4(p, stride, taps) taps4(p, stride, taps)
#define EE_TAPS_PART(x, j) (x)

typedef __m512d D;
#define EE_D_SET(v) _mm512_set1_pd(v)
#define EE_D_OF(p) _mm512_cvtepi32_pd(_mm256_loadu_si256((const __m256i *)(const void *)(p)))
#define EE_D_STORE32(p, d) _mm256_storeu_si256((__m256i *)(void *)(p), _mm512_cvttpd_epi32(d))
#define EE_D_MIN(a, b) _mm512_min_pd(a, b)
#define EE_D_MAX(a, b) _mm512_max_pd(a, b)
#define EE_D_FLOOR(a) _mm512_roundscale_pd(a, _MM_FROUND_TO_NEG_INF)
#define EE_D_FMA(a, b, c) _mm512_fmadd_pd(a, b, c)

/* The intrinsic makes GCC 12 copy and spill half of the accumulators of a tile; tied operands leave it no choice. */
EE_INLINE __m512i dot(__m512i acc, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
}

EE_INLINE __m512i rounded(__m512i acc, const float *scale, float offset)
{
    __m512 v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(scale), _mm512_set1_ps(offset));
    return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

EE_INLINE __m128i quantise(__m512i acc, const float *scale, float offset)
{
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(rounded(acc, scale, offset), _mm512_setzero_si512()));
}

/* Four vectors of 16 to 64 bytes: quarter q of the result is quarter q of each vector in turn. */
EE_INLINE __m512i narrow(__m512i a, __m512i b, __m512i c, __m512i d)
{
    return _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
}

EE_INLINE __m512i quantise64(const __m512i *acc, const float *scale, float offset)
{
    return narrow(rounded(acc[0], scale, offset), rounded(acc[1], scale + 16, offset), rounded(acc[2], scale + 32, offset), rounded(acc[3], scale + 48, offset));
}

/* The scales of the vectors 1 and 3 lie `apart` behind those of 0 and 2. */
EE_INLINE __m512i quantise_rows(const __m512i *acc, const float *scale, uint32_t apart, float offset)
{
    return narrow(rounded(acc[0], scale, offset), rounded(acc[1], scale + apart, offset), rounded(acc[2], scale, offset), rounded(acc[3], scale + apart, offset));
}

/* The same with the vectors one behind the other. */
EE_INLINE __m512i narrow4(const __m512i *acc, const float *scale, uint32_t apart, float offset)
{
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), quantise_rows(acc, scale, apart, offset));
}

/* Four frames of 16 channels, or two of 32. */
EE_INLINE void store_rows(uint8_t *y, size_t cout, uint32_t blocks, __m512i b)
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

/* A constant of 64 bytes. */
#define EE_BYTES(name, expression)                                                            \
    EE_INLINE __m512i name(void)                                                              \
    {                                                                                         \
        uint8_t table[64];                                                                    \
        for (uint32_t i = 0; i < 64; i++) table[i] = (uint8_t)(expression);                   \
        return _mm512_loadu_si512(table);                                                     \
    }
EE_BYTES(order_grouped, 16 * (i % 4) + 4 * (i / 16) + i / 4 % 4)                              /* lane 4 j + g of frame f */
EE_BYTES(order_taps, 16 * (i % 4) + i / 4)                                                    /* four rows of 16 bytes, transposed */

EE_INLINE void store_rows_grouped(uint8_t *y, size_t cout, const __m512i *acc, const float *scale, float offset)
{
    store_rows(y, cout, 1, _mm512_permutexvar_epi8(order_grouped(), quantise_rows(acc, scale, 0, offset)));
}

EE_INLINE __m512i interleave4(__m512i b)
{
    return _mm512_shuffle_epi8(b, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
}

/* Groups of 4, MR frames of 64 channels: each input byte is loaded once, and the frames share the weights. */
EE_INLINE void grouped64_tile(uint32_t MR, const ee_layer *layer, const ee_packed *p, uint32_t channel, const uint8_t *x, uint8_t *y)
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
        _mm512_storeu_si512(y + m * layer->cout + channel, interleave4(quantise64(acc[m], p->scale + channel, (float)layer->zp_out + 0.5f)));
}

static EE_TARGET void grouped64(const ee_layer *layer, const ee_packed *p, uint32_t channel, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t o = 0;
    size_t hop = (size_t)layer->stride * layer->cin;
    for (; o + 4 <= n; o += 4) grouped64_tile(4, layer, p, channel, x + o * hop, y + (size_t)o * layer->cout);
    for (; o < n; o++) grouped64_tile(1, layer, p, channel, x + o * hop, y + (size_t)o * layer->cout);
}

/* Lane c: bytes of frames 0 .. 3 at channel c, 16 channels. Frames from `taps` on are not read. */
EE_INLINE __m512i transposed(const uint8_t *p, size_t stride, uint32_t taps)
{
#define EE_ROW(t) _mm_loadu_si128((const __m128i *)(const void *)(p + (t) * stride))
    __m512i rows;
    if (taps == 4 && stride == 16) {
        rows = _mm512_loadu_si512(p);
    } else {
        rows = _mm512_zextsi128_si512(EE_ROW(0));
        if (taps > 1) rows = _mm512_inserti32x4(rows, EE_ROW(1), 1);
        if (taps > 2) rows = _mm512_inserti32x4(rows, EE_ROW(2), 2);
        if (taps > 3) rows = _mm512_inserti32x4(rows, EE_ROW(3), 3);
    }
    return _mm512_permutexvar_epi8(order_taps(), rows);
}

/* Depthwise with a stride that divides 4: four transposed frames serve STEPS outputs, which lie 4 / stride frames apart. */
EE_INLINE void depthwise_chain(uint32_t STEPS, const ee_layer *layer, const ee_packed *p, uint32_t channel, const uint8_t *x, uint8_t *y, uint32_t n)
{
    size_t cin = layer->cin, cout = (size_t)(4u / layer->stride) * cin;
    const int8_t *w = p->weights + (size_t)channel * STEPS * 4;
    float offset = (float)layer->zp_out + 0.5f;
    __m512i rows[4 + 3], acc[4];                         /* with less than four outputs left, some stay as they were */
#pragma GCC unroll 7
    for (uint32_t k = 0; k < 7; k++) rows[k] = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (uint32_t k = 0; k + 1 < STEPS; k++) rows[k] = transposed(x + 4 * k * cin, cin, 4);
    for (uint32_t o = 0; o < n; o += 4, x += 16 * cin, y += 4 * cout) {
        uint32_t some = ee_min(n - o, 4);
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; i++) {
            if (i < some) rows[i + STEPS - 1] = transposed(x + 4 * (i + STEPS - 1) * cin, cin, o + i + 1 < n ? 4 : layer->kernel - 4 * (STEPS - 1));
            acc[i] = EE_LOAD_V(p->bias + channel);
#pragma GCC unroll 4
            for (uint32_t k = 0; k < STEPS; k++) acc[i] = EE_DOT(acc[i], rows[i + k], EE_LOAD_W(w + 64 * k));
        }
        if (some == 4) store_rows(y, cout, 1, narrow4(acc, p->scale + channel, 0, offset));
        else
            for (uint32_t i = 0; i < some; i++) EE_STORE(y + i * cout, quantise(acc[i], p->scale + channel, offset));
#pragma GCC unroll 4
        for (uint32_t k = 0; k + 1 < STEPS; k++) rows[k] = rows[k + 4];
    }
}

static EE_TARGET int depthwise_shared(const ee_layer *layer, const ee_packed *p, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t steps = ee_steps_of(layer), chains = 4u / layer->stride;
    if (layer->requant || steps > 3 || 4u % layer->stride) return 0;
    for (uint32_t c = 0; c < layer->cout; c += 16)
        for (uint32_t chain = 0; chain < chains && chain < n; chain++) {
            const uint8_t *from = x + (size_t)chain * layer->stride * layer->cin + c;
            uint8_t *to = y + (size_t)chain * layer->cout + c;
            uint32_t count = (n - chain + chains - 1) / chains;
            if (steps == 1) depthwise_chain(1, layer, p, c, from, to, count);
            else if (steps == 2) depthwise_chain(2, layer, p, c, from, to, count);
            else depthwise_chain(3, layer, p, c, from, to, count);
        }
    return 1;
}

#include "taps4.h"

EE_INLINE __m512i taps4(const uint8_t *p, size_t stride, uint32_t taps)
{
    __m256i part[2];
    transpose_taps(p, stride, taps, part);
    return _mm512_inserti64x4(_mm512_castsi256_si512(part[0]), part[1], 1);
}

#include "../vector_body.h"
#endif
