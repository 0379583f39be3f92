/* Weights in the order that the vector kernels read. They are packed once, when a model is loaded on a host.
 *
 * All vector kernels share one layout, in blocks of 16 output channels and steps of 4 bytes of input:
 *
 *     int32 bias[N]                     N: cout, rounded up to 16
 *     float scale[N]                    m / 2^14; requantization 1 reads its own arrays
 *     int8 weights[N / 16][steps][16][4]
 *
 * - dense: a step is 4 bytes of the window in a row (kernel * cin of them, zeros at the end).
 * - depthwise: a step is 4 taps of a channel.
 * - grouped: a step is one tap of a group of 4 channels. Lane 4 j + g holds channel 4 g + j of the block, so that 16
 *   input bytes, repeated four times, meet their weights without a shuffle. In the wide order vector j of a block of 64
 *   holds the channels 4 g + j, so that 64 input bytes do.
 *
 * Processors that multiply signed by signed bytes alone take x - 128; the bias makes up for it. */
#include "pack.h"

#ifndef EE_NO_HOST

static uint32_t round_up(uint32_t n, uint32_t to) { return (n + to - 1) / to * to; }

/* Requantization 1 and depthwise layers read arrays of the file, which end with their last channel. */
ee_shape ee_shape_of(const ee_layer *layer)
{
    const int whole = layer->cout % EE_LANES == 0;
    if (layer->op != EE_CONV || (!whole && layer->requant)) return EE_SHAPE_NONE;
    if (layer->groups == 1) return EE_SHAPE_DENSE;
    if (layer->cin != layer->cout || (!whole && layer->cin == layer->groups)) return EE_SHAPE_NONE;
    if (layer->cin == layer->groups) return EE_SHAPE_DEPTHWISE;
    return layer->cin == 4 * layer->groups ? EE_SHAPE_GROUPED : EE_SHAPE_NONE;
}

uint32_t ee_steps_of(const ee_layer *layer)
{
    switch (ee_shape_of(layer)) {
    case EE_SHAPE_DENSE: return round_up((uint32_t)layer->kernel * layer->cin, 4) / 4;
    case EE_SHAPE_GROUPED: return layer->kernel;
    default: return round_up(layer->kernel, 4) / 4;
    }
}

static size_t packed_bytes(uint32_t channels, uint32_t steps)
{ return (size_t)channels * 8 + (size_t)channels * steps * 4; }

/* The channel that the packed position c holds. In the wide order, narrowing four vectors of 16 sums to 64 bytes
 * interleaves their quarters: the channels are ordered so that it puts them into their natural order. */
static uint32_t channel_at(ee_shape shape, uint32_t wide, uint32_t cout, uint32_t c)
{
    uint32_t lane = c % EE_LANES, first = c - lane, vector = c % 64 / EE_LANES;
    int in_wide = wide && c < cout / 64 * 64;
    if (shape == EE_SHAPE_GROUPED) return in_wide ? c / 64 * 64 + 4 * lane + vector : first + 4 * (lane % 4) + lane / 4;
    return in_wide ? c / 64 * 64 + 16 * (lane / 4) + 4 * vector + lane % 4 : c;
}

static void pack_layer(const ee_layer *layer, uint32_t order, uint8_t *to)
{
    uint32_t n = ee_whole_lanes(layer->cout), steps = ee_steps_of(layer),
             fan_in = (uint32_t)layer->kernel * (layer->cin / layer->groups);
    ee_shape shape = ee_shape_of(layer);
    const uint32_t wide =
        order == EE_PACKED_WIDE && !layer->requant && (shape != EE_SHAPE_DEPTHWISE || ee_in_chains(layer));
    int32_t *bias = (int32_t *)(void *)to;
    float *scale = (float *)(void *)(to + 4 * n);
    int8_t *out = (int8_t *)(to + 8 * n);
    for (uint32_t c = 0; c < n; c++) {
        uint32_t channel = channel_at(shape, wide, n, c);
        const int8_t *w = layer->weights + (size_t)channel * fan_in;
        int8_t *column = out + ((size_t)(c / EE_LANES) * steps * EE_LANES + c % EE_LANES) * 4;
        const uint32_t used = channel < layer->cout ? fan_in : 0; /* behind the layer's last channel: zeros */
        bias[c] = used ? layer->bias[channel] : 0;
        scale[c] = !used || layer->requant ? 0 : (float)layer->mult[channel] / 16384.0f;
        for (uint32_t i = 0; i < 4 * steps; i++) column[i / 4 * EE_LANES * 4 + i % 4] = i < used ? w[i] : 0;
        for (uint32_t i = 0; order == EE_PACKED_SIGNED && i < used; i++) bias[c] += 128 * w[i];
    }
}

/* The head's linear layer as a dense layer of kernel 1. */
static void head_as_layer(const ee_head *head, ee_layer *layer)
{
    ee_fill((uint8_t *)layer, 0, sizeof *layer);
    layer->op = EE_CONV;
    layer->groups = layer->kernel = layer->stride = 1;
    layer->cin = head->features;
    layer->cout = head->dim;
    layer->weights = head->weights;
    layer->bias = head->bias;
    layer->mult = head->mult;
}

/* Packed memory: offsets of the layers' and the head's weights (0: none), then the weights. */
static size_t pack_parts(const ee_model *model, uint8_t *memory)
{
    size_t at = round_up((model->n_layers + 1u) * 4u, 64);
    uint32_t *offsets = (uint32_t *)(void *)memory, order = ((const ee_kernels *)model->kernels)->packed;
    for (uint32_t i = 0; i <= model->n_layers; i++) {
        ee_layer layer;
        ee_head head;
        if (i < model->n_layers) {
            ee_layer_view(model, i, &layer);
        } else {
            ee_head_view(model, &head);
            head_as_layer(&head, &layer);
        }
        uint32_t used = ee_shape_of(&layer) != EE_SHAPE_NONE;
        if (memory) offsets[i] = used ? (uint32_t)at : 0;
        if (memory && used)
            pack_layer(&layer, order == EE_PACKED_WIDE && i == model->n_layers ? EE_PACKED : order, memory + at);
        if (used) at += (packed_bytes(ee_whole_lanes(layer.cout), ee_steps_of(&layer)) + 63u) & ~(size_t)63u;
    }
    return at;
}

size_t ee_pack_size(const ee_model *model)
{ return ((const ee_kernels *)model->kernels)->packed ? pack_parts(model, NULL) : 0; }

void ee_pack(ee_model *model, void *memory)
{
    model->packed = NULL; /* so that the views of pack_parts() read the file */
    pack_parts(model, (uint8_t *)memory);
    model->packed = memory;
}

#endif
