/* The head: a window's sums and maxima -> features -> embedding. docs/numerics.md section 4. */
#include "internal.h"

void ee_head_run(ee_stream *s, const uint16_t *sum, const uint8_t *max)
{
    const ee_kernels *kernels = (const ee_kernels *)s->model.kernels;
    ee_head head;
    ee_head_view(&s->model, &head);
    uint8_t *u = s->features;
    if (head.pool & 1) {
        for (uint32_t c = 0; c < head.channels; c++) {
            int32_t v = (int32_t)sum[c] - head.frames * head.zp;     /* below 2^16, its product below 2^29 */
            v = (v * head.mean_mult[c] + (1 << (EE_SHIFT - 1))) >> EE_SHIFT;
            *u++ = (uint8_t)ee_clamp(v + head.zp_mean, 0, 255);
        }
    }
    if (head.pool & 2) ee_copy(u, max, head.channels);
    kernels->linear(&head, s->features, s->acc);
    kernels->requantise(s->acc, head.mult, head.dim, s->e16, s->e8);
}
