/* Devices without vector instructions: Cortex-M0+, M3, RV32 and any other. docs/numerics.md sections 3 and 4 in
 * portable C. A tile of two frames by two channels loads each byte once for two products. */
#include "../core/arithmetic.h"
#include "../core/kernels.h"
#include "../core/layer_traits.h"

#if defined(EE_NO_HOST) && !defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)

EE_ALWAYS_INLINE uint8_t limit(int32_t v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

/* rnd(acc * m, 14), limited. */
EE_ALWAYS_INLINE uint8_t scaled(int32_t acc, int32_t m, int32_t zp)
{
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
    /* No 32 x 32 -> 64 product: acc = high * 2^14 + low, and high * m fits int32 where the result is not far out of
     * range. */
    int32_t high = acc >> 14, low = acc & 16383;
    high = high < -(1 << 17) ? -(1 << 17) : high > 1 << 17 ? 1 << 17 : high;
    return limit(high * m + ((low * m + (1 << 13)) >> 14) + zp);
#else
    int64_t wide = (int64_t)acc * (m << 18); /* the high word, rounded by the low word's highest bit */
    return limit((int32_t)(wide >> 32) + (int32_t)((uint32_t)wide >> 31) + zp);
#endif
}

EE_NOINLINE static uint8_t scaled_in_two(const ee_layer *layer, uint32_t c, int32_t acc)
{
    int64_t v = ee_rnd((int64_t)acc * (acc >= 0 ? layer->mult_pos[c] : layer->mult_neg[c]) + layer->add[c], 22);
    return limit((v < -512 ? -512 : v > 512 ? 512 : (int32_t)v) + layer->zp_out);
}

EE_ALWAYS_INLINE uint8_t quantize(const ee_layer *layer, uint32_t c, int32_t acc)
{ return EE_AFFINE(layer) ? scaled_in_two(layer, c, acc) : scaled(acc, layer->mult[c], layer->zp_out); }

/* Sums of two channels of one frame, or of two frames: acc[0], acc[1], then those of the next frame. Each byte is
 * loaded once. */
#define EE_STEP_1(a, b) first = *p++, one = *v++, two = *w++, a += first * one, b += first * two
#define EE_STEP_2(a, b, e, f)                                                                                   \
    first = *p++, one = *v++, two = *w++, second = *q++, a += first * one, b += first * two, e += second * one, \
    f += second * two
#define EE_4(step) \
    do {           \
        step;      \
        step;      \
        step;      \
        step;      \
    } while (0)

EE_NOINLINE static void tile_of_1(const uint8_t *p, const int8_t *v, const int8_t *w, uint32_t n, int32_t *acc)
{
    int32_t a = acc[0], b = acc[1], first, one, two;
    const int8_t *end = v + n;
    for (; n & 3; n--) EE_STEP_1(a, b);
    if (n & 4) EE_4(EE_STEP_1(a, b));
    while (v != end) {
        EE_4(EE_STEP_1(a, b));
        EE_4(EE_STEP_1(a, b));
    }
    acc[0] = a;
    acc[1] = b;
}

EE_NOINLINE static void tile_of_2(const uint8_t *p, uint32_t hop, const int8_t *v, const int8_t *w, uint32_t n,
                                  int32_t *acc)
{
    int32_t a = acc[0], b = acc[1], e = acc[0], f = acc[1], first, second, one, two;
    const int8_t *end = v + n;
    const uint8_t *q = p + hop;
    for (; n & 3; n--) EE_STEP_2(a, b, e, f);
    if (n & 4) EE_4(EE_STEP_2(a, b, e, f));
    while (v != end) {
        EE_4(EE_STEP_2(a, b, e, f));
        EE_4(EE_STEP_2(a, b, e, f));
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = e;
    acc[3] = f;
}

/* The window of an output is kernel * cin bytes in a row, and so are the weights of a channel. An odd last channel is
 * computed twice. */
EE_NOINLINE static void dense(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t fan_in = (uint32_t)layer->kernel * layer->cin, hop = (uint32_t)layer->stride * layer->cin,
                   cout = layer->cout;
    const int32_t linear = !EE_AFFINE(layer), zp = layer->zp_out;
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

EE_NOINLINE static void grouped_by_4(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
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
            y[c] = quantize(layer, c, a);
            y[c + 1] = quantize(layer, c + 1, b);
        }
    }
}

/* Two frames share the weights of a channel. */
EE_NOINLINE static void depthwise(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t cin = layer->cin, kernel = layer->kernel, hop = (uint32_t)layer->stride * cin;
    const int32_t linear = !EE_AFFINE(layer), zp = layer->zp_out;
    const int8_t *w = layer->weights;
    for (uint32_t c = 0; c < cin; c++, w += kernel) {
        const int8_t *end = w + kernel;
        const uint8_t *in = x + c;
        uint8_t *out = y + c;
        const int32_t bias = layer->bias[c], mult = linear ? layer->mult[c] : 0;
        for (uint32_t left = n; left; in += 2 * hop, out += 2 * cin) {
            const uint8_t *frame = in;
            int32_t a = bias, b = bias;
            if (left == 1) {
                for (const int8_t *v = w; v != end; frame += cin) a += *frame * *v++;
                out[0] = linear ? scaled(a, mult, zp) : scaled_in_two(layer, c, a);
                break;
            }
            for (const int8_t *v = w; v != end; frame += cin) {
                int32_t one = *v++;
                a += frame[0] * one;
                b += frame[hop] * one;
            }
            out[0] = linear ? scaled(a, mult, zp) : scaled_in_two(layer, c, a);
            out[cin] = linear ? scaled(b, mult, zp) : scaled_in_two(layer, c, b);
            left -= 2;
        }
    }
}

EE_ALWAYS_INLINE int32_t dot(const uint8_t *x, const int8_t *w, uint32_t n, int32_t acc)
{
    for (; n & 7; n--) acc += *x++ * *w++;
    for (const int8_t *end = w + n; w != end;) {
        EE_4(acc += *x++ * *w++);
        EE_4(acc += *x++ * *w++);
    }
    return acc;
}
#define EE_DOT                   dot
#define EE_PUT(layer, c, acc, y) (y)[c] = quantize(layer, c, acc)
#include "../core/grouped_conv.h"

EE_ALWAYS_INLINE int is_dense(ee_layer_traits l) { return l.op == EE_CONV && l.groups == 1; }
EE_ALWAYS_INLINE int is_other(ee_layer_traits l)
{ return l.op == EE_CONV && !is_dense(l) && !ee_is_depthwise(l) && !ee_is_by_4(l); }

void ee_run_conv(const ee_layer *layer, uint8_t *scratch, const uint8_t *x, uint8_t *y, uint32_t n)
{
    if (EE_CONV_IS(is_dense, layer, scratch)) dense(layer, x, y, n);
    else if (EE_CONV_IS(ee_is_depthwise, layer, scratch)) depthwise(layer, x, y, n);
    else if (EE_CONV_IS(ee_is_by_4, layer, scratch)) grouped_by_4(layer, x, y, n);
    else if (EE_ANY_LAYER(is_other)) grouped(layer, x, y, n);
}

int32_t ee_run_dot(const uint8_t *u, const int8_t *w, uint32_t n) { return dot(u, w, n, 0); }
#endif
