/* A stream from samples to results: front end -> trunk -> windows -> head. */
#include "samples.h"

/* ---------------------------------------------------------------- memory */
static int usable(const ee_model *model, const ee_config *config)
{
    return model && config && config->fs_mhz >= 50000 && config->fs_mhz <= 4000000 && config->hop >= 1 &&
           config->hop <= (1u << 24) && config->block % EE_BLOCK == 0 && config->block <= (1u << 14) &&
           config->mult <= (1u << 16) && config->shift <= 40 && config->shift >= -15;
}

/* Windows whose frames are being pooled at one time. */
static uint32_t most_pools(const ee_model *model, uint32_t hop)
{
    uint32_t stride = model->total_stride, span = model->window;
    if (hop % stride || span % stride || ee_trunk_delay(model) + 1 < stride) span += stride + EE_BLOCK + hop;
    return (span + hop - 1) / hop;
}

/* Windows whose blocks are being counted at one time. */
static uint32_t most_slots(const ee_model *model, const ee_config *config)
{
    return (model->window + ee_trunk_delay(model) + EE_TRUNK_BLOCK(config) + 3 * EE_BLOCK + model->total_stride) /
               config->hop +
           2;
}

/* Lays out everything behind the stream's own struct. */
static void layout(ee_stream *s, uint8_t **memory, int filling)
{
    const ee_model *m = s->model;
    uint32_t hop = s->config.hop;
    ee_trunk_layout(s, memory, filling);
    ee_front_layout(&s->front, &s->config, EE_LEVELS && m->levels, memory);
    s->open_pools.size = (uint16_t)most_pools(m, hop);
    s->open_slots.size = (uint16_t)most_slots(m, &s->config);
    s->pool_bytes = ((uint32_t)m->channels * (s->pool == 3 ? 3u : s->pool == 1 ? 2u : 1u) + 3u) & ~3u;
    s->pools = (uint8_t *)ee_allocate(memory, s->open_pools.size * s->pool_bytes);
    s->pooled = (uint16_t *)ee_allocate(memory, s->open_pools.size * sizeof *s->pooled);
    s->slots = (ee_quality_slot *)ee_allocate(memory, s->open_slots.size * sizeof *s->slots);
    s->level_slots = EE_LEVELS && m->levels
                         ? (ee_level_slot *)ee_allocate_8(memory, s->open_slots.size * sizeof *s->level_slots)
                         : NULL;
}

static int prepare(ee_stream *s, const ee_model *model, const ee_config *config)
{
    if (!usable(model, config)) return 0;
    s->config = *config;
    if (!s->config.block) s->config.block = EE_BLOCK;
#ifdef EE_EXPORTED
    s->model = model;
    s->front.front = model->front;
    s->pool = model->head->pool;
    if (s->config.block != model->block) return 0; /* its buffers are for that one */
#else
    ee_head head;
    s->model[0] = *model;
    ee_head_view(model, &head);
    s->pool = head.pool;
    ee_front_view(model, &s->front_view);
    s->front.front = &s->front_view;
#endif
#ifndef EE_NO_HOST
    s->front.kernels = (const ee_kernels *)model->kernels;
#endif
    if (most_pools(s->model, config->hop) > UINT16_MAX || most_slots(s->model, &s->config) > UINT16_MAX)
        return 0; /* ee_ring counts so far */
    return EE_FRONT_KIND(s->front.front) || config->fs_mhz == EE_RATE_MHZ;
}

#ifndef EE_NO_HOST
/* Not on a device: sums of the head, and what vector kernels may read behind the last frame of a window. */
static size_t host_bytes(const ee_model *model)
{
    uint32_t widest = 0;
    for (uint32_t i = 0; i < model->n_layers; i++) {
        ee_layer layer;
        ee_layer_view(model, i, &layer);
        widest = ee_max(widest, layer.cin);
    }
    return ee_whole_lanes(model->dim) * sizeof(int32_t) + (size_t)widest * EE_OVERREAD_FRAMES;
}
#endif

/* The memory behind all arrays. */
static uint8_t *place(ee_stream *s, uint8_t *memory, int filling)
{
    (void)ee_allocate(&memory, sizeof *s);
    layout(s, &memory, filling);
#ifndef EE_NO_HOST
    s->acc = (int32_t *)ee_allocate(&memory, host_bytes(s->model));
    s->layers = (ee_layer *)ee_allocate_8(&memory, s->model->n_layers * sizeof *s->layers);
    for (uint32_t i = 0; filling && i < s->model->n_layers; i++) ee_layer_view(s->model, i, &s->layers[i]);
#endif
    (void)ee_allocate(&memory, 0);
    return memory;
}

#ifdef EE_EXPORTED
/* The public header tells this size, so that a state's memory can be declared: one that is too small must not compile.
 * (It is smaller where 64-bit integers are aligned to 4, as on 32-bit x86.) */
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
    /* A device has no such array of buffers: what lies behind it must be aligned as if it began where the array ends */
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
    ee_taps_fill(&s->front);
#endif
    ee_reset(s);
    return s;
}

void ee_reset(ee_stream *s)
{
    static const ee_countdown now = { 0, 0 };
    ee_front_reset(&s->front);
    ee_trunk_reset(s);
    s->open_pools.first = s->open_pools.count = s->open_slots.first = s->open_slots.count = 0;
    s->next_pool = s->next_slot = now;
    s->next_start = 0;
    s->ahead = 0;
    s->flushed = 0;
    s->result_quality = 0;
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

/* ---------------------------------------------------------------- windows */
/* From one window's start to the next one's, in whole steps; the rest is carried on. */
static void count_hop(ee_countdown *next, uint32_t hop, uint32_t step)
{
    next->rest += hop % step;
    next->left += hop / step;
    if (next->rest >= step) {
        next->rest -= step;
        next->left++;
    }
}

/* The place of the i-th window from the oldest one. */
static uint32_t place_of(const ee_ring *ring, uint32_t i)
{ return ring->first + i - (ring->first + i < ring->size ? 0u : ring->size); }

static void drop_oldest(ee_ring *ring)
{
    ring->first = (uint16_t)place_of(ring, 1);
    ring->count--;
}

/* The statistics of a block, counted from the recording's first, into the windows that cover it. */
static EE_NOINLINE void feed_windows(ee_stream *s, const ee_block_stats *stats, uint32_t block)
{
    static const ee_level_slot nothing = { 0, { 0, 0, 0 } };
    const int levels = EE_LEVELS && s->level_slots;
    const uint32_t size = levels ? ee_block_magnitude(&s->front, block) : 0, blocks = s->model->window / EE_BLOCK;
    const int32_t base = levels ? ee_block_baseline(&s->front, block) : 0;
    for (; !s->next_slot.left; count_hop(&s->next_slot, s->config.hop, EE_BLOCK)) {
        const uint32_t at = place_of(&s->open_slots, s->open_slots.count++);
        ee_quality_open(&s->slots[at], blocks);
        if (EE_LEVELS && levels) s->level_slots[at] = nothing;
    }
    s->next_slot.left--;
    for (uint32_t i = 0; i < s->open_slots.count; i++) {
        const uint32_t at = place_of(&s->open_slots, i);
        const uint32_t left = s->slots[at].left;
        if (!left) continue; /* all of its blocks are in */
        ee_quality_merge(&s->slots[at], stats, s->front.front->off_blocks);
        if (EE_LEVELS && levels) ee_levels_merge(&s->level_slots[at], size, base, blocks - left, left - 1);
    }
}

/* Blocks that are ready go through the trunk, at most config.block samples at once. */
static void feed_trunk(ee_stream *s)
{
    ee_tensor *input = &s->tensors[0];
    const ee_block_stats *stats;
    ee_trunk_discard(s);
    for (uint32_t room = EE_TRUNK_BLOCK(&s->config) / EE_BLOCK; room && ee_front_output_ready(&s->front);) {
        const uint32_t n =
            ee_front_output(&s->front, room, ee_tensor_frames(s, 0) + (size_t)input->count * s->buffers[0].channels,
                            &stats);
        input->count = (uint16_t)(input->count + n);
        input->real = (uint16_t)(input->real + n);
        s->ahead += (int32_t)n;
        for (uint32_t i = 0, first = s->front.out_block - (n + EE_BLOCK - 1) / EE_BLOCK; i < n; i += EE_BLOCK, room--)
            feed_windows(s, stats++, first++);
    }
    ee_trunk_run(s, s->flushed && ee_front_drained(&s->front));
}

/* Pools frames of the last tensor up to the next one at which a window begins or is full, at most `most`. */
static void pool_frames(ee_stream *s, uint32_t most)
{
    uint32_t last = s->model->n_layers, channels = s->model->channels;
    const uint8_t *frames = ee_tensor_frames(s, last) + (size_t)s->frame_next * channels;
    for (; !s->next_pool.left; count_hop(&s->next_pool, s->config.hop, s->model->total_stride)) {
        uint32_t at = place_of(&s->open_pools, s->open_pools.count++);
        s->pooled[at] = 0;
        ee_fill(s->pools + (size_t)at * s->pool_bytes, 0, s->pool_bytes);
    }
    most = ee_min(most, s->next_pool.left);
    for (uint32_t i = 0; i < s->open_pools.count; i++) {
        uint32_t missing = s->model->frames - s->pooled[place_of(&s->open_pools, i)];
        if (missing) most = ee_min(most, missing);
    }
    for (uint32_t i = 0; i < s->open_pools.count; i++) {
        uint32_t at = place_of(&s->open_pools, i);
        uint8_t *sum = s->pools + (size_t)at * s->pool_bytes, *max = EE_POOLS_MEAN(s->pool) ? sum + 2u * channels : sum;
        if (s->pooled[at] == s->model->frames) continue;
        s->pooled[at] = (uint16_t)(s->pooled[at] + most);
        EE_KERNEL(s->front.kernels, pool)(frames, most, (uint16_t *)(void *)(EE_POOLS_MEAN(s->pool) ? sum : NULL),
                                          EE_POOLS_MAX(s->pool) ? max : NULL, channels);
    }
    s->next_pool.left -= most;
    s->frame_next += most;
}

/* A window is finished when its frames are pooled and the recording reaches its end. */
static int finish_window(ee_stream *s)
{
    uint32_t at = s->open_pools.first;
    if (!s->open_pools.count || s->pooled[at] != s->model->frames || s->ahead < (int32_t)s->model->window) return 0;
    const ee_quality_slot *slot = &s->slots[s->open_slots.first];
    ee_level_slot *levels = EE_LEVELS && s->level_slots ? &s->level_slots[s->open_slots.first] : NULL;
    if (EE_LEVELS && levels) ee_levels_finish(levels, slot, s->model->window / EE_BLOCK);
    ee_head_run(s, s->pools + (size_t)at * s->pool_bytes, levels ? levels->level : NULL);
    s->result_quality = (uint8_t)ee_quality_flags(slot, s->front.front, s->config.fs_mhz);
    drop_oldest(&s->open_pools);
    drop_oldest(&s->open_slots);
    s->next_start += s->config.hop;
    s->ahead -= (int32_t)s->config.hop;
    return 1;
}

static int next_result(ee_stream *s)
{
    const ee_tensor *last = &s->tensors[s->model->n_layers];
    for (;;) {
        if (finish_window(s)) return 1;
        if (s->frame_next >= last->count) return 0;
        pool_frames(s, last->count - s->frame_next);
    }
}

ee_result ee_get_result(const ee_stream *s)
{
    const int16_t *e16 = (const int16_t *)(const void *)s->scratch;
    ee_result result = { s->next_start - s->config.hop, e16, (const int8_t *)(e16 + s->model->dim), s->result_quality };
    return result;
}

/* ---------------------------------------------------------------- samples in */
/* Inline: each function below is left with the one way of reading that it asks for. `last`: a flush follows. What is
 * ready when the samples have ended then goes through the trunk with the padding behind it, not once before; where the
 * front end looks ahead, it has room for either. */
EE_ALWAYS_INLINE int push(ee_stream *s, ee_read read, const ee_reader *reader, size_t first, size_t n, size_t *used,
                          int last)
{
    size_t done = 0;
    int found;
    while (!(found = next_result(s))) {
        if (ee_front_output_full(&s->front) && !(last && done == n && !EE_FRONT_KIND(s->front.front))) {
            feed_trunk(s);
            continue;
        }
        if (done == n) break;
        uint32_t m = n - done < s->front.chunk ? (uint32_t)(n - done) : s->front.chunk;
        uint32_t missing = read(reader, first + done, m, ee_front_input_buffer(&s->front));
#ifndef EE_NO_HOST
        s->front.whole = last && first == 0 && m == n;
#endif
        ee_front_input_done(&s->front, m, missing);
        done += m;
    }
    *used = done;
    return found;
}

int ee_push_i16(ee_stream *s, const int16_t *x, size_t n, size_t *used)
{
    ee_reader reader = { x, s, sizeof *x, 0 };
    return push(s, ee_read_i16, &reader, 0, n, used, 0);
}

int ee_push_i32(ee_stream *s, const int32_t *x, size_t n, size_t *used)
{
    ee_reader reader = { x, s, sizeof *x, 0 };
    return push(s, ee_read_i32, &reader, 0, n, used, 0);
}

int ee_flush(ee_stream *s)
{
    if (!s->flushed) ee_front_finish(&s->front);
    s->flushed = 1;
    for (;;) {
        if (next_result(s)) return 1;
        if (EE_TRUNK_BLOCK(&s->config) > EE_BLOCK && ee_front_pad(&s->front)) continue;
        if (ee_front_output_ready(&s->front)) feed_trunk(s);
        else if (!ee_front_pad(&s->front)) {
            if (s->trunk_ended) return 0;
            ee_trunk_discard(s);
            ee_trunk_run(s, 1);
        }
    }
}

#ifndef EE_NO_HOST
static ee_read read_of(const ee_source *source)
{
    switch (source->type) {
    case EE_I16: return ee_read_i16;
    case EE_I32: return ee_read_i32;
    case EE_F32: return ee_read_f32;
    default: return ee_read_f64;
    }
}

int ee_push_source(ee_stream *s, const ee_source *source, size_t first, size_t n, size_t *used)
{
    ee_reader reader = { source->data, s, source->stride, source->scale };
    return push(s, read_of(source), &reader, first, n, used, 0);
}

size_t ee_front_end(ee_stream *s, const ee_source *source, size_t n, uint8_t *y, size_t capacity)
{
    ee_reader reader = { source->data, s, source->stride, source->scale };
    const ee_read read = read_of(source);
    ee_front_state *f = &s->front;
    const ee_block_stats *stats;
    size_t done = 0, frames = 0;
    for (;;) {
        if (ee_front_output_ready(f)) {
            uint8_t block[EE_BLOCK * 4];
            size_t m = ee_front_output(f, 1, block, &stats), room = capacity - frames;
            ee_copy(y + frames * f->front->channels, block, (m < room ? m : room) * f->front->channels);
            frames += m < room ? m : room;
        } else if (done < n) {
            uint32_t m = n - done < f->chunk ? (uint32_t)(n - done) : f->chunk;
            ee_front_input_done(f, m, read(&reader, done, m, ee_front_input_buffer(f)));
            done += m;
        } else if (!f->ended) {
            ee_front_finish(f);
        } else if (!ee_front_pad(f)) {
            return frames;
        }
    }
}

static void keep(const ee_stream *s, const ee_windows *out, size_t window)
{
    const ee_result r = ee_get_result(s);
    size_t dim = s->model->dim, at = window * dim;
    const float unit = 1.0f / (float)(1u << s->model->exponent);
    if (out->embedding) ee_copy(out->embedding + at, r.embedding, dim * sizeof *r.embedding);
    if (out->embedding8) ee_copy(out->embedding8 + at, r.embedding8, dim);
    for (size_t d = 0; out->embedding_f32 && d < dim; d++) out->embedding_f32[at + d] = (float)r.embedding[d] * unit;
    if (out->quality) out->quality[window] = (uint8_t)r.quality;
}

size_t ee_run(ee_stream *s, const ee_source *source, size_t n, const ee_windows *out)
{
    ee_reader reader = { source->data, s, source->stride, source->scale };
    const ee_read read = read_of(source);
    const int gathers = s->config.block > EE_BLOCK; /* only then is there room for the padding as well */
    size_t first = 0, used = 0, windows = 0;
    ee_reset(s);
    while (push(s, read, &reader, first, n - first, &used, gathers)) {
        first += used;
        if (windows < out->room) keep(s, out, windows);
        windows++;
    }
    for (; ee_flush(s); windows++)
        if (windows < out->room) keep(s, out, windows);
    return windows;
}
#endif
