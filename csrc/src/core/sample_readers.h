/* From the user's samples to canonical ones: docs/numerics.md section 1. Included by stream.c alone, which inlines a
 * reader into each way of pushing samples. */
#ifndef EE_SAMPLES_H
#define EE_SAMPLES_H

#include "arithmetic.h"
#include "kernels.h"
#include "stream_state.h"

typedef struct ee_reader {
    const void *data;
    const ee_stream *stream;
    ptrdiff_t stride;
    double scale;
} ee_reader;

/* Reads n samples from index `first` on into out; returns 1 when one is missing. */
typedef uint32_t (*ee_read)(const ee_reader *reader, size_t first, uint32_t n, int32_t *out);

static inline int32_t ee_apply_gain(int32_t x, const ee_config *config)
{
    int64_t v = x;
    if (config->mult) {
        v *= config->mult;
        v = config->shift > 0 ? ee_rnd(v, config->shift) : v * ((int64_t)1 << -config->shift);
    }
    return v < -EE_X_MAX ? -EE_X_MAX : v > EE_X_MAX ? EE_X_MAX : (int32_t)v;
}

static uint32_t ee_read_i16(const ee_reader *reader, size_t first, uint32_t n, int32_t *out)
{
    const uint8_t *at = (const uint8_t *)reader->data + (ptrdiff_t)first * reader->stride;
    const int32_t mult = (int32_t)reader->stream->config.mult, shift = reader->stream->config.shift;
    /* x * mult fits int32, and rnd(v, s) = ((v >> (s - 1)) + 1) >> 1; from s = 32 on it is 0. */
    if (mult && shift > 0) {
        const int32_t most = shift < 32 ? EE_X_MAX : 0, down = (shift - 1) & 31;
        for (uint32_t i = 0; i < n; i++, at += reader->stride)
            out[i] = ee_clamp(((*(const int16_t *)(const void *)at * mult >> down) + 1) >> 1, -most, most);
        return 0;
    }
    /* No gain, or a whole one: what is above this limit is above EE_X_MAX behind the gain. */
    const int32_t up = mult ? -shift : 0, most = EE_X_MAX >> up;
    for (uint32_t i = 0; i < n; i++, at += reader->stride) {
        int32_t x = *(const int16_t *)(const void *)at * (mult ? mult : 1);
        out[i] = x > most ? EE_X_MAX : x < -most ? -EE_X_MAX : x * (1 << up);
    }
    return 0;
}

static uint32_t ee_read_i32(const ee_reader *reader, size_t first, uint32_t n, int32_t *out)
{
    const uint8_t *at = (const uint8_t *)reader->data + (ptrdiff_t)first * reader->stride;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < n; i++, at += reader->stride) {
        int32_t x = *(const int32_t *)(const void *)at;
        missing |= x == EE_MISSING;
        out[i] = x == EE_MISSING ? EE_MISSING : ee_apply_gain(x, &reader->stream->config);
    }
    return missing;
}

#ifndef EE_NO_HOST
static uint32_t ee_read_f32(const ee_reader *reader, size_t first, uint32_t n, int32_t *out)
{
    const uint8_t *at = (const uint8_t *)reader->data + (ptrdiff_t)first * reader->stride;
    if (reader->stride == sizeof(float))
        return reader->stream->front.kernels->read_f32((const float *)(const void *)at, reader->scale, n, out);
    uint32_t missing = 0;
    for (uint32_t i = 0; i < n; i++, at += reader->stride)
        missing |= ee_kernels_scalar.read_f32((const float *)(const void *)at, reader->scale, 1, out + i);
    return missing;
}

static uint32_t ee_read_f64(const ee_reader *reader, size_t first, uint32_t n, int32_t *out)
{
    const uint8_t *at = (const uint8_t *)reader->data + (ptrdiff_t)first * reader->stride;
    if (reader->stride == sizeof(double))
        return reader->stream->front.kernels->read_f64((const double *)(const void *)at, reader->scale, n, out);
    uint32_t missing = 0;
    for (uint32_t i = 0; i < n; i++, at += reader->stride)
        missing |= ee_kernels_scalar.read_f64((const double *)(const void *)at, reader->scale, 1, out + i);
    return missing;
}
#endif

#endif
