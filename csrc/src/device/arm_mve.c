/* Cortex-M55, M85 and others with MVE (Helium). docs/numerics.md sections 3 and 4.
 *
 * Dense layers widen eight bytes to 16-bit lanes as they load and sum eight products an instruction (VMLADAVA); groups
 * of four channels gather four taps, 16 bytes, and use signed bytes: sum (x - 128) w + 128 sum w. A multiplier m / 2^14
 * with its rounding is one VRMULH by m << 18. */
#include "../core/arithmetic.h"
#include "../core/kernels.h"
#include "../core/layer_traits.h"

#if defined(EE_NO_HOST) && defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

EE_NOINLINE static uint8_t scaled_in_two(const ee_layer *layer, uint32_t c, int32_t acc)
{
    int64_t v = ee_rnd((int64_t)acc * (acc >= 0 ? layer->mult_pos[c] : layer->mult_neg[c]) + layer->add[c], 22);
    return (uint8_t)ee_clamp((v < -512 ? -512 : v > 512 ? 512 : (int32_t)v) + layer->zp_out, 0, 255);
}

EE_ALWAYS_INLINE int32x4_t scaled(int32x4_t acc, int32x4_t mult, int32x4_t zp)
{
    int32x4_t v = vaddq_s32(vrmulhq_s32(acc, vshlq_n_s32(mult, 18)), zp);
    return vminq_s32(vmaxq_s32(v, vdupq_n_s32(0)), vdupq_n_s32(255));
}

/* Four sums of the channels from c on become bytes; at most `left` of them. */
EE_ALWAYS_INLINE void store_4(const ee_layer *layer, uint32_t c, uint32_t left, const int32_t *acc, uint8_t *y)
{
    if (EE_AFFINE(layer)) {
        for (uint32_t i = 0; i < 4 && i < left; i++) y[c + i] = scaled_in_two(layer, c + i, acc[i]);
    } else {
        mve_pred16_t p = vctp32q(left);
        int32x4_t mult = vldrhq_z_s32(layer->mult + c, p);
        vstrbq_p_s32((int8_t *)y + c, scaled(vldrwq_s32(acc), mult, vdupq_n_s32(layer->zp_out)), p);
    }
}

/* One frame by four channels; rows of weights behind the last channel repeat it. */
EE_NOINLINE static void dense(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t fan_in = (uint32_t)layer->kernel * layer->cin, hop = (uint32_t)layer->stride * layer->cin,
                   cout = layer->cout;
    const mve_pred16_t tail = vctp16q(fan_in % 8);
    for (uint32_t o = 0; o < n; o++, x += hop, y += cout) {
        for (uint32_t c = 0; c < cout; c += 4) {
            const uint32_t last = cout - 1 - c, left = cout - c;
            const int8_t *w0 = layer->weights + (size_t)c * fan_in, *w1 = w0 + (last > 0 ? fan_in : 0);
            const int8_t *w2 = w1 + (last > 1 ? fan_in : 0), *w3 = w2 + (last > 2 ? fan_in : 0);
            const uint8_t *in = x;
            int32_t a = 0, b = 0, d = 0, e = 0, acc[4];
            for (uint32_t i = fan_in / 8; i; i--, in += 8, w0 += 8, w1 += 8, w2 += 8, w3 += 8) {
                int16x8_t v = vreinterpretq_s16_u16(vldrbq_u16(in));
                a = vmladavaq_s16(a, v, vldrbq_s16(w0));
                b = vmladavaq_s16(b, v, vldrbq_s16(w1));
                d = vmladavaq_s16(d, v, vldrbq_s16(w2));
                e = vmladavaq_s16(e, v, vldrbq_s16(w3));
            }
            if (fan_in % 8) {
                int16x8_t v = vreinterpretq_s16_u16(vldrbq_z_u16(in, tail));
                a = vmladavaq_s16(a, v, vldrbq_z_s16(w0, tail));
                b = vmladavaq_s16(b, v, vldrbq_z_s16(w1, tail));
                d = vmladavaq_s16(d, v, vldrbq_z_s16(w2, tail));
                e = vmladavaq_s16(e, v, vldrbq_z_s16(w3, tail));
            }
            acc[0] = a, acc[1] = b, acc[2] = d, acc[3] = e;
            vstrwq_s32(acc, vaddq_s32(vldrwq_s32(acc), vldrwq_z_s32(layer->bias + c, vctp32q(left))));
            store_4(layer, c, left, acc, y);
        }
    }
}

/* The same for whole tiles and linear requantization. has_tail: fan_in is no multiple of 8. */
EE_ALWAYS_INLINE void dense_tiles(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n, int has_tail)
{
    const uint32_t fan_in = (uint32_t)layer->kernel * layer->cin, hop = (uint32_t)layer->stride * layer->cin,
                   cout = layer->cout;
    const mve_pred16_t tail = vctp16q(fan_in % 8);
    const int32x4_t zp = vdupq_n_s32(layer->zp_out);
    for (uint32_t o = 0; o < n; o++, x += hop) {
        const int8_t *w0 = layer->weights;
        const int32_t *bias = layer->bias;
        const int16_t *mult = layer->mult;
        for (const uint8_t *end = y + cout; y != end; y += 4, bias += 4, mult += 4, w0 += 3 * fan_in) {
            const int8_t *w1 = w0 + fan_in, *w2 = w1 + fan_in, *w3 = w2 + fan_in;
            const uint8_t *in = x;
            int32_t a = 0, b = 0, d = 0, e = 0;
            if (!has_tail || fan_in > 8) { /* GCC spills the pointers of this loop in C */
                __asm__ volatile("dls lr, %[n]\n"
                                 "1:\n\t"
                                 "vldrb.u16 q6, [%[x]], #8\n\t"
                                 "vldrb.s16 q7, [%[w0]], #8\n\t"
                                 "vmlava.s16 %[a], q6, q7\n\t"
                                 "vldrb.s16 q7, [%[w1]], #8\n\t"
                                 "vmlava.s16 %[b], q6, q7\n\t"
                                 "vldrb.s16 q7, [%[w2]], #8\n\t"
                                 "vmlava.s16 %[d], q6, q7\n\t"
                                 "vldrb.s16 q7, [%[w3]], #8\n\t"
                                 "vmlava.s16 %[e], q6, q7\n\t"
                                 "le lr, 1b"
                                 : [x] "+r"(in), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3),
                                   [a] "+Te"(a), [b] "+Te"(b), [d] "+Te"(d), [e] "+Te"(e)
                                 : [n] "r"(fan_in / 8)
                                 : "lr", "q6", "q7", "memory");
            }
            if (has_tail) {
                int16x8_t v = vreinterpretq_s16_u16(vldrbq_z_u16(in, tail)); /* the lanes behind it are 0 */
                a = vmladavaq_s16(a, v, vldrbq_z_s16(w0, tail));
                b = vmladavaq_s16(b, v, vldrbq_z_s16(w1, tail));
                d = vmladavaq_s16(d, v, vldrbq_z_s16(w2, tail));
                e = vmladavaq_s16(e, v, vldrbq_z_s16(w3, tail));
                w0 += fan_in % 8;
            }
            int32x4_t acc; /* two lanes an instruction */
            __asm__("vmov %q[acc][2], %q[acc][0], %[a], %[d]\n\t"
                    "vmov %q[acc][3], %q[acc][1], %[b], %[e]"
                    : [acc] "=&w"(acc)
                    : [a] "r"(a), [b] "r"(b), [d] "r"(d), [e] "r"(e));
            vstrbq_s32((int8_t *)y, scaled(vaddq_s32(acc, vldrwq_s32(bias)), vldrhq_s32(mult), zp));
        }
    }
}
EE_NOINLINE static void dense_whole(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{ dense_tiles(layer, x, y, n, 0); }
EE_NOINLINE static void dense_tailed(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{ dense_tiles(layer, x, y, n, 1); }

/* Four channels in, four out: the gathered inputs of four taps meet the weights of each output channel. */
EE_NOINLINE static void grouped_by_4(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t cin = layer->cin, span = 4u * layer->kernel, hop = (uint32_t)layer->stride * cin;
    const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), cin);
    for (uint32_t o = 0; o < n; o++, x += hop, y += cin) {
        const int8_t *w = layer->weights;
        for (uint32_t c = 0; c < cin; c += 4, w += 4 * span) {
            const uint8_t *frame = x + c;
            int32_t a = 0, b = 0, d = 0, e = 0, sa = 0, sb = 0, sd = 0, se = 0, acc[4];
            for (uint32_t t = 0; t < span; t += 16, frame += 4 * cin) {
                mve_pred16_t p = vctp8q(span - t);
                uint32x4_t taps = vldrwq_gather_offset_z_u32((const uint32_t *)(const void *)frame, offsets, p);
                int8x16_t v = vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_u32(taps), vdupq_n_u8(128))), u;
                u = vldrbq_z_s8(w + t, p);
                a = vmladavaq_s8(a, v, u);
                sa = vaddvaq_s8(sa, u);
                u = vldrbq_z_s8(w + span + t, p);
                b = vmladavaq_s8(b, v, u);
                sb = vaddvaq_s8(sb, u);
                u = vldrbq_z_s8(w + 2 * span + t, p);
                d = vmladavaq_s8(d, v, u);
                sd = vaddvaq_s8(sd, u);
                u = vldrbq_z_s8(w + 3 * span + t, p);
                e = vmladavaq_s8(e, v, u);
                se = vaddvaq_s8(se, u);
            }
            acc[0] = a + sa * 128, acc[1] = b + sb * 128, acc[2] = d + sd * 128, acc[3] = e + se * 128;
            vstrwq_s32(acc, vaddq_s32(vldrwq_s32(acc), vldrwq_s32(layer->bias + c)));
            store_4(layer, c, 4, acc, y);
        }
    }
}

/* The bytes of eight sums: saturated to 16 bits, and after the zero point to 8. */
EE_ALWAYS_INLINE void store_8(uint8_t *y, int32x4_t even, int32x4_t odd, int32x4_t mult_even, int32x4_t mult_odd,
                              int16_t zp)
{
    even = vrmulhq_s32(even, mult_even);
    int16x8_t v = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(even), even), vrmulhq_s32(odd, mult_odd));
    v = vqaddq_n_s16(v, zp);
    vstrbq_u16(y, vreinterpretq_u16_u8(vqmovunbq_s16(vreinterpretq_u8_s16(v), v)));
}

/* Eight channels at a time: even and odd ones in a vector of sums each. Two frames share the weights. Linear
 * requantization. */
EE_NOINLINE static void depthwise(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    const uint32_t cin = layer->cin, kernel = layer->kernel, hop = (uint32_t)layer->stride * cin;
    const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)kernel);
    const int16_t zp = layer->zp_out;
    for (uint32_t c = 0; c < cin; c += 8) {
        const int16x8_t mult = vldrhq_s16(layer->mult + c);
        const int32x4_t mult_even = vshlq_n_s32(vmovlbq_s16(mult), 18), mult_odd = vshlq_n_s32(vmovltq_s16(mult), 18);
        const int32x4x2_t bias = vld2q_s32(layer->bias + c);
        const int8_t *const weights = layer->weights + (size_t)c * kernel;
        const uint8_t *in = x + c;
        uint8_t *out = y + c;
        for (uint32_t pairs = n / 2; pairs; pairs--, in += 2 * hop, out += 2 * cin) {
            int32x4_t even = bias.val[0], odd = bias.val[1], even_2 = even, odd_2 = odd;
            const uint8_t *first = in, *second = in + hop;
            const int8_t *w = weights;
            for (uint32_t t = kernel; t; t--, first += cin, second += cin) {
                int16x8_t u = vldrbq_gather_offset_s16(w++, offsets), v = vreinterpretq_s16_u16(vldrbq_u16(first));
                even = vaddq_s32(even, vmullbq_int_s16(v, u));
                odd = vaddq_s32(odd, vmulltq_int_s16(v, u));
                v = vreinterpretq_s16_u16(vldrbq_u16(second));
                even_2 = vaddq_s32(even_2, vmullbq_int_s16(v, u));
                odd_2 = vaddq_s32(odd_2, vmulltq_int_s16(v, u));
            }
            store_8(out, even, odd, mult_even, mult_odd, zp);
            store_8(out + cin, even_2, odd_2, mult_even, mult_odd, zp);
        }
        if (n % 2) {
            int32x4_t even = bias.val[0], odd = bias.val[1];
            const int8_t *w = weights;
            for (uint32_t t = kernel; t; t--, in += cin) {
                int16x8_t u = vldrbq_gather_offset_s16(w++, offsets), v = vreinterpretq_s16_u16(vldrbq_u16(in));
                even = vaddq_s32(even, vmullbq_int_s16(v, u));
                odd = vaddq_s32(odd, vmulltq_int_s16(v, u));
            }
            store_8(out, even, odd, mult_even, mult_odd, zp);
        }
    }
}

EE_ALWAYS_INLINE int32_t dot(const uint8_t *x, const int8_t *w, uint32_t n, int32_t acc)
{
    for (; n >= 8; n -= 8, x += 8, w += 8)
        acc = vmladavaq_s16(acc, vreinterpretq_s16_u16(vldrbq_u16(x)), vldrbq_s16(w));
    mve_pred16_t p = vctp16q(n);
    return n ? vmladavaq_s16(acc, vreinterpretq_s16_u16(vldrbq_z_u16(x, p)), vldrbq_z_s16(w, p)) : acc;
}

#define EE_DOT                   dot
#define EE_PUT(layer, c, acc, y) store_4(layer, c, 1, &acc, y)
#include "../core/grouped_conv.h"

/* ---------------------------------------------------------------- which of them */
EE_ALWAYS_INLINE int is_dense(ee_layer_traits l) { return l.op == EE_CONV && l.groups == 1; }
EE_ALWAYS_INLINE int is_tiles(ee_layer_traits l) { return is_dense(l) && l.cout % 4 == 0 && !l.requant; }
EE_ALWAYS_INLINE int is_whole(ee_layer_traits l) { return is_tiles(l) && l.kernel * l.cin % 8 == 0; }
EE_ALWAYS_INLINE int is_tailed(ee_layer_traits l) { return is_tiles(l) && l.kernel * l.cin % 8 != 0; }
EE_ALWAYS_INLINE int is_plain(ee_layer_traits l) { return is_dense(l) && !is_tiles(l); }
EE_ALWAYS_INLINE int is_depthwise_8(ee_layer_traits l) { return ee_is_depthwise(l) && l.cin % 8 == 0 && !l.requant; }
EE_ALWAYS_INLINE int is_other(ee_layer_traits l)
{ return l.op == EE_CONV && l.groups > 1 && !ee_is_by_4(l) && !is_depthwise_8(l); }

void ee_run_conv(const ee_layer *layer, uint8_t *scratch, const uint8_t *x, uint8_t *y, uint32_t n)
{
    if (EE_CONV_IS(is_whole, layer, scratch)) dense_whole(layer, x, y, n);
    else if (EE_CONV_IS(is_tailed, layer, scratch)) dense_tailed(layer, x, y, n);
    else if (EE_CONV_IS(is_plain, layer, scratch)) dense(layer, x, y, n);
    else if (EE_CONV_IS(ee_is_by_4, layer, scratch)) grouped_by_4(layer, x, y, n);
    else if (EE_CONV_IS(is_depthwise_8, layer, scratch)) depthwise(layer, x, y, n);
    else if (EE_ANY_LAYER(is_other)) grouped(layer, x, y, n);
}

int32_t ee_run_dot(const uint8_t *u, const int8_t *w, uint32_t n) { return dot(u, w, n, 0); }
#endif
