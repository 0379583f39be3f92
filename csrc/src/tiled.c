/* Devices without vector instructions: Cortex-M0+, M3, RV32 and any other. docs/numerics.md sections 3 and 4 in portable C.
 * A tile of two frames by two channels loads each byte once for two products. */
#include "internal.h"

#if defined(EE_NO_HOST) && !defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)

#ifdef __GNUC__
#define EE_INLINE static inline __attribute__((always_inline))
#define EE_APART __attribute__((noinline))               /* together they would spill each other's registers */
#else
#define EE_INLINE static inline
#define EE_APART
#endif

EE_INLINE uint8_t limit(int32_t v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

/* rnd(acc * m, 14), limited. */
EE_INLINE uint8_t scaled(int32_t acc, int32_t m, int32_t zp)
{
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
    /* No 32 x 32 -> 64 product: acc = high * 2^14 + low, and high * m fits int32 where the result is not far out of range. */
    int32_t high = acc >> 14, low = acc & 16383;
    high = high < -(1 << 17) ? -(1 << 17) : high > 1 << 17 ? 1 << 17 : high;
    return limit(high * m + ((low * m + (1 << 13)) >> 14) + zp);
#else
    int64_t wide = (int64_t)acc * (m << 18);             /* the high word, rounded by the low word's highest bit */
    return limit((int32_t)(wide >> 32) + (int32_t)((uint32_t)wide >> 31) + zp);
#endif
}

EE_APART static uint8_t scaled_in_two(const ee_layer *layer, uint32_t c, int32_t acc)
{
    int64_t v = ee_rnd((int64_t)acc * (acc >= 0 ? layer->mult_pos[c] : layer->mult_neg[c]) + layer->add[c], 22);
    return limit((v < -512 ? -512 : v > 512 ? 512 : (int32_t)v) + layer->zp_out);
}

EE_INLINE uint8_t quantise(const ee_layer *layer, uint32_t c, int32_t acc)
{
    return layer->requant ? scaled_in_two(layer, c, acc) : scaled(acc, layer->mult[c], layer->zp_out);
}

/* Sums of two channels of one frame, or of two frames: acc[0], acc[1], then those of the next frame. Each byte is loaded once. */
#define EE_STEP_1(a, b) \
    first = *p++, one = *v++, two = *w++, a += first * one, b += first * two
#define EE_STEP_2(a, b, e, f) \
    first = *p++, one = *v++, two = *w++, second = *q++, a += first * one, b += first * two, e += second * one, f += second * two

EE_APART static void tile_of_1(const uint8_t *p, const int8_t *v, const int8_t *w, uint32_t n, int32_t *acc)
{
    int32_t a = acc[0], b = acc[1], first, one, two;
    const int8_t *end = v + n;
    for (; n & 3; n--) EE_STEP_1(a, b);
    while (v != end) {
        EE_STEP_1(a, b);
        EE_STEP_1(a, b);
        EE_STEP_1(a, b);
        EE_STEP_1(a, b);
    }
    acc[0] = a;
    acc[1] = b;
}

EE_APART static void tile_of_2(const uint8_t *p, uint32_t hop, const int8_t *v, const int8_t *w, uint32_t n, int32_t *acc)
{
    int32_t a = acc[0], b = acc[1], e = acc[0], f = acc[1], first, second, one, two;
    const int8_t *end = v + n;
    const uint8_t *q = p + hop;
    for (; n & 3; n--) EE_STEP_2(a, b, e, f);
    while (v != end) {
        EE_STEP_2(a, b, e, f);
        EE_STEP_2(a, b, e, f);
        EE_STEP_2(a, b, e, f);
        EE_STEP_2(a, b, e, f);
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = e;
    acc[3] = f;
}

/* The window of an output is kernel * cin bytes in a row, and so are the weights of a channel. An odd last channel is computed twice. */
EE_APART static void dense(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t fan_in = (uint32_t)layer->kernel * layer->cin, hop = (uint32_t)layer->stride * layer->cin, cout = layer->cout;
    const int32_t linear = layer->requant == 0, zp = layer->zp_out;
    for (uint32_t frames; n; n -= frames, x += frames * hop, y += frames * cout) {
        frames = n > 1 ? 2 : 1;
        for (uint32_t c = 0; c < cout; c += 2) {
            const uint32_t d = c + 1 < cout ? c + 1 : c;
            const int8_t *v = layer->weights + c * fan_in, *w = layer->weights + d * fan_in;
            int32_t acc[4] = { layer->bias[c], layer->bias[d] };
            if (frames == 2) tile_of_2(x, hop, v, w, fan_in, acc);
            else tile_of_1(x, v, w, fan_in, acc);
            if (linear) {
                const int32_t first = layer->mult[c], second = layer->mult[d];
                y[c] = scaled(acc[0], first, zp);
                y[d] = scaled(acc[1], second, zp);
                if (frames == 1) continue;
                y[cout + c] = scaled(acc[2], first, zp);
                y[cout + d] = scaled(acc[3], second, zp);
            } else {
                for (uint32_t f = 0; f < frames; f++) {
                    y[f * cout + c] = scaled_in_two(layer, c, acc[2 * f]);
                    y[f * cout + d] = scaled_in_two(layer, d, acc[2 * f + 1]);
                }
            }
        }
    }
}

EE_APART static void grouped_by_4(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t cin = layer->cin, span = 4u * layer->kernel, hop = (uint32_t)layer->stride * cin;
    for (uint32_t o = 0; o < n; o++, x += hop, y += cin) {
        const int8_t *w = layer->weights;
        for (uint32_t c = 0; c < cin; c += 2, w += 2 * span) {
            const uint8_t *frame = x + (c & ~3u);
            int32_t a = layer->bias[c], b = layer->bias[c + 1];
            for (const int8_t *v = w, *end = w + span; v != end; v += 4, frame += cin) {
                a += frame[0] * v[0] + frame[1] * v[1] + frame[2] * v[2] + frame[3] * v[3];
                b += frame[0] * v[span] + frame[1] * v[span + 1] + frame[2] * v[span + 2] + frame[3] * v[span + 3];
            }
            y[c] = quantise(layer, c, a);
            y[c + 1] = quantise(layer, c + 1, b);
        }
    }
}

/* Two frames share the weights of a channel. */
EE_APART static void depthwise(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t cin = layer->cin, kernel = layer->kernel, hop = (uint32_t)layer->stride * cin;
    const int8_t *w = layer->weights;
    for (uint32_t c = 0; c < cin; c++, w += kernel) {
        const int8_t *end = w + kernel;
        const uint8_t *in = x + c;
        uint8_t *out = y + c;
        const int32_t bias = layer->bias[c];
        for (uint32_t left = n; left; in += 2 * hop, out += 2 * cin) {
            const uint8_t *frame = in;
            int32_t a = bias, b = bias;
            if (left == 1) {
                for (const int8_t *v = w; v != end; frame += cin) a += *frame * *v++;
                out[0] = quantise(layer, c, a);
                break;
            }
            for (const int8_t *v = w; v != end; frame += cin) {
                int32_t one = *v++;
                a += frame[0] * one;
                b += frame[hop] * one;
            }
            out[0] = quantise(layer, c, a);
            out[cin] = quantise(layer, c, b);
            left -= 2;
        }
    }
}

EE_APART static void grouped(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t cg = layer->cin / layer->groups, per_group = layer->cout / layer->groups, kernel = layer->kernel;
    for (uint32_t o = 0; o < n; o++, x += (size_t)layer->stride * layer->cin, y += layer->cout) {
        const int8_t *w = layer->weights;
        for (uint32_t c = 0; c < layer->cout; c++) {
            const uint8_t *frame = x + c / per_group * cg;
            int32_t acc = layer->bias[c];
            for (uint32_t t = 0; t < kernel; t++, frame += layer->cin)
                for (uint32_t i = 0; i < cg; i++) acc += frame[i] * *w++;
            y[c] = quantise(layer, c, acc);
        }
    }
}

static void conv(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    if (layer->groups == 1) dense(layer, x, y, n);
    else if (layer->cin != layer->cout) grouped(layer, x, y, n);
    else if (layer->cin == layer->groups) depthwise(layer, x, y, n);
    else if (layer->cin == 4 * layer->groups) grouped_by_4(layer, x, y, n);
    else grouped(layer, x, y, n);
}

EE_APART static void linear(const ee_head *head, const uint8_t *u, int32_t *acc)
{
    const int8_t *w = head->weights;
    for (uint32_t d = 0; d < head->dim; d++) {
        int32_t sum = head->bias[d];
        for (uint32_t i = 0; i < head->features; i++) sum += u[i] * *w++;
        acc[d] = sum;
    }
}

#define EE_TARGET
#define EE_NAME(x) x##_tiled
#include "loops.h"

const ee_kernels ee_kernels_tiled = { "tiled", EE_NOT_PACKED, conv, linear, EE_LOOPS };
#endif
