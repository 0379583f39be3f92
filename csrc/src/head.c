/* The head: a window's sums and maxima -> features -> embedding. docs/numerics.md section 4. */
#include "internal.h"

void ee_head_run(ee_stream *s, const uint16_t *sum, const uint8_t *max)
{
    ee_head head;
    ee_head_view(&s->model, &head);
    uint8_t *u = s->features;
    if (head.pool & 1) {
        for (uint32_t c = 0; c < head.channels; c++) {
            int32_t v = ee_scale((int32_t)sum[c] - head.frames * head.zp, head.mean_mult[c], EE_SHIFT);
            *u++ = (uint8_t)ee_clamp(v + head.zp_mean, 0, 255);
        }
    }
    if (head.pool & 2) ee_copy(u, max, head.channels);
    ((const ee_kernels *)s->model.kernels)->linear(&head, s->features, s->acc);
    for (uint32_t d = 0; d < head.dim; d++) {
        int64_t v = (int64_t)s->acc[d] * head.mult[d];
        int64_t fine = ee_rnd(v, 6), coarse = ee_rnd(v, 14);
        s->e16[d] = (int16_t)(fine < -32767 ? -32767 : fine > 32767 ? 32767 : fine);
        s->e8[d] = (int8_t)(coarse < -127 ? -127 : coarse > 127 ? 127 : coarse);
    }
}
