/* The trunk as a stream: each tensor is a buffer of frames, each layer computes what its inputs allow.
 * No layer knows of windows or of how the samples came in pieces, so streamed and whole are the same bytes. */
#include "internal.h"

/* Delays of the tensors in samples, strides, and for one tensor how many frames its buffer must hold. */
typedef struct graph { uint32_t delay[EE_MAX_LAYERS + 1]; uint16_t stride[EE_MAX_LAYERS + 1]; } graph;

static void measure(const ee_model *model, graph *g)
{
    ee_layer layer;
    g->delay[0] = 0;
    g->stride[0] = 1;
    for (uint32_t i = 0; i < model->n_layers; i++) {
        ee_layer_view(model, i, &layer);
        uint32_t a = layer.src_a;
        g->delay[i + 1] = g->delay[a] + (uint32_t)(layer.kernel - 1 - layer.pad_left) * g->stride[a];
        if (layer.op == EE_ADD) g->delay[i + 1] = ee_max(g->delay[a], g->delay[layer.src_b]);
        g->stride[i + 1] = (uint16_t)(g->stride[a] * layer.stride);
    }
}

uint32_t ee_trunk_delay(const ee_model *model)
{
    graph g;
    measure(model, &g);
    return g.delay[model->n_layers];
}

/* Fills pads and tail and returns the capacity in frames of tensor t when at most `samples` arrive at once. */
static uint32_t shape(const ee_model *model, const graph *g, uint32_t t, uint32_t samples, ee_tensor *tensor)
{
    uint32_t pads = 0, tail = 0, held = 0;
    ee_layer layer;
    tensor->channels = 0;
    for (uint32_t i = t ? t - 1 : 0; i < model->n_layers; i++) {
        ee_layer_view(model, i, &layer);
        if (i + 1 == t) {
            tensor->channels = layer.cout;
            tensor->zp = layer.zp_out;
        }
        if (layer.src_a != t && (layer.op != EE_ADD || layer.src_b != t)) continue;
        if (t == 0) tensor->channels = layer.cin;
        pads = ee_max(pads, layer.pad_left);
        tail = ee_max(tail, (uint32_t)(layer.kernel - 1 - layer.pad_left));
        if (layer.op == EE_ADD) held = ee_max(held, (g->delay[i + 1] - g->delay[t]) / g->stride[t] + 2);
        else held = ee_max(held, layer.kernel);
    }
    if (t == 0) tensor->zp = 128;
    tensor->pads = (uint8_t)pads;
    tensor->tail = (uint8_t)tail;
    tensor->state = EE_GROWING;
    return pads + held + tail + samples / g->stride[t] + 2;
}

int ee_trunk_layout(ee_stream *s, uint8_t **memory)
{
    const ee_model *model = &s->model;
    int counting = s->tensors == NULL;
    graph g;
    measure(model, &g);
    uint32_t n = model->n_layers;
    ee_tensor *tensors = (ee_tensor *)ee_take(memory, (n + 1) * sizeof *tensors);
    uint32_t *pos_a = (uint32_t *)ee_take(memory, n * sizeof *pos_a);
    uint32_t *pos_b = (uint32_t *)ee_take(memory, n * sizeof *pos_b);
    for (uint32_t t = 0; t <= n; t++) {
        ee_tensor tensor;
        tensor.cap = shape(model, &g, t, s->config.block, &tensor);
        tensor.data = (uint8_t *)ee_take(memory, (size_t)tensor.cap * tensor.channels);
        tensor.count = tensor.lead = tensor.real = 0;
        if (!counting) tensors[t] = tensor;
    }
    s->tensors = tensors;
    s->pos_a = pos_a;
    s->pos_b = pos_b;
    return 1;
}

void ee_trunk_reset(ee_stream *s)
{
    ee_layer layer;
    for (uint32_t t = 0; t <= s->model.n_layers; t++) {
        ee_tensor *x = &s->tensors[t];
        x->count = x->lead = x->real = x->pads;
        x->state = EE_GROWING;
        ee_fill(x->data, x->zp, (size_t)x->count * x->channels);
    }
    for (uint32_t i = 0; i < s->model.n_layers; i++) {
        ee_layer_view(&s->model, i, &layer);
        s->pos_a[i] = s->tensors[layer.src_a].pads - (uint32_t)layer.pad_left;
        s->pos_b[i] = layer.op == EE_ADD ? s->tensors[layer.src_b].pads : 0;
    }
    s->trunk_ended = 0;
    s->frame_next = 0;
    s->frame_index = 0;
}

/* Outputs that layer can compute now: a window must be there whole, and its centre must not be padding. */
static uint32_t outputs(const ee_layer *layer, const ee_tensor *x, uint32_t pos)
{
    uint32_t by_window = pos + layer->kernel <= x->count ? (x->count - pos - layer->kernel) / layer->stride + 1 : 0;
    uint32_t centre = pos + layer->pad_left;
    uint32_t by_centre = centre < x->real ? (x->real - 1 - centre) / layer->stride + 1 : 0;
    return ee_min(by_window, by_centre);
}

static void run_max_pool(const ee_layer *layer, const ee_tensor *x, uint32_t pos, uint8_t *y, uint32_t n)
{
    for (uint32_t o = 0; o < n; o++, pos += layer->stride, y += x->channels) {
        uint32_t first = ee_max(pos, x->lead), end = ee_min(pos + layer->kernel, x->real);
        ee_max_pool_frame(x->data + (size_t)first * x->channels, y, end - first, x->channels);
    }
}

static uint32_t run_layer(ee_stream *s, uint32_t i, const ee_layer *layer)
{
    ee_tensor *a = &s->tensors[layer->src_a], *out = &s->tensors[i + 1];
    ee_tensor *b = layer->op == EE_ADD ? &s->tensors[layer->src_b] : a;
    uint8_t *y = out->data + (size_t)out->count * out->channels;
    const uint8_t *x = a->data + (size_t)s->pos_a[i] * a->channels;
    uint32_t n = outputs(layer, a, s->pos_a[i]);
    if (layer->op == EE_ADD) n = ee_min(n, b->real - s->pos_b[i]);
    n = ee_min(n, out->cap - out->count);                /* binds at the end of a recording alone */
    if (!n) return 0;
    if (layer->op == EE_CONV) ((const ee_kernels *)s->model.kernels)->conv(layer, x, y, n);
    else if (layer->op == EE_MAX_POOL) run_max_pool(layer, a, s->pos_a[i], y, n);
    else ee_add_frames(layer, x, b->data + (size_t)s->pos_b[i] * b->channels, y, n);
    s->pos_a[i] += n * layer->stride;
    s->pos_b[i] += n;
    out->count += n;
    out->real += n;
    return n;
}

/* Frames that no layer needs any more leave their buffer. */
static void drop(ee_stream *s, uint32_t t)
{
    ee_tensor *x = &s->tensors[t];
    ee_layer layer;
    uint32_t n = x->count;
    if (t == s->model.n_layers) n = ee_min(n, s->frame_next);
    for (uint32_t i = t; i < s->model.n_layers; i++) {
        ee_layer_view(&s->model, i, &layer);
        if (layer.src_a == t) n = ee_min(n, s->pos_a[i]);
        if (layer.op == EE_ADD && layer.src_b == t) n = ee_min(n, s->pos_b[i]);
    }
    if (!n) return;
    for (uint32_t i = t; i < s->model.n_layers; i++) {
        ee_layer_view(&s->model, i, &layer);
        if (layer.src_a == t) s->pos_a[i] -= n;
        if (layer.op == EE_ADD && layer.src_b == t) s->pos_b[i] -= n;
    }
    if (t == s->model.n_layers) s->frame_next -= n;
    x->count -= n;
    x->real -= ee_min(n, x->real);
    x->lead -= ee_min(n, x->lead);
    ee_copy(x->data, x->data + (size_t)n * x->channels, (size_t)x->count * x->channels);
}

/* Behind the end: padding after a complete tensor, and a layer that has used all of its input completes its output. */
static void pad_tail(ee_tensor *x)
{
    if (x->state != EE_COMPLETE || x->count + x->tail > x->cap) return;
    ee_fill(x->data + (size_t)x->count * x->channels, x->zp, (size_t)x->tail * x->channels);
    x->count += x->tail;
    x->state = EE_PADDED;
}

static int used_up(const ee_stream *s, uint32_t i, const ee_layer *layer)
{
    const ee_tensor *a = &s->tensors[layer->src_a];
    if (a->state != EE_PADDED || s->pos_a[i] + layer->pad_left < a->real) return 0;
    return layer->op != EE_ADD || s->tensors[layer->src_b].state == EE_PADDED;
}

/* Computes the frames that the samples now in tensor 0 allow. With `ended` (no more samples), call it again, pooling
 * the frames in between, until trunk_ended: what the layers held back for their successors comes out piece by piece. */
void ee_trunk_run(ee_stream *s, int ended)
{
    ee_layer layer;
    uint32_t n = s->model.n_layers;
    drop(s, n);                                          /* frames that were pooled since the last run */
    if (ended && s->tensors[0].state == EE_GROWING) s->tensors[0].state = EE_COMPLETE;
    for (uint32_t i = 0; i < n; i++) {
        ee_layer_view(&s->model, i, &layer);
        if (ended) {
            pad_tail(&s->tensors[layer.src_a]);
            if (layer.op == EE_ADD) pad_tail(&s->tensors[layer.src_b]);
        }
        run_layer(s, i, &layer);
        if (ended && s->tensors[i + 1].state == EE_GROWING && used_up(s, i, &layer)) s->tensors[i + 1].state = EE_COMPLETE;
    }
    for (uint32_t t = 0; t < n; t++) drop(s, t);
    s->trunk_ended = s->tensors[n].state == EE_COMPLETE;
}
