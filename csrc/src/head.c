/* The head: a window's sums and maxima -> features -> embedding. docs/numerics.md section 4. */
#include "internal.h"

/* uint16 sums, then uint8 maxima, become the features in place: a mean is written where its sum and earlier ones were. */
static void make_features(const ee_head *head, uint8_t *pools)
{
    const uint16_t *sum = (const uint16_t *)(const void *)pools;
    uint8_t *u = pools;
    if (!(head->pool & 1)) return;
    for (uint32_t c = 0; c < head->channels; c++) {
        int32_t v = ee_scale((int32_t)sum[c] - head->frames * head->zp, head->mean_mult[c], EE_SHIFT);
        *u++ = (uint8_t)ee_clamp(v + head->zp_mean, 0, 255);
    }
    if (head->pool & 2) ee_copy(u, pools + 2u * head->channels, head->channels);
}

void ee_head_run(ee_stream *s, uint8_t *pools)
{
    const ee_kernels *kernels = (const ee_kernels *)s->model.kernels;
    ee_head head;
    ee_head_view(&s->model, &head);
    make_features(&head, pools);
    uint32_t dim = head.dim, step = s->acc_count;
    for (uint32_t first = 0; first < dim; first += step) {
        head.dim = (uint16_t)ee_min(step, dim - first);
        kernels->linear(&head, pools, s->acc);
        kernels->requantise(s->acc, head.mult, head.dim, s->e16 + first, s->e8 + first);
        head.weights += step * head.features;
        head.bias += step;
        head.mult += step;
    }
}
