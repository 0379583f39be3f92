/* The trunk as a stream: each tensor is a buffer of frames, each layer computes what its inputs allow.
 * No layer knows of windows or of how the samples came in pieces, so streamed and whole are the same bytes. */
#include "internal.h"

/* Of a tensor's frames. */
static uint32_t frame_bytes(const ee_buffer *x) { return ((uint32_t)x->cap * x->channels + 3u) & ~3u; }

static void take_positions(ee_stream *s, uint8_t **memory)
{
    uint32_t n = s->model->n_layers;
    s->tensors = (ee_tensor *)ee_allocate(memory, (n + 1) * sizeof *s->tensors);
    s->pos_a = (uint16_t *)ee_allocate(memory, n * sizeof *s->pos_a);
    s->pos_b = NULL;
    for (uint32_t i = 0; EE_HAS_ADD && i < n && !s->pos_b; i++)
        if (ee_layer_sources(s->model, i).b != EE_NO_TENSOR)
            s->pos_b = (uint16_t *)ee_allocate(memory, n * sizeof *s->pos_b);
}

#ifdef EE_EXPORTED
/* What is below was computed when the model was exported. */
uint32_t ee_trunk_delay(const ee_model *model) { return model->delay; }

void ee_trunk_layout(ee_stream *s, uint8_t **memory, int filling)
{
    const ee_model *model = s->model;
    (void)filling;
    s->frames = (uint8_t *)ee_allocate(memory, model->frame_bytes);
    s->scratch = s->frames + model->scratch;
    s->buffers = model->buffers;
    take_positions(s, memory);
}
#else
/* ---------------------------------------------------------------- delays and sizes */
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

/* Networks with additions: the delays of all tensors, in samples, because paths meet. */
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

/* Samples behind the input: how far tensor t looks ahead. Walks back from it, counting in frames of where it is. */
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

/* Frames that tensor t lacks to samples / stride once its look-ahead has filled; EE_NO_TENSOR where an addition is
 * among the layers before it. Each layer's count needs the one before: found by walking back from t again, which costs
 * no memory.
 */
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

/* Fills everything but the place of tensor t: its buffer holds what its readers leave plus what one block brings. */
static void shape(const ee_model *model, uint32_t t, uint32_t behind, uint32_t samples, ee_buffer *tensor)
{
    uint32_t pads = 0, tail = 0, held = 0, readers = 0, next = 0, stride = stride_of(model, t);
    uint32_t m = (samples + stride - 1) / stride;
    ee_layer layer;
    tensor->channels = t ? 0 : 1;
    tensor->zp = t ? 0 : 128;
    for (uint32_t i = t ? t - 1 : 0; i < model->n_layers; i++) {
        ee_layer_view(model, i, &layer);
        if (i + 1 == t) {
            tensor->channels = layer.cout;
            tensor->zp = layer.zp_out;
        }
        if (layer.src_a != t && (layer.op != EE_ADD || layer.src_b != t)) continue;
        if (t == 0) tensor->channels = layer.cin;
        readers++;
        next |= (uint32_t)(i == t && layer.op == EE_CONV && layer.kernel == 1 && layer.stride == 1);
        pads = ee_max(pads, layer.pad_left);
        tail = ee_max(tail, (uint32_t)(layer.kernel - 1 - layer.pad_left));
        held =
            ee_max(held, ee_max(layer.kernel,
                                held_by(model, i, &layer, t, behind, EE_BLOCK % stride ? 1 : EE_BLOCK / stride) + m) -
                             m);
    }
    tensor->passing = (uint8_t)(t && readers == 1 && next);
    tensor->pads = (uint8_t)pads;
    tensor->tail = (uint8_t)tail;
    tensor->cap = (uint16_t)(ee_max(held, pads) + m + (samples > EE_BLOCK ? tail : 0)); /* hosts end in one go */
}

/* A passing tensor is read by a pointwise layer right behind the one that writes it, and leaves nothing: all of them
 * share one buffer, in which the result lies while no layer runs, and behind them the reader's scratch. */
uint32_t ee_trunk_plan(const ee_model *model, uint32_t block, ee_buffer *buffers, uint32_t *scratch)
{
    uint32_t n = model->n_layers, previous = 0, end = 0;
    uint32_t shared = 3u * model->dim; /* a result */
    ee_buffer buffer;
    for (uint32_t t = 0; t <= n; t++) {
        shape(model, t, frames_behind(model, t), block, &buffer);
        buffer.passing = (uint8_t)(buffer.passing & !previous); /* two in a row would share their memory */
        previous = buffer.passing;
        buffer.offset = end;
        if (buffer.passing) shared = ee_max(shared, frame_bytes(&buffer) + 4u * buffer.channels);
        else end += frame_bytes(&buffer);
        if (buffers) buffers[t] = buffer;
    }
    for (uint32_t t = 0; t <= n && buffers; t++)
        if (buffers[t].passing) buffers[t].offset = end;
    *scratch = end;
    return end + shared;
}

void ee_trunk_layout(ee_stream *s, uint8_t **memory, int filling)
{
    uint32_t scratch;
    ee_buffer *buffers = (ee_buffer *)ee_allocate(memory, (s->model->n_layers + 1u) * sizeof *buffers);
    uint32_t bytes = ee_trunk_plan(s->model, s->config.block, filling ? buffers : NULL, &scratch);
    s->buffers = buffers;
    s->frames = (uint8_t *)ee_allocate(memory, bytes);
    s->scratch = s->frames + scratch;
    take_positions(s, memory);
}
#endif

void ee_trunk_reset(ee_stream *s)
{
    for (uint32_t t = 0; t <= s->model->n_layers; t++) {
        const ee_buffer *place = &s->buffers[t];
        ee_tensor *x = &s->tensors[t];
        x->count = x->lead = x->real = place->pads;
        x->tail_left = place->tail;
        x->state = EE_TENSOR_GROWING;
        ee_fill(s->frames + place->offset, place->zp, (size_t)place->pads * place->channels);
    }
    for (uint32_t i = 0; i < s->model->n_layers; i++) {
        ee_layer view;
        const ee_layer *layer = ee_layer_at(s, i, &view);
        s->pos_a[i] = (uint16_t)(s->buffers[layer->src_a].pads - layer->pad_left);
        if (EE_HAS_ADD && s->pos_b) s->pos_b[i] = layer->op == EE_ADD ? s->buffers[layer->src_b].pads : 0;
    }
    s->trunk_ended = 0;
    s->frame_next = 0;
}

/* ---------------------------------------------------------------- running */
/* Outputs that layer can compute now: a window must be there whole, and its centre must not be padding. */
static uint32_t outputs(const ee_layer *layer, const ee_tensor *x, uint32_t pos)
{
    int32_t by_window = (int32_t)(x->count - pos) - layer->kernel,
            by_center = (int32_t)(x->real - pos) - layer->pad_left - 1;
    int32_t further = by_window < by_center ? by_window : by_center;
    return further < 0 ? 0 : (uint32_t)further / layer->stride + 1;
}

/* Frames of the padding are left out: where a window has some, it is one of its own. */
static void run_max_pool(const ee_stream *s, const ee_layer *layer, uint32_t pos, uint8_t *y, uint32_t n)
{
    const ee_tensor *x = &s->tensors[layer->src_a];
    const uint8_t *frames = ee_tensor_frames(s, layer->src_a);
    uint32_t stride = layer->stride, channels = layer->cin;
    while (n) {
        uint32_t first = ee_max(pos, x->lead), end = ee_min(pos + layer->kernel, x->real), count = 1;
        if (first == pos && end == pos + layer->kernel) count = ee_min(n, (x->real - end) / stride + 1);
        EE_KERNEL(s->front.kernels, max_pool)(frames + (size_t)first * channels, y, count, end - first,
                                              (size_t)stride * channels, channels);
        n -= count;
        pos += count * stride;
        y += (size_t)count * channels;
    }
}

/* Free frames behind tensor t; a passing tensor has only as many as the tensor behind it can take. */
static uint32_t room(const ee_stream *s, uint32_t t)
{
    uint32_t free = (uint32_t)(s->buffers[t].cap - s->tensors[t].count);
    if (!s->buffers[t].passing) return free;
    return ee_min(free, (uint32_t)(s->buffers[t + 1].cap - s->tensors[t + 1].count));
}

static void run_layer(ee_stream *s, uint32_t i, const ee_layer *layer)
{
    uint32_t from = layer->src_a, also = layer->op == EE_ADD ? layer->src_b : from;
    ee_tensor *a = &s->tensors[from], *out = &s->tensors[i + 1];
    uint8_t *y = ee_tensor_frames(s, i + 1) + (size_t)out->count * s->buffers[i + 1].channels;
    const uint8_t *x = ee_tensor_frames(s, from) + (size_t)s->pos_a[i] * s->buffers[from].channels;
    uint32_t n = outputs(layer, a, s->pos_a[i]);
    if (EE_OP_IS(ee_is_add, layer)) n = ee_min(n, (uint32_t)(s->tensors[also].real - s->pos_b[i]));
    n = ee_min(n, room(s, i + 1)); /* binds at the end of a recording alone */
    if (!n) return;
    if (EE_OP_IS(ee_is_conv, layer)) {
#ifdef EE_NO_HOST
        ee_run_conv(layer, s->buffers[from].passing ? s->scratch + frame_bytes(&s->buffers[from]) : NULL, x, y, n);
#else
        s->front.kernels->conv(layer, x, y, n);
#endif
    } else if (EE_OP_IS(ee_is_max_pool, layer)) {
        run_max_pool(s, layer, s->pos_a[i], y, n);
    } else if (EE_HAS_ADD) {
        const uint8_t *b = ee_tensor_frames(s, also) + (size_t)s->pos_b[i] * s->buffers[also].channels;
        EE_KERNEL(s->front.kernels, add)(layer, x, b, y, n * layer->cout);
    }
    s->pos_a[i] = (uint16_t)(s->pos_a[i] + n * layer->stride);
    if (EE_HAS_ADD && s->pos_b) s->pos_b[i] = (uint16_t)(s->pos_b[i] + n);
    out->count = (uint16_t)(out->count + n);
    out->real = (uint16_t)(out->real + n);
}

/* `frame` of tensor t is still needed. */
static void need(ee_stream *s, uint32_t t, uint32_t frame)
{ s->tensors[t].drop = (uint16_t)ee_min(s->tensors[t].drop, frame); }

/* Frames that no layer needs any more leave their buffers. */
void ee_trunk_discard(ee_stream *s)
{
    uint32_t n = s->model->n_layers;
    for (uint32_t t = 0; t <= n; t++) s->tensors[t].drop = s->tensors[t].count;
    for (uint32_t i = 0; i < n; i++) {
        ee_sources from = ee_layer_sources(s->model, i);
        need(s, from.a, s->pos_a[i]);
        if (EE_HAS_ADD && from.b != EE_NO_TENSOR) need(s, from.b, s->pos_b[i]);
    }
    need(s, n, s->frame_next);
    s->frame_next -= s->tensors[n].drop;
    for (uint32_t i = 0; i < n; i++) {
        ee_sources from = ee_layer_sources(s->model, i);
        s->pos_a[i] = (uint16_t)(s->pos_a[i] - s->tensors[from.a].drop);
        if (EE_HAS_ADD && from.b != EE_NO_TENSOR) s->pos_b[i] = (uint16_t)(s->pos_b[i] - s->tensors[from.b].drop);
    }
    for (uint32_t t = 0; t <= n; t++) {
        ee_tensor *x = &s->tensors[t];
        uint32_t gone = x->drop, channels = s->buffers[t].channels;
        uint8_t *frames = ee_tensor_frames(s, t);
        if (!gone) continue;
        x->count = (uint16_t)(x->count - gone);
        x->real = (uint16_t)(x->real - ee_min(gone, x->real));
        if (EE_ANY_LAYER(ee_is_max_pool)) x->lead = (uint16_t)(x->lead - ee_min(gone, x->lead));
        ee_copy(frames, frames + (size_t)gone * channels, (size_t)x->count * channels);
    }
}

/* Behind the end: padding after a complete tensor, as much as there is room for, and a layer that has used all of its
 * input completes its output. */
static void pad_tail(ee_stream *s, uint32_t t)
{
    const ee_buffer *place = &s->buffers[t];
    ee_tensor *x = &s->tensors[t];
    if (x->state != EE_TENSOR_COMPLETE) return;
    uint32_t n = ee_min(x->tail_left, (uint32_t)(place->cap - x->count));
    ee_fill(ee_tensor_frames(s, t) + (size_t)x->count * place->channels, place->zp, (size_t)n * place->channels);
    x->count = (uint16_t)(x->count + n);
    x->tail_left = (uint8_t)(x->tail_left - n);
    if (!x->tail_left) x->state = EE_TENSOR_PADDED;
}

static int used_up(const ee_stream *s, uint32_t i, const ee_layer *layer)
{
    const ee_tensor *a = &s->tensors[layer->src_a];
    if (a->state != EE_TENSOR_PADDED || s->pos_a[i] + layer->pad_left < a->real) return 0;
    return !EE_OP_IS(ee_is_add, layer) || s->tensors[layer->src_b].state == EE_TENSOR_PADDED;
}

/* Computes the frames that the samples now in tensor 0 allow. With `ended` (no more samples), call it again, pooling
 * the frames in between, until trunk_ended: what the layers held back for their successors comes out piece by piece. */
void ee_trunk_run(ee_stream *s, int ended)
{
    uint32_t n = s->model->n_layers;
    if (ended && s->tensors[0].state == EE_TENSOR_GROWING) s->tensors[0].state = EE_TENSOR_COMPLETE;
    for (uint32_t i = 0; i < n; i++) {
        ee_layer view;
        const ee_layer *layer = ee_layer_at(s, i, &view);
        if (ended) {
            pad_tail(s, layer->src_a);
            if (EE_OP_IS(ee_is_add, layer)) pad_tail(s, layer->src_b);
        }
        run_layer(s, i, layer);
        if (ended && s->tensors[i + 1].state == EE_TENSOR_GROWING && used_up(s, i, layer))
            s->tensors[i + 1].state = EE_TENSOR_COMPLETE;
    }
    s->trunk_ended = s->tensors[n].state == EE_TENSOR_COMPLETE;
}
