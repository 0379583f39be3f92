/* From the user's samples to canonical ones: docs/numerics.md section 1. Included by stream.c alone, which inlines a
 * reader into each way of pushing samples. */
#ifndef EE_SAMPLES_H
#define EE_SAMPLES_H

#include "integer_samples.h"
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

static uint32_t ee_read_i16(const ee_reader *reader, size_t first, uint32_t n, int32_t *out)
{
    const uint8_t *at = (const uint8_t *)reader->data + (ptrdiff_t)first * reader->stride;
    const int32_t mult = (int32_t)reader->stream->config.mult, shift = reader->stream->config.shift;
#ifndef EE_NO_HOST
    if (reader->stride == sizeof(int16_t))
        reader->stream->front.kernels->gain_i16((const int16_t *)(const void *)at, mult, shift, n, out);
    else
#endif
        ee_gain_i16(at, reader->stride, mult, shift, n, out);
    return 0;
}

static uint32_t ee_read_i32(const ee_reader *reader, size_t first, uint32_t n, int32_t *out)
{
    const uint8_t *at = (const uint8_t *)reader->data + (ptrdiff_t)first * reader->stride;
    const int32_t mult = (int32_t)reader->stream->config.mult, shift = reader->stream->config.shift;
#ifndef EE_NO_HOST
    if (reader->stride == sizeof(int32_t))
        return reader->stream->front.kernels->gain_i32((const int32_t *)(const void *)at, mult, shift, n, out);
#endif
    return ee_gain_i32(at, reader->stride, mult, shift, n, out);
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
