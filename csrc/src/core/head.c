#include "head.h"

#include "arithmetic.h"
#include "build_options.h"
#include "bytes.h"
#include "kernels.h"

#define MEANS (EE_ON_DEVICE ? 1u : 32u) /* how many are made at once: a host has vectors */

/* The uint16 sums and uint8 maxima behind them become the features in place. A mean takes one byte of two: no sum is
 * overwritten before it is read. */
static void make_features(const ee_head *head, uint8_t *pools)
{
    const uint16_t *sum = (const uint16_t *)(const void *)pools;
    uint8_t *u = pools;
    if (!EE_POOLS_MEAN(head->pool)) return;
    for (uint32_t c = 0, some; c < head->channels; c += some, u += some) {
        uint16_t sums[MEANS];
        uint8_t means[MEANS];
        some = ee_min(head->channels - c, MEANS);
        for (uint32_t i = 0; i < some; i++) sums[i] = sum[c + i];
        for (uint32_t i = 0; i < some; i++) {
            /* The product is below 2^29. */
            int32_t v =
                (((int32_t)sums[i] - head->frames * head->zp) * head->mean_mult[c + i] + (1 << (EE_MULT_SHIFT - 1))) >>
                EE_MULT_SHIFT;
            means[i] = (uint8_t)ee_clamp(v + head->zp_mean, 0, 255);
        }
        for (uint32_t i = 0; i < some; i++) u[i] = means[i];
    }
    if (EE_POOLS_MAX(head->pool)) ee_copy(u, pools + 2u * head->channels, head->channels);
}

#ifdef EE_NO_HOST
void ee_head_run(const ee_model *model, uint8_t *pools, const int32_t *levels, int16_t *embedding)
{
#ifdef EE_EXPORTED
    const ee_head *head = model->head;
#else
    ee_head view, *head = &view;
    ee_head_view(model, head);
#endif
    int8_t *embedding8 = (int8_t *)(embedding + head->dim);
    make_features(head, pools);
    const int8_t *w = head->weights;
    for (uint32_t d = 0; d < head->dim; d++, w += head->features) {
        int32_t sum = head->bias[d] + ee_run_dot(pools, w, head->features);
        if (EE_LEVELS && levels && d + EE_N_LEVELS >= head->dim) sum += *levels++;
        int64_t v = (int64_t)sum * head->mult[d];
        /* embedding8; where it is small, the finer embedding fits int32. */
        int32_t coarse = (int32_t)ee_rnd(v, EE_MULT_SHIFT);
        embedding[d] = (int16_t)(coarse < -128  ? -32767
                                 : coarse > 128 ? 32767
                                                : ee_clamp((int32_t)ee_rnd(v, 6), -32767, 32767));
        embedding8[d] = (int8_t)ee_clamp(coarse, -127, 127);
    }
}
#else
void ee_head_run(const ee_model *model, uint8_t *pools, const int32_t *levels, int16_t *embedding)
{
    const ee_kernels *kernels = (const ee_kernels *)model->kernels;
    int32_t sums[EE_MAX_DIM];
    ee_head head;
    ee_head_view(model, &head);
    make_features(&head, pools);
    kernels->linear(&head, pools, sums);
    for (uint32_t i = 0; levels && i < EE_N_LEVELS; i++) sums[head.dim - EE_N_LEVELS + i] += levels[i];
    kernels->requantize(sums, head.mult, head.dim, embedding, (int8_t *)(embedding + head.dim));
}
#endif
