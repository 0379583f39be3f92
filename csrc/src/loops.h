/* Inner loops of the front end and the head, written once and compiled for each instruction set that includes this file.
 * EE_TARGET: function attribute, EE_NAME(x): name with the set's suffix. Plain C that compilers vectorise. */

/* 32 samples at most: z of docs/numerics.md 2.2 from x[-half ..]; sum: of the first 2 half - 1 samples of the window.
 * The differences fit int32, as shown there. Returns the sum of |z|; hi and lo are widened. */
static EE_TARGET uint32_t EE_NAME(detrend)(const int32_t *x, uint32_t half, uint32_t log2_width, int32_t *sum, uint32_t n,
                                           int16_t *restrict z, int32_t *hi, int32_t *lo)
{
    int32_t sums[EE_BLOCK], running = *sum, high = *hi, low = *lo;
    uint32_t total = 0, shift = log2_width + 2;
    const int32_t *entering = x + half - 1, *leaving = x - half;
    for (uint32_t i = 0; i < n; i++) {
        running += entering[i];
        sums[i] = running;
        running -= leaving[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        int32_t v = ((int32_t)((uint32_t)x[i] << log2_width) - sums[i] + ((int32_t)1 << (shift - 1))) >> shift;
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

/* y of docs/numerics.md 2.3. Values that saturate are limited before the product, so that it fits int32: a |z| above
 * `limit` gives more than 2^28 / 2^20 = 256, and limit * r <= 2^28 + r <= 2^29. */
static EE_TARGET void EE_NAME(scale)(const int16_t *z, int32_t r, uint32_t n, uint8_t *restrict y, uint32_t step)
{
    int32_t limit = r ? ((int32_t)1 << 28) / r + 1 : 32767;
    limit = limit > 32767 ? 32767 : limit;
    for (uint32_t i = 0; i < n; i++) {
        int32_t v = z[i];
        v = v < -limit ? -limit : v > limit ? limit : v;
        v = (v * r + (1 << 19)) >> 20;
        v = v < -128 ? -128 : v > 127 ? 127 : v;
        y[i * step] = (uint8_t)(v + 128);
    }
}

/* The same from canonical samples: docs/numerics.md 2.4. */
static EE_TARGET void EE_NAME(scale_plain)(const int32_t *x, int32_t r, uint32_t n, uint8_t *restrict y)
{
    int32_t limit = ((int32_t)1 << 28) / r + 1;
    for (uint32_t i = 0; i < n; i++) {
        int32_t v = x[i];
        v = v < -limit ? -limit : v > limit ? limit : v;
        v = (v * r + (1 << 19)) >> 20;
        v = v < -128 ? -128 : v > 127 ? 127 : v;
        y[i] = (uint8_t)(v + 128);
    }
}

static EE_TARGET void EE_NAME(pool)(const uint8_t *restrict frame, uint16_t *restrict sum, uint8_t *restrict max, uint32_t channels)
{
    for (uint32_t c = 0; sum && c < channels; c++) sum[c] = (uint16_t)(sum[c] + frame[c]);
    for (uint32_t c = 0; max && c < channels; c++) max[c] = frame[c] > max[c] ? frame[c] : max[c];
}

static EE_TARGET void EE_NAME(requantise)(const int32_t *acc, const int16_t *mult, uint32_t n, int16_t *restrict e16, int8_t *restrict e8)
{
    for (uint32_t d = 0; d < n; d++) {
        int64_t v = (int64_t)acc[d] * mult[d], fine = (v + (1 << 5)) >> 6, coarse = (v + (1 << 13)) >> 14;
        e16[d] = (int16_t)(fine < -32767 ? -32767 : fine > 32767 ? 32767 : fine);
        e8[d] = (int8_t)(coarse < -127 ? -127 : coarse > 127 ? 127 : coarse);
    }
}

/* Extremes of x, and how many of x[2 ..] equal one of them and the two samples before. */
static EE_TARGET void EE_NAME(rails)(const int32_t *x, uint32_t n, ee_rails *rails)
{
    int32_t hi = rails->hi, lo = rails->lo;
    for (uint32_t i = 0; i < n; i++) {
        hi = x[i] > hi ? x[i] : hi;
        lo = x[i] < lo ? x[i] : lo;
    }
    uint32_t at_hi = 0, at_lo = 0;
    for (uint32_t i = 2; i < n; i++) {
        uint32_t third = (uint32_t)(x[i] == x[i - 1]) & (uint32_t)(x[i] == x[i - 2]);
        at_hi += third & (uint32_t)(x[i] == hi);
        at_lo += third & (uint32_t)(x[i] == lo);
    }
    rails->hi = hi;
    rails->lo = lo;
    rails->at_hi = at_hi;
    rails->at_lo = at_lo;
}

#ifndef EE_NO_HOST
/* Sums of products below 2^45: exact in binary64 in any order (docs/numerics.md 2.1). n is a multiple of 8.
 * The vector types are GCC's and clang's; without vector units they become scalars. */
static EE_TARGET int64_t EE_NAME(fir)(const double *tap, const int32_t *x, uint32_t n)
{
    ee_f64x8 acc = { 0 }, weight;
    ee_i32x8 samples;
    for (uint32_t i = 0; i < n; i += 8) {
        __builtin_memcpy(&weight, tap + i, sizeof weight);
        __builtin_memcpy(&samples, x + i, sizeof samples);
        acc += weight * __builtin_convertvector(samples, ee_f64x8);
    }
    return (int64_t)(((acc[0] + acc[4]) + (acc[1] + acc[5])) + ((acc[2] + acc[6]) + (acc[3] + acc[7])));
}

/* The same taps for 32 outputs in a row: out[o] = rounded sum of tap[i] * x[o + i] */
static EE_TARGET void EE_NAME(fir_block)(const double *tap, uint32_t taps, const int32_t *x, int32_t *restrict out)
{
    double input[EE_BLOCK + EE_MAX_BLOCK_TAPS];
    for (uint32_t i = 0; i < EE_BLOCK + taps; i++) input[i] = x[i];
    ee_f64x8 acc[4] = { { 0 } }, part;
    for (uint32_t i = 0; i < taps; i++)
#pragma GCC unroll 4
        for (uint32_t j = 0; j < 4; j++) {
            __builtin_memcpy(&part, input + i + 8 * j, sizeof part);
            acc[j] += part * tap[i];
        }
#pragma GCC unroll 4
    for (uint32_t j = 0; j < 4; j++)
        for (uint32_t l = 0; l < 8; l++) {
            int64_t v = ((int64_t)acc[j][l] + (1 << 19)) >> 20;
            out[8 * j + l] = v < -EE_X_MAX ? -EE_X_MAX : v > EE_X_MAX ? EE_X_MAX : (int32_t)v;
        }
}

/* Floats in a row to canonical samples; returns 1 when one is not finite (it becomes EE_MISSING). */
#define EE_READ(type, name)                                                                                       \
    static EE_TARGET uint32_t EE_NAME(name)(const type *x, double scale, uint32_t n, int32_t *restrict out)       \
    {                                                                                                             \
        uint32_t missing = 0;                                                                                     \
        for (uint32_t i = 0; i < n; i++) missing |= !(x[i] - x[i] == 0);                                          \
        for (uint32_t i = 0; i < n; i++) {                                                                        \
            double v = missing && !(x[i] - x[i] == 0) ? 0 : (double)x[i] * scale;                                 \
            v = v < -EE_X_MAX ? -EE_X_MAX : v > EE_X_MAX ? EE_X_MAX : v;                                          \
            out[i] = (int32_t)(v + (v < 0 ? -0.5 : 0.5));                                                         \
        }                                                                                                         \
        for (uint32_t i = 0; missing && i < n; i++)                                                               \
            if (!(x[i] - x[i] == 0)) out[i] = EE_MISSING;                                                         \
        return missing;                                                                                           \
    }
EE_READ(float, read_f32)
EE_READ(double, read_f64)
#undef EE_READ

#define EE_LOOPS EE_NAME(requantise), EE_NAME(pool), EE_NAME(detrend), EE_NAME(scale), EE_NAME(scale_plain), EE_NAME(rails), EE_NAME(fir), EE_NAME(fir_block), EE_NAME(read_f32), EE_NAME(read_f64)
#else
#define EE_LOOPS EE_NAME(requantise), EE_NAME(pool), EE_NAME(detrend), EE_NAME(scale), EE_NAME(scale_plain), EE_NAME(rails)
#endif
