/* Cortex-M4, M7, M33: two products an instruction (SMLAD). docs/numerics.md sections 3 and 4.
 *
 * UXTB16 and SXTB16 spread bytes 0, 2 (and, rotated, 1, 3) of a word over two 16-bit lanes, so four inputs meet four
 * weights in two SMLAD and no order has to be prepared. A multiplier m / 2^14 with its rounding is one SMMULR by m
 * << 18. */
#include "../core/arithmetic.h"
#include "../core/kernels.h"
#include "../core/layer_traits.h"

#if defined(EE_NO_HOST) && defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)
#include "arm_dsp_rows.h"

#define EE_ASM1(name, text)                    \
    EE_ALWAYS_INLINE uint32_t name(uint32_t a) \
    {                                          \
        uint32_t r;                            \
        __asm__(text : "=r"(r) : "r"(a));      \
        return r;                              \
    }
EE_ASM1(even_u, "uxtb16 %0, %1")
EE_ASM1(odd_u, "uxtb16 %0, %1, ror #8")
EE_ASM1(even_s, "sxtb16 %0, %1")
EE_ASM1(odd_s, "sxtb16 %0, %1, ror #8")

EE_ALWAYS_INLINE int32_t dot2(uint32_t x, uint32_t w, int32_t acc)
{
    __asm__("smlad %0, %1, %2, %0" : "+r"(acc) : "r"(x), "r"(w));
    return acc;
}
EE_ALWAYS_INLINE uint32_t low_halves(uint32_t a, uint32_t b) /* lanes a.low, b.low */
{
    uint32_t r;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
EE_ALWAYS_INLINE uint32_t high_halves(uint32_t a, uint32_t b) /* lanes a.high, b.high */
{
    uint32_t r;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(b), "r"(a));
    return r;
}
EE_ALWAYS_INLINE int32_t high_word(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("smmulr %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
EE_ALWAYS_INLINE uint8_t limit(int32_t v)
{
    uint32_t r;
    __asm__("usat %0, #8, %1" : "=r"(r) : "r"(v));
    return (uint8_t)r;
}
EE_ALWAYS_INLINE uint32_t word_at(const void *p) /* any address */
{
    uint32_t r;
    __builtin_memcpy(&r, p, sizeof r);
    return r;
}

EE_ALWAYS_INLINE uint8_t scaled(int32_t acc, int32_t m18, int32_t zp) { return limit(high_word(acc, m18) + zp); }

EE_ALWAYS_INLINE uint8_t quantize(const ee_layer *layer, uint32_t c, int32_t acc)
{
    if (!EE_AFFINE(layer)) return scaled(acc, layer->mult[c] << 18, layer->zp_out);
    int64_t v = ee_rnd((int64_t)acc * (acc >= 0 ? layer->mult_pos[c] : layer->mult_neg[c]) + layer->add[c], 22);
    return limit((v < -512 ? -512 : v > 512 ? 512 : (int32_t)v) + layer->zp_out);
}

/* ---------------------------------------------------------------- dense */
EE_ALWAYS_INLINE void spread4(const uint8_t *x, uint32_t *to)
{
    uint32_t v = word_at(x);
    to[0] = even_u(v);
    to[1] = odd_u(v);
}

/* Four bytes of each of `frames` frames become two words of lanes, eight bytes at a time. */
EE_ALWAYS_INLINE void spread(const uint8_t *x, uint32_t hop, uint32_t fan_in, uint32_t frames, uint32_t *to)
{
    for (const uint8_t *end = x + fan_in; x != end; x += 8, to += 4 * frames) {
        spread4(x, to);
        if (frames == 2) spread4(x + hop, to + 2);
        spread4(x + 4, to + 2 * frames);
        if (frames == 2) spread4(x + hop + 4, to + 6);
    }
}

/* Two frames by two channels at a time. The inputs are spread once, into the layer's scratch; export-c has paired the
 * weights. Linear requantization. */
EE_NOINLINE static void dense_pairs(const ee_layer *layer, uint8_t *scratch, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t fan_in = (uint32_t)layer->kernel * layer->cin, hop = (uint32_t)layer->stride * layer->cin,
                   cout = layer->cout;
    uint32_t *const inputs = (uint32_t *)(void *)scratch;
    for (uint32_t frames; n; n -= frames, x += frames * hop, y += frames * cout) {
        frames = n > 1 ? 2 : 1;
        rows r = {
            inputs,       inputs + frames * (fan_in / 2), layer->packed, layer->bias, layer->mult, y, y + cout, cout,
            layer->zp_out
        };
        if (frames == 2) {
            spread(x, hop, fan_in, 2, inputs);
            rows_of_2(&r);
        } else {
            spread(x, hop, fan_in, 1, inputs);
            rows_of_1(&r);
        }
    }
}

/* Four bytes, at any address. */
EE_ALWAYS_INLINE int32_t dot4(const uint8_t *x, const int8_t *w, int32_t acc)
{
    uint32_t a = word_at(x), b = word_at(w);
    return dot2(odd_u(a), odd_s(b), dot2(even_u(a), even_s(b), acc));
}

/* Any fan-in: words of four, then the rest one by one. */
EE_ALWAYS_INLINE int32_t dot(const uint8_t *x, const int8_t *w, uint32_t n, int32_t acc)
{
    for (; n >= 4; n -= 4, x += 4, w += 4) acc = dot4(x, w, acc);
    for (; n; n--) acc += *x++ * *w++;
    return acc;
}

/* The last word of n bytes, where n is no multiple of 4: bytes of the word before it are zero. n is at least 4. */
EE_ALWAYS_INLINE uint32_t last_word(const uint8_t *x, uint32_t n)
{ return word_at(x + n - 4) >> (4 - n % 4) * 8 << (4 - n % 4) * 8; }

/* Two frames share the weights; the last one may be computed twice. */
EE_NOINLINE static void dense_plain(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t fan_in = (uint32_t)layer->kernel * layer->cin, hop = (uint32_t)layer->stride * layer->cin,
                   cout = layer->cout;
    for (uint32_t o = 0; o < n; o += 2) {
        uint32_t next = o + 1 < n;
        const int8_t *w = layer->weights;
        const uint8_t *x0 = x + (size_t)o * hop, *x1 = x0 + next * hop;
        uint8_t *y0 = y + (size_t)o * cout, *y1 = y0 + next * cout;
        for (uint32_t c = 0; c < cout; c++) {
            int32_t a = layer->bias[c], b = a;
            const uint8_t *p = x0, *q = x1;
            for (const int8_t *end = w + fan_in / 4 * 4; w != end; w += 4, p += 4, q += 4) {
                uint32_t v = word_at(w), even = even_s(v), odd = odd_s(v), s = word_at(p), t = word_at(q);
                a = dot2(odd_u(s), odd, dot2(even_u(s), even, a));
                b = dot2(odd_u(t), odd, dot2(even_u(t), even, b));
            }
            if (fan_in % 4) {
                w += fan_in % 4;
                uint32_t v = word_at(w - 4), even = even_s(v), odd = odd_s(v), s = last_word(x0, fan_in),
                         t = last_word(x1, fan_in);
                a = dot2(odd_u(s), odd, dot2(even_u(s), even, a));
                b = dot2(odd_u(t), odd, dot2(even_u(t), even, b));
            }
            y0[c] = quantize(layer, c, a);
            y1[c] = quantize(layer, c, b);
        }
    }
}

/* Fan-in of `words` words, the last one shorter: the inputs of two frames are spread once for all channels. */
EE_ALWAYS_INLINE void dense_short(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n, uint32_t words)
{
    const uint32_t fan_in = (uint32_t)layer->kernel * layer->cin, hop = (uint32_t)layer->stride * layer->cin,
                   cout = layer->cout;
    for (uint32_t o = 0; o < n; o += 2, x += 2 * hop, y += 2 * cout) {
        const uint32_t next = o + 1 < n ? cout : 0;
        const uint8_t *x1 = next ? x + hop : x;
        uint32_t p[2 * 3], q[2 * 3];
        for (uint32_t i = 0; i < words; i++) {
            uint32_t u = i + 1 < words ? word_at(x + 4 * i) : last_word(x, fan_in),
                     v = i + 1 < words ? word_at(x1 + 4 * i) : last_word(x1, fan_in);
            p[2 * i] = even_u(u), p[2 * i + 1] = odd_u(u), q[2 * i] = even_u(v), q[2 * i + 1] = odd_u(v);
        }
        const int8_t *w = layer->weights;
        const int32_t *bias = layer->bias, zp = layer->zp_out;
        const int16_t *mult = layer->mult;
        for (uint8_t *out = y, *end = y + cout; out != end; w += fan_in, out++) {
            int32_t a = *bias++, b = a, m = *mult++ << 18;
            for (uint32_t i = 0; i < words; i++) {
                uint32_t u = word_at(i + 1 < words ? w + 4 * i : w + fan_in - 4), even = even_s(u), odd = odd_s(u);
                a = dot2(p[2 * i + 1], odd, dot2(p[2 * i], even, a));
                b = dot2(q[2 * i + 1], odd, dot2(q[2 * i], even, b));
            }
            out[next] = scaled(b, m, zp);
            out[0] = scaled(a, m, zp);
        }
    }
}
EE_NOINLINE static void dense_5_to_7(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{ dense_short(layer, x, y, n, 2); }
EE_NOINLINE static void dense_9_to_11(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{ dense_short(layer, x, y, n, 3); }

/* ---------------------------------------------------------------- groups of four channels */
/* Four sums share the spread inputs of a tap. */
EE_NOINLINE static void grouped_by_4(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t cin = layer->cin, span = 4u * layer->kernel, hop = (uint32_t)layer->stride * cin;
    for (uint32_t o = 0; o < n; o++, x += hop, y += cin) {
        const int8_t *w = layer->weights;
        for (uint32_t c = 0; c < cin; c += 4, w += 3 * span) {
            const uint8_t *frame = x + c;
            int32_t a = layer->bias[c], b = layer->bias[c + 1], d = layer->bias[c + 2], e = layer->bias[c + 3];
            for (const int8_t *end = w + span; w != end; w += 4, frame += cin) {
                uint32_t v = word_at(frame), even = even_u(v), odd = odd_u(v), u = word_at(w);
                a = dot2(odd, odd_s(u), dot2(even, even_s(u), a));
                u = word_at(w + span);
                b = dot2(odd, odd_s(u), dot2(even, even_s(u), b));
                u = word_at(w + 2 * span);
                d = dot2(odd, odd_s(u), dot2(even, even_s(u), d));
                u = word_at(w + 3 * span);
                e = dot2(odd, odd_s(u), dot2(even, even_s(u), e));
            }
            y[c] = quantize(layer, c, a);
            y[c + 1] = quantize(layer, c + 1, b);
            y[c + 2] = quantize(layer, c + 2, d);
            y[c + 3] = quantize(layer, c + 3, e);
        }
    }
}

/* ---------------------------------------------------------------- depthwise */
EE_ALWAYS_INLINE uint32_t pair(uint32_t low, uint32_t high) { return low | high << 16; }

/* Depthwise with 7 taps, a channel at a time: three pairs of inputs slide along, two frames further an output. */
EE_NOINLINE static void depthwise_7(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t cin = layer->cin;
    const int32_t zp = layer->zp_out;
    const int8_t *w = layer->weights;
    for (uint32_t c = 0; c < cin; c++, w += 7) {
        uint32_t u = word_at(w), v = word_at(w + 3), even = even_s(u), odd = odd_s(u), w35 = even_s(v), w46 = odd_s(v),
                 w45, left = n;
        uint32_t w01 = low_halves(even, odd), w23 = high_halves(even, odd);
        __asm__("pkhbt %0, %1, %2" : "=r"(w45) : "r"(w46), "r"(w35));
        const uint8_t *in = x + c;
        uint8_t *out = y + c;
        uint32_t x01 = pair(in[0], in[cin]), x23, x45;
        in += 2 * cin;
        x23 = pair(in[0], in[cin]);
        in += 2 * cin;
        x45 = pair(in[0], in[cin]);
        const int32_t bias = layer->bias[c], mult = layer->mult[c] << 18;
        for (;;) {
            in += 2 * cin;
            uint32_t x6 = *in;
            int32_t acc = dot2(x45, w45, dot2(x23, w23, dot2(x01, w01, bias)));
            __asm__("smlabt %0, %1, %2, %0" : "+r"(acc) : "r"(x6), "r"(w46));
            *out = scaled(acc, mult, zp);
            if (!--left) break;
            out += cin;
            x01 = x23;
            x23 = x45;
            x45 = pair(x6, in[cin]);
        }
    }
}

#define EE_DOT                   dot
#define EE_PUT(layer, c, acc, y) (y)[c] = quantize(layer, c, acc)
#include "../core/grouped_conv.h"

/* ---------------------------------------------------------------- which of them */
EE_ALWAYS_INLINE int is_dense(ee_layer_traits l) { return l.op == EE_CONV && l.groups == 1; }
EE_ALWAYS_INLINE int is_pairs(ee_layer_traits l) { return is_dense(l) && l.scratch; }
EE_ALWAYS_INLINE int is_short(ee_layer_traits l, uint32_t words)
{ return is_dense(l) && !l.requant && l.kernel * l.cin % 4 && l.kernel * l.cin / 4 == words - 1; }
EE_ALWAYS_INLINE int is_2_words(ee_layer_traits l) { return is_short(l, 2); }
EE_ALWAYS_INLINE int is_3_words(ee_layer_traits l) { return is_short(l, 3); }
EE_ALWAYS_INLINE int is_plain(ee_layer_traits l)
{ return is_dense(l) && !is_pairs(l) && !is_2_words(l) && !is_3_words(l) && l.kernel * l.cin >= 4; }
EE_ALWAYS_INLINE int is_depthwise_7(ee_layer_traits l)
{ return ee_is_depthwise(l) && l.kernel == 7 && l.stride == 2 && !l.requant; }
EE_ALWAYS_INLINE int is_other(ee_layer_traits l)
{ return l.op == EE_CONV && !ee_is_by_4(l) && !is_depthwise_7(l) && (l.groups > 1 || l.kernel * l.cin < 4); }

void ee_run_conv(const ee_layer *layer, uint8_t *scratch, const uint8_t *x, uint8_t *y, uint32_t n)
{
    if (!layer->packed) scratch = NULL; /* which is for paired weights */
    if (EE_CONV_IS(is_pairs, layer, scratch)) dense_pairs(layer, scratch, x, y, n);
    else if (EE_CONV_IS(is_2_words, layer, scratch)) dense_5_to_7(layer, x, y, n);
    else if (EE_CONV_IS(is_3_words, layer, scratch)) dense_9_to_11(layer, x, y, n);
    else if (EE_CONV_IS(is_plain, layer, scratch)) dense_plain(layer, x, y, n);
    else if (EE_CONV_IS(ee_is_by_4, layer, scratch)) grouped_by_4(layer, x, y, n);
    else if (EE_CONV_IS(is_depthwise_7, layer, scratch)) depthwise_7(layer, x, y, n);
    else if (EE_ANY_LAYER(is_other)) grouped(layer, x, y, n);
}

int32_t ee_run_dot(const uint8_t *u, const int8_t *w, uint32_t n)
{
    int32_t acc = 0;
    for (const uint8_t *end = u + (n & ~7u); u != end; u += 8, w += 8) acc = dot4(u + 4, w + 4, dot4(u, w, acc));
    for (n &= 7; n; n--) acc += *u++ * *w++;
    return acc;
}
#endif
