#include "trunk.h"

#include "arena.h"
#include "arithmetic.h"
#include "bytes.h"
#include "layer_traits.h"

/* Layer i, counted from 0: viewed into *view where it is neither a constant nor kept. */
static inline const ee_layer *layer_at(const ee_trunk *t, uint32_t i, ee_layer *view)
{
#ifdef EE_EXPORTED
    (void)view;
    return &t->model->layers[i];
#elif defined(EE_NO_HOST)
    ee_layer_view(t->model, i, view);
    return view;
#else
    (void)view;
    return &t->layers[i];
#endif
}

/* ---------------------------------------------------------------- memory */
static void allocate_positions(ee_trunk *t, uint8_t **memory)
{
    uint32_t n = t->model->n_layers;
    t->tensors = (ee_tensor *)ee_allocate(memory, (n + 1) * sizeof *t->tensors);
    t->pos_a = (uint16_t *)ee_allocate(memory, n * sizeof *t->pos_a);
    t->pos_b = NULL;
    for (uint32_t i = 0; EE_HAS_ADD && i < n && !t->pos_b; i++)
        if (ee_layer_sources(t->model, i).b != EE_NO_TENSOR)
            t->pos_b = (uint16_t *)ee_allocate(memory, n * sizeof *t->pos_b);
}

#ifdef EE_EXPORTED
/* The places of the tensors were computed when the model was exported. */
void ee_trunk_layout(ee_trunk *t, uint32_t block, uint8_t **memory, int filling)
{
    const ee_model *model = t->model;
    (void)block;
    (void)filling;
    t->frames = (uint8_t *)ee_allocate(memory, model->frame_bytes);
    t->scratch = t->frames + model->scratch;
    t->buffers = model->buffers;
    allocate_positions(t, memory);
}
#else
void ee_trunk_layout(ee_trunk *t, uint32_t block, uint8_t **memory, int filling)
{
    uint32_t scratch;
    ee_buffer *buffers = (ee_buffer *)ee_allocate(memory, (t->model->n_layers + 1u) * sizeof *buffers);
    uint32_t bytes = ee_trunk_plan(t->model, block, filling ? buffers : NULL, &scratch);
    t->buffers = buffers;
    t->frames = (uint8_t *)ee_allocate(memory, bytes);
    t->scratch = t->frames + scratch;
    allocate_positions(t, memory);
}
#endif

void ee_trunk_reset(ee_trunk *t)
{
    for (uint32_t i = 0; i <= t->model->n_layers; i++) {
        const ee_buffer *place = &t->buffers[i];
        ee_tensor *x = &t->tensors[i];
        x->count = x->lead = x->real = place->pad_front;
        x->padding = place->pad_behind;
        x->state = EE_TENSOR_GROWING;
        ee_fill(t->frames + place->offset, place->zero_point, (size_t)place->pad_front * place->channels);
    }
    for (uint32_t i = 0; i < t->model->n_layers; i++) {
        ee_layer view;
        const ee_layer *layer = layer_at(t, i, &view);
        t->pos_a[i] = (uint16_t)(t->buffers[layer->src_a].pad_front - layer->pad_left);
        if (EE_HAS_ADD && t->pos_b) t->pos_b[i] = layer->op == EE_ADD ? t->buffers[layer->src_b].pad_front : 0;
    }
    t->ended = 0;
    t->next_frame = 0;
}

/* ---------------------------------------------------------------- running */
/* Outputs that a layer can compute now: their windows must be there whole, and their centers must not be padding. */
static uint32_t outputs_ready(const ee_layer *layer, const ee_tensor *x, uint32_t pos)
{
    int32_t by_window = (int32_t)(x->count - pos) - layer->kernel,
            by_center = (int32_t)(x->real - pos) - layer->pad_left - 1;
    int32_t further = by_window < by_center ? by_window : by_center;
    return further < 0 ? 0 : (uint32_t)further / layer->stride + 1;
}

/* Frames of the padding are left out: a window that has some is run by itself. */
static void run_max_pool(const ee_trunk *t, const ee_layer *layer, uint32_t pos, uint8_t *y, uint32_t n)
{
    const ee_tensor *x = &t->tensors[layer->src_a];
    const uint8_t *frames = ee_tensor_frames(t, layer->src_a);
    uint32_t stride = layer->stride, channels = layer->cin;
    while (n) {
        uint32_t first = ee_max(pos, x->lead), end = ee_min(pos + layer->kernel, x->real), count = 1;
        if (first == pos && end == pos + layer->kernel) count = ee_min(n, (x->real - end) / stride + 1);
        EE_KERNEL(t->kernels, max_pool)(frames + (size_t)first * channels, y, count, end - first,
                                        (size_t)stride * channels, channels);
        n -= count;
        pos += count * stride;
        y += (size_t)count * channels;
    }
}

/* Free frames behind a tensor. A transient one has only as many as the tensor that is made of it can take. */
static uint32_t room(const ee_trunk *t, uint32_t tensor)
{
    uint32_t free = (uint32_t)(t->buffers[tensor].capacity - t->tensors[tensor].count);
    if (!t->buffers[tensor].transient) return free;
    return ee_min(free, (uint32_t)(t->buffers[tensor + 1].capacity - t->tensors[tensor + 1].count));
}

static void run_layer(ee_trunk *t, uint32_t i, const ee_layer *layer)
{
    uint32_t from = layer->src_a, also = layer->op == EE_ADD ? layer->src_b : from;
    ee_tensor *a = &t->tensors[from], *out = &t->tensors[i + 1];
    uint8_t *y = ee_tensor_frames(t, i + 1) + (size_t)out->count * t->buffers[i + 1].channels;
    const uint8_t *x = ee_tensor_frames(t, from) + (size_t)t->pos_a[i] * t->buffers[from].channels;
    uint32_t n = outputs_ready(layer, a, t->pos_a[i]);
    if (EE_OP_IS(ee_is_add, layer)) n = ee_min(n, (uint32_t)(t->tensors[also].real - t->pos_b[i]));
    n = ee_min(n, room(t, i + 1)); /* fewer at the end of a recording alone */
    if (!n) return;
    if (EE_OP_IS(ee_is_conv, layer)) {
#ifdef EE_NO_HOST
        ee_run_conv(layer, t->buffers[from].transient ? t->scratch + ee_buffer_bytes(&t->buffers[from]) : NULL, x, y,
                    n);
#else
        t->kernels->conv(layer, x, y, n);
#endif
    } else if (EE_OP_IS(ee_is_max_pool, layer)) {
        run_max_pool(t, layer, t->pos_a[i], y, n);
    } else if (EE_HAS_ADD) {
        const uint8_t *b = ee_tensor_frames(t, also) + (size_t)t->pos_b[i] * t->buffers[also].channels;
        EE_KERNEL(t->kernels, add)(layer, x, b, y, n * layer->cout);
    }
    t->pos_a[i] = (uint16_t)(t->pos_a[i] + n * layer->stride);
    if (EE_HAS_ADD && t->pos_b) t->pos_b[i] = (uint16_t)(t->pos_b[i] + n);
    out->count = (uint16_t)(out->count + n);
    out->real = (uint16_t)(out->real + n);
}

/* `frame` of a tensor is still needed. */
static void need(ee_trunk *t, uint32_t tensor, uint32_t frame)
{ t->tensors[tensor].drop = (uint16_t)ee_min(t->tensors[tensor].drop, frame); }

void ee_trunk_discard(ee_trunk *t)
{
    uint32_t n = t->model->n_layers;
    for (uint32_t i = 0; i <= n; i++) t->tensors[i].drop = t->tensors[i].count;
    for (uint32_t i = 0; i < n; i++) {
        ee_sources from = ee_layer_sources(t->model, i);
        need(t, from.a, t->pos_a[i]);
        if (EE_HAS_ADD && from.b != EE_NO_TENSOR) need(t, from.b, t->pos_b[i]);
    }
    need(t, n, t->next_frame);
    t->next_frame = (uint16_t)(t->next_frame - t->tensors[n].drop);
    for (uint32_t i = 0; i < n; i++) {
        ee_sources from = ee_layer_sources(t->model, i);
        t->pos_a[i] = (uint16_t)(t->pos_a[i] - t->tensors[from.a].drop);
        if (EE_HAS_ADD && from.b != EE_NO_TENSOR) t->pos_b[i] = (uint16_t)(t->pos_b[i] - t->tensors[from.b].drop);
    }
    for (uint32_t i = 0; i <= n; i++) {
        ee_tensor *x = &t->tensors[i];
        uint32_t gone = x->drop, channels = t->buffers[i].channels;
        uint8_t *frames = ee_tensor_frames(t, i);
        if (!gone) continue;
        x->count = (uint16_t)(x->count - gone);
        x->real = (uint16_t)(x->real - ee_min(gone, x->real));
        if (EE_ANY_LAYER(ee_is_max_pool)) x->lead = (uint16_t)(x->lead - ee_min(gone, x->lead));
        ee_copy(frames, frames + (size_t)gone * channels, (size_t)x->count * channels);
    }
}

/* Behind the end: as much padding after a complete tensor as there is room for. */
static void pad_behind(ee_trunk *t, uint32_t tensor)
{
    const ee_buffer *place = &t->buffers[tensor];
    ee_tensor *x = &t->tensors[tensor];
    if (x->state != EE_TENSOR_COMPLETE) return;
    uint32_t n = ee_min(x->padding, (uint32_t)(place->capacity - x->count));
    ee_fill(ee_tensor_frames(t, tensor) + (size_t)x->count * place->channels, place->zero_point,
            (size_t)n * place->channels);
    x->count = (uint16_t)(x->count + n);
    x->padding = (uint8_t)(x->padding - n);
    if (!x->padding) x->state = EE_TENSOR_PADDED;
}

/* Has layer i used all of its input? Then its output is complete. */
static int input_used_up(const ee_trunk *t, uint32_t i, const ee_layer *layer)
{
    const ee_tensor *a = &t->tensors[layer->src_a];
    if (a->state != EE_TENSOR_PADDED || t->pos_a[i] + layer->pad_left < a->real) return 0;
    return !EE_OP_IS(ee_is_add, layer) || t->tensors[layer->src_b].state == EE_TENSOR_PADDED;
}

void ee_trunk_run(ee_trunk *t, int ended)
{
    uint32_t n = t->model->n_layers;
    if (ended && t->tensors[0].state == EE_TENSOR_GROWING) t->tensors[0].state = EE_TENSOR_COMPLETE;
    for (uint32_t i = 0; i < n; i++) {
        ee_layer view;
        const ee_layer *layer = layer_at(t, i, &view);
        if (ended) {
            pad_behind(t, layer->src_a);
            if (EE_OP_IS(ee_is_add, layer)) pad_behind(t, layer->src_b);
        }
        run_layer(t, i, layer);
        if (ended && t->tensors[i + 1].state == EE_TENSOR_GROWING && input_used_up(t, i, layer))
            t->tensors[i + 1].state = EE_TENSOR_COMPLETE;
    }
    t->ended = t->tensors[n].state == EE_TENSOR_COMPLETE;
}
