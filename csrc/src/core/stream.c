/* Samples in, results out: front end -> trunk -> windows -> head. */
#include "bytes.h"
#include "front_end.h"
#include "sample_readers.h"
#include "open_windows.h"

/* Blocks that are ready go through the trunk, at most config.block samples at once. */
static void feed_trunk(ee_stream *s)
{
    ee_tensor *input = &s->trunk.tensors[0];
    const ee_block_stats *stats;
    ee_trunk_discard(&s->trunk);
    for (uint32_t room = EE_TRUNK_BLOCK(&s->config) / EE_BLOCK; room && ee_front_output_ready(&s->front);) {
        uint8_t *y = ee_tensor_frames(&s->trunk, 0) + (size_t)input->count * s->trunk.buffers[0].channels;
        const uint32_t n = ee_front_output(&s->front, room, y, &stats);
        input->count = (uint16_t)(input->count + n);
        input->real = (uint16_t)(input->real + n);
        s->windows.ahead += (int32_t)n;
        for (uint32_t blocks = (n + EE_BLOCK - 1) / EE_BLOCK; blocks; blocks--, room--)
            ee_windows_add_block(s, stats++, s->front.scaler.block - blocks);
    }
    ee_trunk_run(&s->trunk, ee_front_drained(&s->front));
}

/* Inlined into each function below, which is left with the one way of reading that it asks for. `last`: a flush
 * follows. Then what is ready at the end of the samples goes through the trunk together with the padding behind it;
 * where the front end looks ahead, it has room for both. */
EE_ALWAYS_INLINE int push(ee_stream *s, ee_read read, const ee_reader *reader, size_t first, size_t n, size_t *used,
                          int last)
{
    size_t done = 0;
    int found;
    if (s->front.resampler.ended) { /* behind a flush */
        *used = n;
        return 0;
    }
    while (!(found = ee_windows_finish_next(s))) {
        if (ee_scaler_holds(&s->front, EE_TRUNK_BLOCK(&s->config)) &&
            !(last && done == n && !EE_FRONT_KIND(s->front.front))) {
            feed_trunk(s);
            continue;
        }
        if (done == n) break;
        if (s->front.ring.newest >= EE_MOST_BLOCKS) {
            done = n;
            break;
        }
        uint32_t m = n - done < s->front.resampler.chunk ? (uint32_t)(n - done) : s->front.resampler.chunk;
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
    if (!s->front.resampler.ended) ee_front_finish(&s->front);
    for (;;) {
        if (ee_windows_finish_next(s)) return 1;
        if (EE_TRUNK_BLOCK(&s->config) > EE_BLOCK && ee_front_pad(&s->front)) continue;
        if (ee_front_output_ready(&s->front)) feed_trunk(s);
        else if (!ee_front_pad(&s->front)) {
            if (s->trunk.ended) return 0;
            ee_trunk_discard(&s->trunk);
            ee_trunk_run(&s->trunk, 1);
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
    const uint32_t chunk = f->resampler.chunk;
    const ee_block_stats *stats;
    size_t done = 0, frames = 0;
    ee_reset(s);
    for (;;) {
        if (ee_front_output_ready(f)) {
            uint8_t block[EE_BLOCK * 4];
            size_t m = ee_front_output(f, 1, block, &stats), room = capacity - frames;
            ee_copy(y + frames * f->front->channels, block, (m < room ? m : room) * f->front->channels);
            frames += m < room ? m : room;
        } else if (done < n && f->ring.newest < EE_MOST_BLOCKS) {
            uint32_t m = n - done < chunk ? (uint32_t)(n - done) : chunk;
            ee_front_input_done(f, m, read(&reader, done, m, ee_front_input_buffer(f)));
            done += m;
        } else if (!f->resampler.ended) {
            ee_front_finish(f);
        } else if (!ee_front_pad(f)) {
            return frames;
        }
    }
}

/* Copies the last result to its place in the arrays. */
static void store_result(const ee_stream *s, const ee_windows *out, size_t window)
{
    const ee_result r = ee_get_result(s);
    const ee_model *model = s->trunk.model;
    size_t dim = model->dim, at = window * dim;
    const float unit = 1.0f / (float)(1u << model->exponent);
    if (out->embedding) ee_copy(out->embedding + at, r.embedding, dim * sizeof *r.embedding);
    if (out->embedding8) ee_copy(out->embedding8 + at, r.embedding8, dim);
    for (size_t d = 0; out->embedding_f32 && d < dim; d++) out->embedding_f32[at + d] = (float)r.embedding[d] * unit;
    if (out->quality) out->quality[window] = (uint8_t)r.quality;
}

size_t ee_run(ee_stream *s, const ee_source *source, size_t n, const ee_windows *out)
{
    ee_reader reader = { source->data, s, source->stride, source->scale };
    const ee_read read = read_of(source);
    const int gathers = s->config.block > EE_BLOCK; /* only then is there room for the padding too */
    size_t first = 0, used = 0, windows = 0;
    ee_reset(s);
    while (push(s, read, &reader, first, n - first, &used, gathers)) {
        first += used;
        if (windows < out->room) store_result(s, out, windows);
        windows++;
    }
    for (; ee_flush(s); windows++)
        if (windows < out->room) store_result(s, out, windows);
    return windows;
}
#endif
