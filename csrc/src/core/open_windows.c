#include "open_windows.h"

#include "arena.h"
#include "arithmetic.h"
#include "bytes.h"
#include "front_end.h"
#include "head.h"

/* ---------------------------------------------------------------- memory */
/* Windows whose frames are being pooled at one time. */
static uint32_t most_by_frames(const ee_model *model, uint32_t hop)
{
    uint32_t stride = model->total_stride, span = model->window;
    if (hop % stride || span % stride || ee_trunk_delay(model) + 1 < stride) span += stride + EE_BLOCK + hop;
    return (span + hop - 1) / hop;
}

/* Windows whose blocks are being counted at one time. */
static uint32_t most_by_blocks(const ee_model *model, const ee_config *config)
{
    return (model->window + ee_trunk_delay(model) + EE_TRUNK_BLOCK(config) + 3 * EE_BLOCK + model->total_stride) /
               config->hop +
           2;
}

int ee_windows_fit(const ee_model *model, const ee_config *config)
{ return most_by_blocks(model, config) <= UINT16_MAX; }

void ee_windows_layout(ee_stream *s, uint8_t **memory)
{
    const ee_model *m = s->trunk.model;
    ee_open_windows *w = &s->windows;
    w->by_frames.size = (uint16_t)most_by_frames(m, s->config.hop);
    w->by_blocks.size = (uint16_t)most_by_blocks(m, &s->config);
    w->pool_bytes = ((uint32_t)m->channels * (w->pool == 3 ? 3u : w->pool == 1 ? 2u : 1u) + 3u) & ~3u;
    w->pools = (uint8_t *)ee_allocate(memory, w->by_frames.size * w->pool_bytes);
    w->pooled = (uint16_t *)ee_allocate(memory, w->by_frames.size * sizeof *w->pooled);
    w->quality = (ee_quality_slot *)ee_allocate(memory, w->by_blocks.size * sizeof *w->quality);
    w->levels =
        EE_LEVELS && m->levels ? (ee_level_slot *)ee_allocate_8(memory, w->by_blocks.size * sizeof *w->levels) : NULL;
}

void ee_windows_reset(ee_open_windows *w)
{
    static const ee_countdown now = { 0, 0 };
    w->by_frames.first = w->by_frames.count = w->by_blocks.first = w->by_blocks.count = 0;
    w->next_by_frames = w->next_by_blocks = now;
    w->next_start = 0;
    w->ahead = 0;
    w->last_quality = 0;
}

/* ---------------------------------------------------------------- which windows are open */
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

EE_NOINLINE void ee_windows_add_block(ee_stream *s, const ee_block_stats *stats, uint32_t block)
{
    static const ee_level_slot nothing = { 0, { 0, 0, 0 } };
    ee_open_windows *w = &s->windows;
    const ee_front *front = s->front.front;
    const int levels = EE_LEVELS && w->levels;
    const uint32_t magnitude = levels ? ee_block_magnitude(&s->front.scaler, block) : 0,
                   blocks = s->trunk.model->window / EE_BLOCK;
    const int32_t baseline = levels ? ee_block_baseline(&s->front.scaler, front->reach, block) : 0;
    for (; !w->next_by_blocks.left; count_hop(&w->next_by_blocks, s->config.hop, EE_BLOCK)) {
        const uint32_t at = place_of(&w->by_blocks, w->by_blocks.count++);
        ee_quality_open(&w->quality[at], blocks);
        if (EE_LEVELS && levels) w->levels[at] = nothing;
    }
    w->next_by_blocks.left--;
    for (uint32_t i = 0; i < w->by_blocks.count; i++) {
        const uint32_t at = place_of(&w->by_blocks, i);
        const uint32_t left = w->quality[at].left;
        if (!left) continue; /* all of its blocks are in */
        ee_quality_merge(&w->quality[at], stats, front->off_blocks);
        if (EE_LEVELS && levels) ee_levels_merge(&w->levels[at], magnitude, baseline, blocks - left, left - 1);
    }
}

/* Pools frames of the last tensor, at most `most`, up to the next one at which a window begins or is full. */
static void pool_frames(ee_stream *s, uint32_t most)
{
    ee_open_windows *w = &s->windows;
    const ee_model *m = s->trunk.model;
    uint32_t channels = m->channels;
    const uint8_t *frames = ee_tensor_frames(&s->trunk, m->n_layers) + (size_t)s->trunk.next_frame * channels;
    for (; !w->next_by_frames.left; count_hop(&w->next_by_frames, s->config.hop, m->total_stride)) {
        uint32_t at = place_of(&w->by_frames, w->by_frames.count++);
        w->pooled[at] = 0;
        ee_fill(w->pools + (size_t)at * w->pool_bytes, 0, w->pool_bytes);
    }
    most = ee_min(most, w->next_by_frames.left);
    for (uint32_t i = 0; i < w->by_frames.count; i++) {
        uint32_t missing = m->frames - w->pooled[place_of(&w->by_frames, i)];
        if (missing) most = ee_min(most, missing);
    }
    for (uint32_t i = 0; i < w->by_frames.count; i++) {
        uint32_t at = place_of(&w->by_frames, i);
        uint8_t *sum = w->pools + (size_t)at * w->pool_bytes, *max = EE_POOLS_MEAN(w->pool) ? sum + 2u * channels : sum;
        if (w->pooled[at] == m->frames) continue;
        w->pooled[at] = (uint16_t)(w->pooled[at] + most);
        EE_KERNEL(s->front.kernels, pool)(frames, most, (uint16_t *)(void *)(EE_POOLS_MEAN(w->pool) ? sum : NULL),
                                          EE_POOLS_MAX(w->pool) ? max : NULL, channels);
    }
    w->next_by_frames.left -= most;
    s->trunk.next_frame = (uint16_t)(s->trunk.next_frame + most);
}

/* ---------------------------------------------------------------- results */
/* A window is finished when its frames are pooled and the recording reaches its end. */
static int finish_oldest(ee_stream *s)
{
    ee_open_windows *w = &s->windows;
    const ee_model *m = s->trunk.model;
    uint32_t at = w->by_frames.first;
    if (!w->by_frames.count || w->pooled[at] != m->frames || w->ahead < (int32_t)m->window) return 0;
    const ee_quality_slot *slot = &w->quality[w->by_blocks.first];
    ee_level_slot *levels = EE_LEVELS && w->levels ? &w->levels[w->by_blocks.first] : NULL;
    if (EE_LEVELS && levels) ee_levels_finish(levels, slot, m->window / EE_BLOCK);
    ee_head_run(m, w->pools + (size_t)at * w->pool_bytes, levels ? levels->level : NULL,
                (int16_t *)(void *)s->trunk.scratch);
    w->last_quality = (uint8_t)ee_quality_flags(slot, s->front.front, s->config.fs_mhz);
    drop_oldest(&w->by_frames);
    drop_oldest(&w->by_blocks);
    w->next_start += s->config.hop;
    w->ahead -= (int32_t)s->config.hop;
    return 1;
}

int ee_windows_finish_next(ee_stream *s)
{
    const ee_tensor *last = &s->trunk.tensors[s->trunk.model->n_layers];
    for (;;) {
        if (finish_oldest(s)) return 1;
        if (s->trunk.next_frame >= last->count) return 0;
        pool_frames(s, last->count - s->trunk.next_frame);
    }
}

ee_result ee_get_result(const ee_stream *s)
{
    const int16_t *e16 = (const int16_t *)(const void *)s->trunk.scratch;
    ee_result result = { s->windows.next_start - s->config.hop, e16, (const int8_t *)(e16 + s->trunk.model->dim),
                         s->windows.last_quality };
    return result;
}
