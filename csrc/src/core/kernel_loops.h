/* The inner loops of the front end and the head: plain C that compilers vectorise. They are written once and compiled
 * for each instruction set that includes this file. It defines EE_TARGET, a function attribute, and EE_NAME(x), a name
 * with the set's suffix. On a device they are functions that other files call (device/loops.c). */
#include "arithmetic.h"
#include "constants.h"
#include "kernels.h"

#ifdef EE_NO_HOST
#ifndef EE_TARGET
#define EE_TARGET
#endif
#define EE_LOOP
#define EE_LOOP_INLINE(type, name) type EE_NAME(name)
#else
#define EE_LOOP                    static EE_TARGET
/* Hosts compile these for whole blocks too: there n is known. */
#define EE_LOOP_INLINE(type, name) static inline __attribute__((always_inline)) EE_TARGET type EE_NAME(name)
#endif

/* Half the code of -O3, and as quick: no loop here has more than one level that counts. */
#if !defined(EE_NO_HOST) && !defined(EE_OWN_BLOCKS) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("O2", "tree-vectorize", "vect-cost-model=dynamic")
#define EE_POP_OPTIONS
#endif

/* At most 32 samples z of docs/numerics.md 2.2, from x[-half ..]. *sum is that of the first 2 half - 1 samples of the
 * window; the differences fit int32, as shown there. Returns the sum of |z|; hi and lo are widened. */
EE_LOOP_INLINE(uint32_t, detrend)(const int32_t *x, uint32_t half, uint32_t log2_width, int32_t *sum, uint32_t n,
                                  int16_t *restrict z, int32_t *hi, int32_t *lo)
{
    int32_t running = *sum, high = *hi, low = *lo;
    uint32_t total = 0, shift = log2_width + 2;
    const int32_t *entering = x + half - 1, *leaving = x - half;
#if defined(EE_NO_HOST) && !defined(__ARM_FEATURE_MVE) /* no vectors: one loop, and no stack */
    for (uint32_t i = 0; i < n; i++) {
        const int32_t window = running + entering[i];
        running = window - leaving[i];
#else
    int32_t sums[EE_BLOCK];
    for (uint32_t i = 0; i < n; i++) sums[i] = entering[i] - leaving[i];
    for (uint32_t i = 0; i < n; i++) { /* one addition between one sum and the next */
        int32_t before = running;
        running += sums[i];
        sums[i] = before + entering[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        const int32_t window = sums[i];
#endif
        int32_t v = ((int32_t)((uint32_t)x[i] << log2_width) - window + ((int32_t)1 << (shift - 1))) >> shift;
        v = v < -32767 ? -32767 : v > 32767 ? 32767 : v;
        z[i] = (int16_t)v;
        total += (uint32_t)(v < 0 ? -v : v);
        high = x[i] > high ? x[i] : high;
        low = x[i] < low ? x[i] : low;
    }
    *sum = running;
    *hi = high;
    *lo = low;
    return total;
}

/* y of docs/numerics.md 2.3. */
EE_LOOP_INLINE(void, scale)(const int16_t *z, int32_t r, uint32_t n, uint8_t *restrict y, uint32_t step)
{
    int32_t limit = r >> 13 ? ee_saturation_limit(r) : 32767;
    for (uint32_t i = 0; i < n; i++) {
        int32_t v = z[i];
        v = v < -limit ? -limit : v > limit ? limit : v;
        v = (v * r + (1 << 19)) >> 20;
        v = v < -128 ? -128 : v > 127 ? 127 : v;
        y[i * step] = (uint8_t)(v + 128);
    }
}

/* The same from canonical samples: docs/numerics.md 2.4. */
EE_LOOP void EE_NAME(scale_plain)(const int32_t *x, int32_t r, uint32_t n, uint8_t *restrict y)
{
#ifdef EE_OWN_BLOCKS
    for (; n >= EE_BLOCK; n -= EE_BLOCK, x += EE_BLOCK, y += EE_BLOCK) scale_plain_block(x, r, y);
#endif
    int32_t limit = ee_saturation_limit(r);
    for (uint32_t i = 0; i < n; i++) {
        int32_t v = x[i];
        v = v < -limit ? -limit : v > limit ? limit : v;
        v = (v * r + (1 << 19)) >> 20;
        v = v < -128 ? -128 : v > 127 ? 127 : v;
        y[i] = (uint8_t)(v + 128);
    }
}

/* 32 channels of n frames, `channels` bytes apart: what is larger takes the place in `most`. */
static inline __attribute__((always_inline)) EE_TARGET void EE_NAME(raise)(uint8_t most[32], const uint8_t *x,
                                                                           uint32_t n, uint32_t channels)
{
    for (; n; n--, x += channels)
        for (uint32_t i = 0; i < 32; i++) most[i] = x[i] > most[i] ? x[i] : most[i];
}

#ifndef EE_NO_HOST
/* `width` channels of n frames: their sums and maxima stay in registers. */
static inline __attribute__((always_inline)) EE_TARGET void EE_NAME(pool_some)(const uint8_t *restrict x, uint32_t n,
                                                                               uint16_t *restrict sum,
                                                                               uint8_t *restrict max, uint32_t channels,
                                                                               uint32_t width)
{
    uint16_t sums[64];
    uint8_t most[64];
    if (sum) __builtin_memcpy(sums, sum, width * sizeof *sums);
    if (max) __builtin_memcpy(most, max, width);
    for (uint32_t t = 0; t < n; t++, x += channels) {
        if (sum)
            for (uint32_t i = 0; i < width; i++) sums[i] = (uint16_t)(sums[i] + x[i]);
        if (max)
            for (uint32_t i = 0; i < width; i++) most[i] = x[i] > most[i] ? x[i] : most[i];
    }
    if (sum) __builtin_memcpy(sum, sums, width * sizeof *sums);
    if (max) __builtin_memcpy(max, most, width);
}
#endif

/* Adds n frames to a window's sums and takes its maxima; either may be absent. */
EE_LOOP void EE_NAME(pool)(const uint8_t *restrict frames, uint32_t n, uint16_t *restrict sum, uint8_t *restrict max,
                           uint32_t channels)
{
    uint32_t first = 0;
#ifndef EE_NO_HOST
    if (sum && max)
        for (; first + 64 <= channels; first += 64)
            EE_NAME(pool_some)(frames + first, n, sum + first, max + first, channels, 64);
    for (; first + 32 <= channels; first += 32) {
        if (sum) EE_NAME(pool_some)(frames + first, n, sum + first, NULL, channels, 32);
        if (max) EE_NAME(pool_some)(frames + first, n, NULL, max + first, channels, 32);
    }
#endif
    for (; n; n--, frames += channels) {
        for (uint32_t c = first; sum && c < channels; c++) sum[c] = (uint16_t)(sum[c] + frames[c]);
        for (uint32_t c = first; max && c < channels; c++) max[c] = frames[c] > max[c] ? frames[c] : max[c];
    }
}

#ifndef EE_OWN_ADD
/* n numbers of `add` (docs/numerics.md section 3): the sum and its rounding stay below 2^24. */
EE_LOOP void EE_NAME(add)(const ee_layer *layer, const uint8_t *restrict a, const uint8_t *restrict b,
                          uint8_t *restrict y, uint32_t n)
{
    const int32_t m_a = layer->m_a, m_b = layer->m_b, zp_out = layer->zp_out;
    const int32_t offset = (1 << (EE_MULT_SHIFT - 1)) - layer->zp_a * m_a - layer->zp_b * m_b;
    for (uint32_t i = 0; i < n; i++) {
        int32_t v = ((a[i] * m_a + b[i] * m_b + offset) >> EE_MULT_SHIFT) + zp_out;
        y[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}
#endif

/* n outputs: the largest of `frames` frames each, `hop` bytes apart. 32 channels at a time stay in registers. */
EE_LOOP void EE_NAME(max_pool)(const uint8_t *restrict x, uint8_t *restrict y, uint32_t n, uint32_t frames, size_t hop,
                               uint32_t channels)
{
    for (uint32_t o = 0; o < n; o++, x += hop, y += channels) {
        uint32_t c = 0;
        for (; c + 32 <= channels; c += 32) {
            uint8_t most[32];
            __builtin_memcpy(most, x + c, sizeof most);
            EE_NAME(raise)(most, x + channels + c, frames - 1, channels);
            __builtin_memcpy(y + c, most, sizeof most);
        }
        for (; c < channels; c++) {
            uint8_t most = x[c];
            for (uint32_t t = 1; t < frames; t++)
                most = x[(size_t)t * channels + c] > most ? x[(size_t)t * channels + c] : most;
            y[c] = most;
        }
    }
}

#ifndef EE_NO_HOST
static EE_TARGET void EE_NAME(requantize)(const int32_t *acc, const int16_t *mult, uint32_t n, int16_t *restrict e16,
                                          int8_t *restrict e8)
{
    for (uint32_t d = 0; d < n; d++) {
        int64_t v = (int64_t)acc[d] * mult[d], fine = (v + (1 << 5)) >> 6, coarse = (v + (1 << 13)) >> 14;
        e16[d] = (int16_t)(fine < -32767 ? -32767 : fine > 32767 ? 32767 : fine);
        e8[d] = (int8_t)(coarse < -127 ? -127 : coarse > 127 ? 127 : coarse);
    }
}
#endif

/* Adds how many of x[0 .. n - 1] equal hi (lo) and the two samples before. */
static EE_TARGET void EE_NAME(count_repeats)(const int32_t *x, uint32_t n, ee_rails *rails)
{
    uint32_t at_hi = 0, at_lo = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t third = (uint32_t)(x[i] == x[(int32_t)i - 1]) & (uint32_t)(x[i] == x[(int32_t)i - 2]);
        at_hi += third & (uint32_t)(x[i] == rails->hi);
        at_lo += third & (uint32_t)(x[i] == rails->lo);
    }
    rails->at_hi += at_hi;
    rails->at_lo += at_lo;
}

/* Extremes of x, and how many of x[2 ..] equal one of them and the two samples before. */
EE_LOOP_INLINE(void, rails)(const int32_t *x, uint32_t n, ee_rails *rails)
{
    ee_rails r = { rails->hi, rails->lo, 0, 0 };
    for (uint32_t i = 0; i < n; i++) {
        r.hi = x[i] > r.hi ? x[i] : r.hi;
        r.lo = x[i] < r.lo ? x[i] : r.lo;
    }
    if (n > 2) EE_NAME(count_repeats)(x + 2, n - 2, &r);
    *rails = r;
}

/* The roughness of n <= 32 bytes that lie `step` apart: docs/numerics.md section 5. */
EE_LOOP_INLINE(uint32_t, roughness)(const uint8_t *y, uint32_t n, uint32_t step)
{
    uint32_t sum = 0;
    for (uint32_t i = 1; i < n; i++) {
        const int32_t rise = y[i * step] - y[(i - 1) * step];
        sum += ee_min((uint32_t)(rise < 0 ? -rise : rise), EE_STEP_LIMIT);
    }
    return sum;
}

#ifndef EE_NO_HOST
#ifndef EE_OWN_BLOCKS
/* Whole blocks in a row, each with its place in the statistics: loops of known length need no tail. The sums of |z|
 * come with their samples. */
static EE_TARGET void EE_NAME(detrend_blocks)(const int32_t *x, const ee_front *front, int32_t *sum, uint32_t blocks,
                                              int16_t *z, uint32_t *sums, ee_block_stats *stats)
{
    for (uint32_t b = 0; b < blocks; b++, x += EE_BLOCK, z += EE_BLOCK) {
        int32_t hi = *x, lo = *x;
        sums[b] = EE_BLOCK << 24 |
                  EE_NAME(detrend)(x, front->baseline / 2u, front->log2_baseline, sum, EE_BLOCK, z, &hi, &lo);
        stats[b].flat = hi - lo <= (int32_t)front->flat_max;
    }
}

static EE_TARGET void EE_NAME(scale_blocks)(const int16_t *z, const int32_t *r, uint32_t blocks, uint8_t *y)
{
    for (uint32_t b = 0; b < blocks; b++) EE_NAME(scale)(z + b * EE_BLOCK, r[b], EE_BLOCK, y + b * EE_BLOCK, 1);
}

/* The two samples before the first block are there. */
static EE_TARGET void EE_NAME(rails_blocks)(const int32_t *x, uint32_t blocks, ee_block_stats *stats)
{
    for (uint32_t b = 0; b < blocks; b++, x += EE_BLOCK) {
        ee_rails r = { *x, *x, 0, 0 };
        for (uint32_t i = 0; i < EE_BLOCK; i++) {
            r.hi = x[i] > r.hi ? x[i] : r.hi;
            r.lo = x[i] < r.lo ? x[i] : r.lo;
        }
        EE_NAME(count_repeats)(x, EE_BLOCK, &r);
        stats[b] = (ee_block_stats){ r.hi, r.lo, (uint16_t)r.at_hi, (uint16_t)r.at_lo, 0, 0, 0 };
    }
}

/* Of one block. Not inlined: GCC makes sixteen kilobytes of vectors across blocks of it. */
static EE_NOINLINE EE_TARGET uint32_t EE_NAME(roughness_block)(const uint8_t *y)
{
    uint8_t steps[16]; /* 0 .. 15 and 15 .. 30: vectors of 16; step 15 is taken back */
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 16; i++) {
        const uint8_t a = y[i], b = y[i + 1], c = y[i + 15], d = y[i + 16];
        uint8_t first = (uint8_t)((a > b ? a : b) - (a < b ? a : b)),
                second = (uint8_t)((c > d ? c : d) - (c < d ? c : d));
        first = first < EE_STEP_LIMIT ? first : EE_STEP_LIMIT;
        second = second < EE_STEP_LIMIT ? second : EE_STEP_LIMIT;
        steps[i] = (uint8_t)(first + second);
    }
    for (uint32_t i = 0; i < 16; i++) sum += steps[i];
    return sum - EE_NAME(roughness)(y + 15, 2, 1);
}

static EE_TARGET void EE_NAME(roughness_blocks)(const uint8_t *y, uint32_t blocks, ee_block_stats *stats)
{
    for (uint32_t b = 0; b < blocks; b++) stats[b].rough = (uint16_t)EE_NAME(roughness_block)(y + b * EE_BLOCK);
}
#endif

/* Vectors as GCC and clang have them: as many doubles as a register of the instruction set holds. */
#ifndef EE_DOUBLES
#define EE_DOUBLES 2
#endif
typedef double EE_NAME(doubles) __attribute__((vector_size(8 * EE_DOUBLES)));
typedef int32_t EE_NAME(ints) __attribute__((vector_size(4 * EE_DOUBLES)));

/* Sums of products below 2^45: exact in binary64 in any order (docs/numerics.md 2.1). n is a multiple of 8. */
static EE_TARGET int64_t EE_NAME(fir)(const double *tap, const int32_t *x, uint32_t n)
{
    EE_NAME(doubles) even = { 0 }, odd = { 0 }, weight; /* two chains of additions */
    EE_NAME(ints) samples;
    double sum = 0;
    for (uint32_t i = 0; i < n; i += 2 * EE_DOUBLES) {
        __builtin_memcpy(&weight, tap + i, sizeof weight);
        __builtin_memcpy(&samples, x + i, sizeof samples);
        even += weight * __builtin_convertvector(samples, EE_NAME(doubles));
        if (i + EE_DOUBLES >= n) break;
        __builtin_memcpy(&weight, tap + i + EE_DOUBLES, sizeof weight);
        __builtin_memcpy(&samples, x + i + EE_DOUBLES, sizeof samples);
        odd += weight * __builtin_convertvector(samples, EE_NAME(doubles));
    }
    even += odd;
    for (uint32_t l = 0; l < EE_DOUBLES; l++) sum += even[l];
    return (int64_t)sum;
}

/* words[i] = x[i] - level; returns 0 where one does not fit 16 bits. */
static EE_TARGET uint32_t EE_NAME(narrow)(const int32_t *x, uint32_t n, int32_t level, int16_t *restrict words)
{
    uint32_t wide = 0;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t word = x[i] - level;
        wide |= (uint32_t)(word + 32768) >> 16;
        words[i] = (int16_t)word;
    }
    return !wide;
}

/* n outputs of rnd(sum of taps * words, 20), from row row_index on and from x on. With sums H and L below 2^31 of the
 * taps' parts that is (H + 2^11 + (L >> 8)) >> 12. */
static EE_TARGET void EE_NAME(fir_words)(const ee_tap_words *taps, uint32_t row_index, const int16_t *x, int32_t level,
                                         uint32_t n, int32_t *restrict out)
{
    const ee_tap_words t = *taps;
    if (t.row % EE_WORD_ROW) __builtin_unreachable(); /* compilers see that vectors leave no tail */
    for (uint32_t o = 0; o < n; o++) {
        const int16_t *high_tap = t.words + (size_t)row_index * 2 * t.row, *low_tap = high_tap + t.row;
        int32_t high = 0, low = 0;
        for (uint32_t i = 0; i < t.row; i++) {
            high += high_tap[i] * x[i];
            low += low_tap[i] * x[i];
        }
        out[o] = ee_clamp(((high + (1 << 11) + (low >> 8)) >> 12) + level, -EE_X_MAX, EE_X_MAX);
        x += t.whole;
        row_index += t.rows_ahead;
        if (row_index >= t.n_rows) {
            row_index -= t.n_rows;
            x++;
        }
    }
}

/* The same taps for 32 outputs in a row: out[o] = rounded sum of tap[i] * x[o + i], taps a multiple of 8. Taps that lie
 * a vector apart are taken one after the other: four vectors of input stay in registers, and each tap needs one new
 * one. */
static EE_TARGET void EE_NAME(fir_32)(const double *tap, uint32_t taps, const int32_t *x, int32_t *restrict out)
{
    double input[EE_BLOCK + EE_MAX_CACHED_TAPS], sums[EE_BLOCK];
    int64_t bits[EE_BLOCK];
    for (uint32_t i = 0; i < EE_BLOCK + taps; i++) input[i] = x[i];
    for (uint32_t first = 0; first < EE_BLOCK; first += 4 * EE_DOUBLES) {
        EE_NAME(doubles) acc[4] = { { 0 } }, part[4];
        for (uint32_t r = 0; r < EE_DOUBLES; r++) {
            const double *at = input + first + r;
            __builtin_memcpy(part, at, 3 * sizeof *part);
            for (uint32_t i = r; i < taps; i += 4 * EE_DOUBLES)
#pragma GCC unroll 4
                for (uint32_t k = 0; k < 4; k++) {
                    uint32_t t = i + k * EE_DOUBLES;
                    if (t >= taps) break;
                    __builtin_memcpy(&part[(k + 3) & 3], at + (t - r) + 3 * EE_DOUBLES, sizeof *part);
#pragma GCC unroll 4
                    for (uint32_t j = 0; j < 4; j++) acc[j] += part[(k + j) & 3] * tap[t];
                }
        }
        __builtin_memcpy(sums + first, acc, sizeof acc);
    }
    /* Half up: nothing lies nearer to a tie than 2^-20, and the sum with 1.5 * 2^52 is rounded to an integer in its low
     * bits. */
    for (uint32_t o = 0; o < EE_BLOCK; o++)
        sums[o] = (sums[o] * (1.0 / (1 << 20)) + 1.0 / (1 << 21)) + 6755399441055744.0;
    __builtin_memcpy(bits, sums, sizeof bits);
    for (uint32_t o = 0; o < EE_BLOCK; o++) out[o] = ee_clamp((int32_t)bits[o], -EE_X_MAX, EE_X_MAX);
}

static EE_TARGET void EE_NAME(fir_blocks)(const double *tap, uint32_t taps, const int32_t *x, int32_t *out,
                                          uint32_t blocks)
{
#ifdef EE_OWN_BLOCKS
    fir_by_words(tap, taps, x, out, blocks, EE_NAME(fir_32));
#else
    for (; blocks; blocks--, x += EE_BLOCK, out += EE_BLOCK) EE_NAME(fir_32)(tap, taps, x, out);
#endif
}

#include "sample_loops.h"

#ifdef EE_POP_OPTIONS
#pragma GCC pop_options
#endif

#define EE_LOOPS                                                                                                  \
    EE_NAME(add), EE_NAME(max_pool), EE_NAME(requantize), EE_NAME(pool), EE_NAME(detrend), EE_NAME(scale),        \
        EE_NAME(scale_plain), EE_NAME(rails), EE_NAME(roughness), EE_NAME(detrend_blocks), EE_NAME(scale_blocks), \
        EE_NAME(rails_blocks), EE_NAME(roughness_blocks), EE_NAME(fir), EE_NAME(narrow), EE_NAME(fir_words),      \
        EE_NAME(fir_blocks), EE_NAME(gain_i16), EE_NAME(gain_i32), EE_NAME(read_f32), EE_NAME(read_f64),          \
        EE_NAME(extremes_i16), EE_NAME(extremes_i32), EE_NAME(extremes_f32), EE_NAME(extremes_f64)
#endif
