/* Where the trunk of a model file keeps its tensors, and how far it looks ahead. An exported folder has both as
 * constants: export-c asks for them here. */
#include "../core/arithmetic.h"
#include "../core/trunk.h"

#ifndef EE_EXPORTED
/* ---------------------------------------------------------------- look-ahead */
static uint32_t stride_of(const ee_model *model, uint32_t t)
{
    uint32_t stride = 1;
    ee_layer layer;
    for (; t; t = layer.src_a) {
        ee_layer_view(model, t - 1, &layer);
        stride *= layer.stride;
    }
    return stride;
}

/* Networks with additions: the delays of all tensors in samples, because paths meet. */
static EE_NOINLINE uint32_t delay_by_table(const ee_model *model, uint32_t t)
{
    uint32_t delay[EE_MAX_LAYERS + 1];
    ee_layer layer;
    delay[0] = 0;
    for (uint32_t i = 0; i < t; i++) {
        ee_layer_view(model, i, &layer);
        uint32_t a = layer.src_a;
        delay[i + 1] = delay[a] + (uint32_t)(layer.kernel - 1 - layer.pad_left) * stride_of(model, a);
        if (layer.op == EE_ADD) delay[i + 1] = ee_max(delay[a], delay[layer.src_b]);
    }
    return delay[t];
}

/* How many samples tensor t looks ahead. Walks back from it and counts in frames of the tensor that it has reached. */
static uint32_t delay_of(const ee_model *model, uint32_t t)
{
    uint32_t frames = 0;
    ee_layer layer;
    for (; t; t = layer.src_a) {
        ee_layer_view(model, t - 1, &layer);
        if (layer.op == EE_ADD) return frames * stride_of(model, t) + delay_by_table(model, t);
        frames = frames * layer.stride + (uint32_t)(layer.kernel - 1 - layer.pad_left);
    }
    return frames;
}

uint32_t ee_trunk_delay(const ee_model *model) { return delay_of(model, model->n_layers); }

/* ---------------------------------------------------------------- sizes and places */
/* Frames that tensor t lacks to samples / stride once its look-ahead has filled; EE_NO_TENSOR where an addition is
 * among the layers before it. Each layer's count needs the one before, which is found by walking back from t again:
 * that costs no memory. */
static uint32_t frames_behind(const ee_model *model, uint32_t t)
{
    uint32_t depth = 0, behind = 0;
    for (uint32_t i = t; i; i = ee_layer_sources(model, i - 1).a) {
        if (ee_layer_sources(model, i - 1).b != EE_NO_TENSOR) return EE_NO_TENSOR;
        depth++;
    }
    for (; depth; depth--) {
        ee_layer layer;
        uint32_t i = t;
        for (uint32_t back = 1; back < depth; back++) i = ee_layer_sources(model, i - 1).a;
        ee_layer_view(model, i - 1, &layer);
        behind = (uint32_t)(layer.kernel + (int32_t)behind - layer.pad_left - 1) / layer.stride;
    }
    return behind;
}

/* Frames of tensor t that layer i, which reads it, leaves there while m more come at a time. The frames that tensor t
 * lacks to samples / stride (`behind`) and the padding in front decide which of the possible kernel - stride .. kernel
 * - 1. */
static uint32_t held_by(const ee_model *model, uint32_t i, const ee_layer *layer, uint32_t t, uint32_t behind,
                        uint32_t m)
{
    uint32_t kernel = layer->kernel, stride = layer->stride;
    if (layer->op == EE_ADD) return (delay_of(model, i + 1) - delay_of(model, t)) / stride_of(model, t) + 2;
    if (m % stride || stride > kernel || behind == EE_NO_TENSOR) return kernel - 1u;
    return kernel - stride + (layer->pad_left + (behind + kernel) * (stride - 1)) % stride;
}

/* Fills everything but the place of tensor t: its buffer holds what its readers leave and what one block brings. */
static void plan_tensor(const ee_model *model, uint32_t t, uint32_t behind, uint32_t samples, ee_buffer *buffer)
{
    uint32_t pad_front = 0, pad_behind = 0, held = 0, readers = 0, next = 0, stride = stride_of(model, t);
    uint32_t m = (samples + stride - 1) / stride, m_32 = EE_BLOCK % stride ? 1 : EE_BLOCK / stride;
    ee_layer layer;
    buffer->channels = t ? 0 : 1;
    buffer->zero_point = t ? 0 : 128;
    for (uint32_t i = t ? t - 1 : 0; i < model->n_layers; i++) {
        ee_layer_view(model, i, &layer);
        if (i + 1 == t) {
            buffer->channels = layer.cout;
            buffer->zero_point = layer.zp_out;
        }
        if (layer.src_a != t && (layer.op != EE_ADD || layer.src_b != t)) continue;
        if (t == 0) buffer->channels = layer.cin;
        readers++;
        next |= (uint32_t)(i == t && layer.op == EE_CONV && layer.kernel == 1 && layer.stride == 1);
        pad_front = ee_max(pad_front, layer.pad_left);
        pad_behind = ee_max(pad_behind, (uint32_t)(layer.kernel - 1 - layer.pad_left));
        held = ee_max(held, ee_max(layer.kernel, held_by(model, i, &layer, t, behind, m_32) + m) - m);
    }
    buffer->transient = (uint8_t)(t && readers == 1 && next);
    buffer->pad_front = (uint8_t)pad_front;
    buffer->pad_behind = (uint8_t)pad_behind;
    /* Hosts, whose blocks are larger, end a recording in one go: the padding has to fit. */
    buffer->capacity = (uint16_t)(ee_max(held, pad_front) + m + (samples > EE_BLOCK ? pad_behind : 0));
}

/* A transient tensor is read by a pointwise layer right behind the one that writes it, and leaves nothing. All of them
 * share one buffer, in which the result lies while no layer runs; behind them lies the reader's scratch. */
uint32_t ee_trunk_plan(const ee_model *model, uint32_t block, ee_buffer *buffers, uint32_t *scratch)
{
    uint32_t n = model->n_layers, previous = 0, end = 0;
    uint32_t shared = 3u * model->dim; /* a result */
    ee_buffer buffer;
    for (uint32_t t = 0; t <= n; t++) {
        plan_tensor(model, t, frames_behind(model, t), block, &buffer);
        buffer.transient = (uint8_t)(buffer.transient & !previous); /* two in a row would share their memory */
        previous = buffer.transient;
        buffer.offset = end;
        if (buffer.transient) shared = ee_max(shared, ee_buffer_bytes(&buffer) + 4u * buffer.channels);
        else end += ee_buffer_bytes(&buffer);
        if (buffers) buffers[t] = buffer;
    }
    for (uint32_t t = 0; t <= n && buffers; t++)
        if (buffers[t].transient) buffers[t].offset = end;
    *scratch = end;
    return end + shared;
}
#endif
