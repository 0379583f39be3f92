/* Lays a stream out in the caller's memory, and resets it. */
#include "arena.h"
#include "arithmetic.h"
#include "front_end.h"
#include "resampler.h"
#include "open_windows.h"

static int usable(const ee_model *model, const ee_config *config)
{
    return model && config && config->fs_mhz >= 50000 && config->fs_mhz <= 4000000 && config->hop >= 1 &&
           config->hop <= (1u << 24) && config->block % EE_BLOCK == 0 && config->block <= (1u << 14) &&
           config->mult <= (1u << 16) && config->shift <= 40 && config->shift >= -15;
}

/* Sets what the layout depends on; 0 where the model does not take that configuration. */
static int prepare(ee_stream *s, const ee_model *model, const ee_config *config)
{
    if (!usable(model, config)) return 0;
    s->config = *config;
    if (!s->config.block) s->config.block = EE_BLOCK;
#ifdef EE_EXPORTED
    s->trunk.model = model;
    s->front.front = model->front;
    s->windows.pool = model->head->pool;
    if (s->config.block != model->block) return 0; /* its buffers are for that one */
#else
    ee_head head;
    s->trunk.model[0] = *model;
    ee_head_view(model, &head);
    s->windows.pool = head.pool;
    ee_front_view(model, &s->front_view);
    s->front.front = &s->front_view;
#endif
#ifndef EE_NO_HOST
    s->front.kernels = s->front.ring.kernels = s->trunk.kernels = (const ee_kernels *)model->kernels;
#endif
    return ee_windows_fit(model, &s->config) && (EE_FRONT_KIND(s->front.front) || config->fs_mhz == EE_RATE_MHZ);
}

/* Lays out everything behind the stream's own struct. */
static void layout(ee_stream *s, uint8_t **memory, int filling)
{
    ee_trunk_layout(&s->trunk, s->config.block, memory, filling);
    ee_front_layout(&s->front, &s->config, EE_LEVELS && s->trunk.model->levels, memory);
    ee_windows_layout(s, memory);
}

#ifndef EE_NO_HOST
/* What vector kernels may read behind the last frame of a window. */
static size_t overread_bytes(const ee_model *model)
{
    uint32_t widest = 0;
    for (uint32_t i = 0; i < model->n_layers; i++) {
        ee_layer layer;
        ee_layer_view(model, i, &layer);
        widest = ee_max(widest, layer.cin);
    }
    return (size_t)widest * EE_OVERREAD_FRAMES;
}
#endif

/* Lays out all of a stream; returns the memory behind it. */
static uint8_t *place(ee_stream *s, uint8_t *memory, int filling)
{
    (void)ee_allocate(&memory, sizeof *s);
    layout(s, &memory, filling);
#ifndef EE_NO_HOST
    (void)ee_allocate(&memory, overread_bytes(s->trunk.model));
    s->trunk.layers = (ee_layer *)ee_allocate_8(&memory, s->trunk.model->n_layers * sizeof *s->trunk.layers);
    for (uint32_t i = 0; filling && i < s->trunk.model->n_layers; i++)
        ee_layer_view(s->trunk.model, i, &s->trunk.layers[i]);
#endif
    (void)ee_allocate(&memory, 0);
    return memory;
}

#ifdef EE_EXPORTED
/* The public header tells this size, so that the memory of a stream can be declared. A size that is too small must not
 * compile. (The structure is smaller where 64-bit integers are aligned to 4, as on 32-bit x86.) */
typedef char ee_stream_bytes_are_right[sizeof(ee_stream) <= EE_STREAM_BYTES ? 1 : -1];
#else
size_t ee_state_size(const ee_model *model, const ee_config *config)
{
    ee_stream s;
    return prepare(&s, model, config) ? (size_t)(uintptr_t)place(&s, NULL, 0) : 0;
}
#endif

#ifndef EE_NO_HOST
int ee_plan_device(const ee_model *model, const ee_config *config, ee_plan *plan, ee_buffer *buffers)
{
    ee_stream s;
    /* A device has no array of buffers in its memory: what lies behind it is aligned as if it began where that ends. */
    const size_t own = sizeof *buffers * (model->n_layers + 1u), from = (0u - own) & 7u;
    uint8_t *memory = (uint8_t *)(uintptr_t)from;
    if (!prepare(&s, model, config)) return 0;
    layout(&s, &memory, 0);
    (void)ee_allocate(&memory, 0);
    plan->array_bytes = (uint32_t)((uintptr_t)memory - own - from);
    plan->frame_bytes = ee_trunk_plan(model, s.config.block, buffers, &plan->scratch);
    plan->delay = ee_trunk_delay(model);
    return 1;
}
#endif

ee_stream *ee_init(const ee_model *model, const ee_config *config, void *memory, size_t size)
{
    ee_stream *s = (ee_stream *)memory;
    uint8_t *at = (uint8_t *)memory;
    if (!memory || size < sizeof *s || ((uintptr_t)memory & 7u) || !prepare(s, model, config)) return NULL;
    if ((size_t)(place(s, at, 0) - at) > size) return NULL;
#ifndef EE_EXPORTED
    (void)place(s, at, 1);
#endif
#ifndef EE_NO_HOST
    ee_resampler_fill_taps(&s->front);
#endif
    ee_reset(s);
    return s;
}

void ee_reset(ee_stream *s)
{
    ee_front_reset(&s->front);
    ee_trunk_reset(&s->trunk);
    ee_windows_reset(&s->windows);
}

uint32_t ee_delay(const ee_model *model, const ee_config *config)
{
#ifdef EE_EXPORTED
    const ee_front *front = model->front;
#else
    ee_front view, *front = &view;
    ee_front_view(model, front);
#endif
    return ee_front_delay(front, config->fs_mhz) + ee_trunk_delay(model) + ee_max(config->block, EE_BLOCK);
}
