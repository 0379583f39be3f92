/* The portable kernels: docs/numerics.md section 3 and 4 as plain loops. */
#include "../core/arithmetic.h"
#include "../core/constants.h"
#include "../core/kernels.h"

#ifndef EE_NO_HOST /* devices have kernels of their own */
/* Requantization 1: leaky ReLU, then an affine map. */
static inline uint8_t quantize_affine(const ee_layer *layer, uint32_t c, int32_t acc)
{
    int64_t v =
        ee_rnd((int64_t)acc * (acc >= 0 ? layer->mult_pos[c] : layer->mult_neg[c]) + layer->add[c], 22) + layer->zp_out;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* acc already contains the bias. */
static inline uint8_t quantize(const ee_layer *layer, uint32_t c, int32_t acc)
{
    if (layer->requant) return quantize_affine(layer, c, acc);
    return (uint8_t)ee_clamp(ee_rescale(acc, layer->mult[c], EE_MULT_SHIFT) + layer->zp_out, 0, 255);
}

#define PIECE  512u /* weights of a channel that are widened at once: 5 KB of stack in all */
#define FRAMES 64u  /* frames that share them */

/* Four channels meet the same input. Products of 16 bits and sums of 32: processors have one instruction for that. */
static void dot4(int16_t w[4][PIECE], const uint8_t *bytes, const int16_t *words, uint32_t n, int32_t acc[4])
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (uint32_t i = 0; i < n; i++) {
        int16_t u = bytes ? bytes[i] : words[i];
        a += u * w[0][i];
        b += u * w[1][i];
        c += u * w[2][i];
        d += u * w[3][i];
    }
    acc[0] += a;
    acc[1] += b;
    acc[2] += c;
    acc[3] += d;
}

/* Bytes first .. first + n - 1 of a group's window, in a row. */
static void gather(const ee_layer *layer, const uint8_t *frame, uint32_t first, uint32_t n, int16_t *out)
{
    uint32_t width = layer->cin / layer->groups, channel = first % width;
    frame += (size_t)(first / width) * layer->cin;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = frame[channel];
        if (++channel == width) {
            channel = 0;
            frame += layer->cin;
        }
    }
}

/* Groups of 4 are the common case: whole taps, zeros up to a multiple of 16. */
static uint32_t gather_by_4(const ee_layer *layer, const uint8_t *frame, int16_t *out)
{
    uint32_t n = 0;
    for (uint32_t t = 0; t < layer->kernel; t++, frame += layer->cin)
        for (uint32_t i = 0; i < 4; i++) out[n++] = frame[i];
    for (; n % 16; n++) out[n] = 0;
    return n;
}

/* Layers whose groups put out a multiple of four channels, in tiles of 4 channels by FRAMES frames by PIECE weights. */
static void conv_by_4(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t width = layer->cin / layer->groups, span = layer->kernel * width,
             hop = (uint32_t)layer->stride * layer->cin;
    int by_4 = layer->groups > 1 && width == 4 && span + 16 <= PIECE;
    int16_t w[4][PIECE], words[PIECE];
    int32_t acc[FRAMES][4];
    for (uint32_t c = 0; c < layer->cout; c += 4) {
        const uint8_t *in = x + c / (layer->cout / layer->groups) * width;
        for (uint32_t first = 0, length; first < span; first += length) {
            length = ee_min(PIECE, span - first);
            for (uint32_t j = 0; j < 4; j++) {
                const int8_t *from = layer->weights + (size_t)(c + j) * span + first;
                for (uint32_t i = 0; i < length; i++) w[j][i] = from[i];
                for (uint32_t i = length; by_4 && i % 16; i++) w[j][i] = 0;
            }
            for (uint32_t o = 0; o < n; o++) {
                const uint8_t *frame = in + (size_t)o * hop;
                if (first == 0)
                    for (uint32_t j = 0; j < 4; j++) acc[o][j] = layer->bias[c + j];
                if (layer->groups == 1) {
                    dot4(w, frame + first, NULL, length, acc[o]);
                } else if (by_4) {
                    dot4(w, NULL, words, gather_by_4(layer, frame, words), acc[o]);
                } else {
                    gather(layer, frame, first, length, words);
                    dot4(w, NULL, words, length, acc[o]);
                }
            }
        }
        for (uint32_t o = 0; o < n; o++)
            for (uint32_t j = 0; j < 4; j++) y[(size_t)o * layer->cout + c + j] = quantize(layer, c + j, acc[o][j]);
    }
}

/* Depthwise: 16 channels side by side. */
static void conv_depthwise(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t kernel = layer->kernel, cin = layer->cin;
    int16_t w[PIECE][16];
    for (uint32_t c = 0; c < cin; c += 16) {
        for (uint32_t t = 0; t < kernel; t++)
            for (uint32_t i = 0; i < 16; i++) w[t][i] = layer->weights[(size_t)(c + i) * kernel + t];
        for (uint32_t o = 0; o < n; o++) {
            const uint8_t *frame = x + (size_t)o * layer->stride * cin + c;
            int32_t acc[16];
            for (uint32_t i = 0; i < 16; i++) acc[i] = layer->bias[c + i];
            for (uint32_t t = 0; t < kernel; t++, frame += cin)
                for (uint32_t i = 0; i < 16; i++) acc[i] += (int16_t)frame[i] * w[t][i];
            for (uint32_t i = 0; i < 16; i++) y[(size_t)o * cin + c + i] = quantize(layer, c + i, acc[i]);
        }
    }
}

static inline int32_t dot(const uint8_t *x, const int8_t *w, uint32_t n, int32_t acc)
{
    for (uint32_t i = 0; i < n; i++) acc += x[i] * w[i];
    return acc;
}
#define EE_DOT                   dot
#define EE_PUT(layer, c, acc, y) (y)[c] = quantize(layer, c, acc)
#include "../core/grouped_conv.h"

static void conv(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    if (layer->cin == layer->groups && layer->cout == layer->groups && layer->cin % 16 == 0) {
        conv_depthwise(layer, x, y, n);
    } else if (layer->cout / layer->groups % 4 == 0) {
        for (uint32_t o = 0; o < n; o += FRAMES)
            conv_by_4(layer, x + (size_t)o * layer->stride * layer->cin, y + (size_t)o * layer->cout,
                      ee_min(FRAMES, n - o));
    } else {
        grouped(layer, x, y, n);
    }
}

static void linear(const ee_head *head, const uint8_t *u, int32_t *acc)
{
    const int8_t *w = head->weights;
    for (uint32_t d = 0; d < head->dim; d++, w += head->features) acc[d] = dot(u, w, head->features, head->bias[d]);
}

#define EE_TARGET
#define EE_NAME(x) x##_scalar
#include "../core/kernel_loops.h"

const ee_kernels ee_kernels_scalar = { "scalar", EE_NOT_PACKED, conv, linear, EE_LOOPS };
#endif
