/* The portable kernels: docs/numerics.md section 3 and 4 as plain loops. */
#include "internal.h"

/* acc already contains the bias */
static inline uint8_t quantise(const ee_layer *layer, uint32_t c, int32_t acc)
{
    if (layer->requant) return ee_affine(layer, c, acc);
    return (uint8_t)ee_clamp(ee_scale(acc, layer->mult[c], EE_SHIFT) + layer->zp_out, 0, 255);
}

/* Dense: the window of an output is kernel * cin bytes in a row, and so are the weights of a channel. */
static void conv_dense(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t fan_in = (uint32_t)layer->kernel * layer->cin, hop = (uint32_t)layer->stride * layer->cin;
    for (uint32_t o = 0; o < n; o++, x += hop, y += layer->cout) {
        const int8_t *w = layer->weights;
        for (uint32_t c = 0; c < layer->cout; c++, w += fan_in) {
            int32_t acc = 0;
            for (uint32_t i = 0; i < fan_in; i++) acc += x[i] * w[i];
            y[c] = quantise(layer, c, acc + layer->bias[c]);
        }
    }
}

/* Groups of exactly four channels in and out: four accumulators share each input frame. */
static void conv_grouped_by_4(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
{
    uint32_t kernel = layer->kernel, cin = layer->cin, span = 4 * kernel, hop = (uint32_t)layer->stride * cin;
    for (uint32_t g = 0; g < layer->groups; g++) {
        const int8_t *w = layer->weights + (size_t)g * 4 * span;
        const int32_t *bias = layer->bias + 4 * g;
        for (uint32_t o = 0; o < n; o++) {
            const uint8_t *frame = x + (size_t)o * hop + 4 * g;
            int32_t acc[4] = { bias[0], bias[1], bias[2], bias[3] };
            for (uint32_t t = 0; t < span; t += 4, frame += cin) {
                for (uint32_t c = 0; c < 4; c++) {
                    const int8_t *v = w + c * span + t;
                    acc[c] += frame[0] * v[0] + frame[1] * v[1] + frame[2] * v[2] + frame[3] * v[3];
                }
            }
            for (uint32_t c = 0; c < 4; c++) y[(size_t)o * layer->cout + 4 * g + c] = quantise(layer, 4 * g + c, acc[c]);
        }
    }
}

static void conv_grouped(const ee_layer *layer, const uint8_t *x, uint8_t *y, uint32_t n)
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
    if (layer->groups == 1) conv_dense(layer, x, y, n);
    else if (layer->cin == 4 * layer->groups && layer->cout == layer->cin) conv_grouped_by_4(layer, x, y, n);
    else conv_grouped(layer, x, y, n);
}

static void linear(const ee_head *head, const uint8_t *u, int32_t *acc)
{
    const int8_t *w = head->weights;
    for (uint32_t d = 0; d < head->dim; d++, w += head->features) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < head->features; i++) sum += u[i] * w[i];
        acc[d] = sum + head->bias[d];
    }
}

#define EE_TARGET
#define EE_NAME(x) x##_scalar
#include "loops.h"

const ee_kernels ee_kernels_scalar = { "scalar", EE_NOT_PACKED, conv, linear, EE_LOOPS };

void ee_add_frames(const ee_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *y, uint32_t n)
{
    for (uint32_t i = 0; i < n * layer->cout; i++) {
        int32_t v = (a[i] - layer->zp_a) * layer->m_a + (b[i] - layer->zp_b) * layer->m_b;
        y[i] = (uint8_t)ee_clamp(((v + (1 << (EE_SHIFT - 1))) >> EE_SHIFT) + layer->zp_out, 0, 255);
    }
}

void ee_max_pool_frame(const uint8_t *x, uint8_t *y, uint32_t frames, uint32_t channels)
{
    ee_copy(y, x, channels);
    for (uint32_t t = 1; t < frames; t++)
        for (uint32_t c = 0; c < channels; c++) y[c] = x[t * channels + c] > y[c] ? x[t * channels + c] : y[c];
}
