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
static uint32_t open_pools(const ee_model *model, uint32_t hop)
{
    uint32_t stride = model->total_stride, span = model->window;
    if (hop % stride || span % stride || ee_trunk_delay(model) + 1 < stride) span += stride + EE_BLOCK + hop;
    return (span + hop - 1) / hop;
}

/* Lays out everything behind the stream's own struct; s->tensors NULL: only counts. */
static void layout(ee_stream *s, uint8_t **memory)
{
    const ee_model *m = &s->model;
    uint32_t hop = s->config.hop;
    ee_head head;
    ee_head_view(m, &head);
    ee_trunk_layout(s, memory);
    ee_front_layout(&s->front, &s->config, memory);
    s->n_pools = open_pools(m, hop);
    s->n_slots = (m->window + ee_trunk_delay(m) + s->config.block + 3 * EE_BLOCK + m->total_stride) / hop + 2;
    s->pool = head.pool;
    s->pool_bytes = ((uint32_t)m->channels * (head.pool == 3 ? 3 : head.pool == 1 ? 2 : 1) + 3u) & ~3u;
    s->pools = (uint8_t *)ee_take(memory, (size_t)s->n_pools * s->pool_bytes);
    s->slots = (ee_quality_slot *)ee_take(memory, s->n_slots * sizeof *s->slots);
    s->acc_count = s->front.kernels->packed ? m->dim : (uint16_t)ee_min(m->dim, EE_HEAD_STEP);
    s->acc = (int32_t *)ee_take(memory, s->acc_count * sizeof *s->acc);
    s->e16 = (int16_t *)(void *)s->scratch;
    s->e8 = (int8_t *)s->scratch + 2u * m->dim;
}

static int prepare(ee_stream *s, const ee_model *model, const ee_config *config)
{
    if (!usable(model, config)) return 0;
    s->model = *model;
    s->config = *config;
    if (!s->config.block) s->config.block = EE_BLOCK;
    ee_front_view(model, &s->front.front);
    s->front.kernels = (const ee_kernels *)model->kernels;
    return s->front.front.kind || config->fs_mhz == EE_TICKS;
}

/* Bytes that a stream needs, itself included; 0: config is not usable. *s is used to count. */
static size_t count_bytes(ee_stream *s, const ee_model *model, const ee_config *config)
{
    uint8_t *memory = NULL;
    if (!prepare(s, model, config)) return 0;
    s->tensors = NULL;
    (void)ee_take(&memory, sizeof *s);
    layout(s, &memory);
    (void)ee_take(&memory, 0);
    return (size_t)(uintptr_t)memory;
}

size_t ee_state_size(const ee_model *model, const ee_config *config)
{
    ee_stream s;
    return count_bytes(&s, model, config);
}

#ifdef EE_NO_HOST
/* The public header tells devices these sizes, so that a state's memory can be declared: a wrong one must not compile. */
typedef char ee_stream_bytes_are_right[sizeof(ee_stream) == EE_STREAM_BYTES ? 1 : -1];
typedef char ee_tensor_bytes_are_right[sizeof(ee_tensor) == EE_TENSOR_BYTES ? 1 : -1];
#else
size_t ee_array_bytes(const ee_model *model, const ee_config *config)
{
    ee_stream s;
    size_t all = count_bytes(&s, model, config);
    return all ? all - sizeof s - (model->n_layers + 1u) * sizeof *s.tensors : 0;
}
#endif

ee_stream *ee_init(const ee_model *model, const ee_config *config, void *memory, size_t size)
{
    ee_stream *s = (ee_stream *)memory;
    if (!memory || size < sizeof *s || ((uintptr_t)memory & 7u)) return NULL;
    size_t needed = count_bytes(s, model, config);
    if (!needed || size < needed) return NULL;
    uint8_t *at = (uint8_t *)memory;
    (void)ee_take(&at, sizeof *s);
    s->tensors = (ee_tensor *)memory;                    /* not NULL: layout fills what it places */
    layout(s, &at);
#ifndef EE_NO_HOST
    ee_front_fill_taps(&s->front);
#endif
    ee_reset(s);
    return s;
}

void ee_reset(ee_stream *s)
{
    ee_front_reset(&s->front);
    ee_trunk_reset(s);
    s->window_open = s->window_pool = s->window_done = 0;
    s->samples = 0;
    s->flushed = 0;
    s->result_start = 0;
    s->result_quality = 0;
}

uint32_t ee_delay(const ee_model *model, const ee_config *config)
{
    ee_front front;
    ee_front_view(model, &front);
    return ee_front_delay(&front, config->fs_mhz) + ee_trunk_delay(model) + ee_max(config->block, EE_BLOCK);
}

int ee_set_gain(ee_config *config, uint32_t num, uint32_t den)
{
    /* scale = 8000 den / num = mult / 2^shift with mult in 2^15 .. 2^16 */
    uint64_t n = (uint64_t)8000 * den, d = num;
    int32_t shift = 15;
    if (!num || !den || (uint64_t)num * 4 < den || (uint64_t)num > (uint64_t)den << 24) return 0;
    while (n >= 2 * d) { d *= 2; shift--; }
    while (n < d) { n *= 2; shift++; }
    config->mult = (uint32_t)(((n << 16) + d) / (2 * d));
    config->shift = shift;
    return 1;
}

/* ---------------------------------------------------------------- windows */
static void feed_quality(ee_stream *s, uint32_t block, const ee_block_stats *stats)
{
    uint64_t hop = s->config.hop;
    uint32_t per_window = s->model.window / EE_BLOCK;
    while (s->window_open * hop / EE_BLOCK <= block) ee_quality_open(&s->slots[ee_modulo(s->window_open++, s->n_slots)]);
    for (uint64_t w = s->window_open; w-- > s->window_done && w * hop / EE_BLOCK + per_window > block;)
        ee_quality_merge(&s->slots[ee_modulo(w, s->n_slots)], stats);
}

/* Blocks that are ready go through the trunk, at most config.block samples at once. */
static void feed_trunk(ee_stream *s)
{
    ee_tensor *input = &s->tensors[0];
    ee_block_stats stats;
    ee_trunk_drop(s);
    for (uint32_t taken = 0; taken + EE_BLOCK <= s->config.block && ee_front_ready(&s->front);) {
        uint32_t block = s->front.out_block;
        uint32_t n = ee_front_take(&s->front, input->data + (size_t)input->count * input->channels, &stats);
        input->count = (uint16_t)(input->count + n);
        input->real = (uint16_t)(input->real + n);
        taken += EE_BLOCK;
        s->samples += n;
        feed_quality(s, block, &stats);
    }
    ee_trunk_run(s, s->flushed && ee_front_empty(&s->front));
}

static uint64_t first_frame(const ee_stream *s, uint64_t window) { return ee_divide(window * s->config.hop, s->model.total_stride); }

static uint8_t *pools_of(const ee_stream *s, uint64_t window) { return s->pools + ee_modulo(window, s->n_pools) * (size_t)s->pool_bytes; }

static void pool_frame(ee_stream *s)
{
    const ee_tensor *last = &s->tensors[s->model.n_layers];
    const ee_kernels *kernels = (const ee_kernels *)s->model.kernels;
    const uint8_t *frame = last->data + (size_t)s->frame_next * last->channels;
    uint32_t channels = last->channels;
    uint64_t window = s->window_done;
    for (; first_frame(s, s->window_pool) <= s->frame_index; s->window_pool++)
        ee_fill(pools_of(s, s->window_pool), 0, s->pool_bytes);
    while (window < s->window_pool && first_frame(s, window) + s->model.frames <= s->frame_index) window++;
    for (; window < s->window_pool; window++) {
        uint8_t *sum = pools_of(s, window), *max = s->pool & 1 ? sum + 2u * channels : sum;
        kernels->pool(frame, (uint16_t *)(void *)(s->pool & 1 ? sum : NULL), s->pool & 2 ? max : NULL, channels);
    }
    s->frame_next++;
    s->frame_index++;
}

/* A window is finished when its frames are pooled and the recording reaches its end. */
static int finish_window(ee_stream *s)
{
    uint64_t window = s->window_done, start = window * s->config.hop;
    if (window == s->window_pool || first_frame(s, window) + s->model.frames > s->frame_index ||
        start + s->model.window > s->samples)
        return 0;
    ee_head_run(s, pools_of(s, window));
    s->result_start = start;
    s->result_quality = ee_quality_flags(&s->slots[ee_modulo(window, s->n_slots)], &s->front.front, s->config.fs_mhz);
    s->window_done++;
    return 1;
}

static int next_result(ee_stream *s)
{
    const ee_tensor *last = &s->tensors[s->model.n_layers];
    for (;;) {
        if (finish_window(s)) return 1;
        if (s->frame_next >= last->count) return 0;
        pool_frame(s);
    }
}

ee_result ee_get_result(const ee_stream *s)
{
    ee_result result = { s->result_start, s->e16, s->e8, s->result_quality };
    return result;
}

/* ---------------------------------------------------------------- samples in */
static int push(ee_stream *s, const ee_reader *reader, size_t first, size_t n, size_t *used)
{
    size_t done = 0;
    int found;
    while (!(found = next_result(s))) {
        if (ee_front_full(&s->front)) {
            feed_trunk(s);
            continue;
        }
        if (done == n) break;
        uint32_t m = n - done < s->front.chunk ? (uint32_t)(n - done) : s->front.chunk;
        uint32_t missing = reader->read(reader, first + done, m, ee_front_put(&s->front));
        ee_front_done(&s->front, m, missing);
        done += m;
    }
    *used = done;
    return found;
}

int ee_push_i16(ee_stream *s, const int16_t *x, size_t n, size_t *used)
{
    ee_reader reader = { ee_read_i16, x, &s->config, s->front.kernels, sizeof *x, 0 };
    return push(s, &reader, 0, n, used);
}

int ee_push_i32(ee_stream *s, const int32_t *x, size_t n, size_t *used)
{
    ee_reader reader = { ee_read_i32, x, &s->config, s->front.kernels, sizeof *x, 0 };
    return push(s, &reader, 0, n, used);
}

int ee_flush(ee_stream *s)
{
    if (!s->flushed) ee_front_end_input(&s->front);
    s->flushed = 1;
    for (;;) {
        if (next_result(s)) return 1;
        if (s->config.block > EE_BLOCK && ee_front_pad(&s->front)) continue;
        if (ee_front_ready(&s->front)) feed_trunk(s);
        else if (!ee_front_pad(&s->front)) {
            if (s->trunk_ended) return 0;
            ee_trunk_drop(s);
            ee_trunk_run(s, 1);
        }
    }
}

#ifndef EE_NO_HOST
static ee_reader reader_of(const ee_source *source, const ee_stream *s)
{
    ee_reader reader = { NULL, source->data, &s->config, s->front.kernels, source->stride, source->scale };
    reader.read = source->type == EE_I16 ? ee_read_i16 : source->type == EE_I32 ? ee_read_i32 :
                  source->type == EE_F32 ? ee_read_f32 : ee_read_f64;
    return reader;
}

int ee_push_source(ee_stream *s, const ee_source *source, size_t first, size_t n, size_t *used)
{
    ee_reader reader = reader_of(source, s);
    return push(s, &reader, first, n, used);
}

size_t ee_front_end(ee_stream *s, const ee_source *source, size_t n, uint8_t *y, size_t capacity)
{
    ee_reader reader = reader_of(source, s);
    ee_front_state *f = &s->front;
    ee_block_stats stats;
    size_t done = 0, frames = 0;
    for (;;) {
        if (ee_front_ready(f)) {
            uint8_t block[EE_BLOCK * 4];
            size_t m = ee_front_take(f, block, &stats), room = capacity - frames;
            ee_copy(y + frames * f->front.channels, block, (m < room ? m : room) * f->front.channels);
            frames += m < room ? m : room;
        } else if (done < n) {
            uint32_t m = n - done < f->chunk ? (uint32_t)(n - done) : f->chunk;
            ee_front_done(f, m, reader.read(&reader, done, m, ee_front_put(f)));
            done += m;
        } else if (!f->ended) {
            ee_front_end_input(f);
        } else if (!ee_front_pad(f)) {
            return frames;
        }
    }
}

static void keep(const ee_stream *s, const ee_windows *out, size_t window)
{
    size_t dim = s->model.dim, at = window * dim;
    const float unit = 1.0f / (float)(1u << s->model.exponent);
    if (out->embedding) ee_copy(out->embedding + at, s->e16, dim * sizeof *s->e16);
    if (out->embedding8) ee_copy(out->embedding8 + at, s->e8, dim);
    for (size_t d = 0; out->embedding_f32 && d < dim; d++) out->embedding_f32[at + d] = (float)s->e16[d] * unit;
    if (out->quality) out->quality[window] = (uint8_t)s->result_quality;
}

size_t ee_run(ee_stream *s, const ee_source *source, size_t n, const ee_windows *out)
{
    ee_reader reader = reader_of(source, s);
    size_t first = 0, used = 0, windows = 0;
    ee_reset(s);
    while (push(s, &reader, first, n - first, &used)) {
        first += used;
        if (windows < out->room) keep(s, out, windows);
        windows++;
    }
    for (; ee_flush(s); windows++)
        if (windows < out->room) keep(s, out, windows);
    return windows;
}

/* A NaN, an infinity or EE_MISSING is bad: the first one ends the search for bad samples, not that for extremes. */
#define EE_SCAN(type, is_bad)                                                                       \
    for (size_t i = 0; i < n; i++) {                                                                \
        type v = *(const type *)(const void *)((const uint8_t *)source->data + (ptrdiff_t)i * source->stride); \
        if (is_bad) {                                                                               \
            bad = bad == n ? i : bad;                                                               \
            continue;                                                                               \
        }                                                                                           \
        lo = !any || (double)v < lo ? (double)v : lo;                                               \
        hi = !any || (double)v > hi ? (double)v : hi;                                               \
        any = 1;                                                                                    \
    }

/* Extremes of samples in a row in the order of their integers; 1 when one is not finite. */
static int scan_floats(const ee_source *source, size_t n, double *lowest, double *highest)
{
    const ee_kernels *kernels = ee_kernels_default();
    float lo, hi;
    if (source->type == EE_F32 && source->stride == sizeof lo) {
        kernels->extremes_f32((const float *)source->data, n, &lo, &hi);
        *lowest = lo;
        *highest = hi;
    } else if (source->type == EE_F64 && source->stride == sizeof *lowest) {
        kernels->extremes_f64((const double *)source->data, n, lowest, highest);
    } else {
        return 1;
    }
    return !(*lowest - *lowest == 0 && *highest - *highest == 0);
}

size_t ee_scan(const ee_source *source, size_t n, double *lowest, double *highest)
{
    size_t bad = n;
    double lo = 0, hi = 0;
    int any = 0;
    if (n && !scan_floats(source, n, lowest, highest)) return n;
    switch (source->type) {
    case EE_I16: EE_SCAN(int16_t, 0) break;
    case EE_I32: EE_SCAN(int32_t, v == EE_MISSING) break;
    case EE_F32: EE_SCAN(float, !(v - v == 0)) break;
    default: EE_SCAN(double, !(v - v == 0)) break;
    }
    *lowest = lo;
    *highest = hi;
    return bad;
}
#endif
