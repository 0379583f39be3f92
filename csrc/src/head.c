/* The head: a window's sums and maxima -> features -> embedding. docs/numerics.md section 4. */
#include "internal.h"

#define MEANS (EE_ON_DEVICE ? 1u : 32u) /* made at once: in vectors where there are some */

/* uint16 sums, then uint8 maxima, become the features in place: a mean is written where its sum and earlier ones were.
 */
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
            int32_t v =
                (((int32_t)sums[i] - head->frames * head->zp) * head->mean_mult[c + i] + (1 << (EE_MULT_SHIFT - 1))) >>
                EE_MULT_SHIFT; /* < 2^29 */
            means[i] = (uint8_t)ee_clamp(v + head->zp_mean, 0, 255);
        }
        for (uint32_t i = 0; i < some; i++) u[i] = means[i];
    }
    if (EE_POOLS_MAX(head->pool)) ee_copy(u, pools + 2u * head->channels, head->channels);
}

/* Where the result lies: behind the frames of the trunk. */
static void results_of(const ee_stream *s, int16_t **e16, int8_t **e8)
{
    *e16 = (int16_t *)(void *)s->scratch;
    *e8 = (int8_t *)s->scratch + 2u * s->model->dim;
}

#ifdef EE_NO_HOST
void ee_head_run(ee_stream *s, uint8_t *pools, const int32_t *levels)
{
#ifdef EE_EXPORTED
    const ee_head *head = s->model->head;
#else
    ee_head view, *head = &view;
    ee_head_view(s->model, head);
#endif
    int16_t *e16;
    int8_t *e8;
    results_of(s, &e16, &e8);
    make_features(head, pools);
    const int8_t *w = head->weights;
    for (uint32_t d = 0; d < head->dim; d++, w += head->features) {
        int32_t sum = head->bias[d] + ee_run_dot(pools, w, head->features);
        if (EE_LEVELS && levels && d + EE_N_LEVELS >= head->dim) sum += *levels++;
        int64_t v = (int64_t)sum * head->mult[d];
        int32_t coarse =
            (int32_t)ee_rnd(v,
                            EE_MULT_SHIFT); /* in units of 2^8 of the fine one, which fits int32 where this is small */
        e16[d] = (int16_t)(coarse < -128  ? -32767
                           : coarse > 128 ? 32767
                                          : ee_clamp((int32_t)ee_rnd(v, 6), -32767, 32767));
        e8[d] = (int8_t)ee_clamp(coarse, -127, 127);
    }
}
#else
void ee_head_run(ee_stream *s, uint8_t *pools, const int32_t *levels)
{
    const ee_kernels *kernels = s->front.kernels;
    ee_head head;
    int16_t *e16;
    int8_t *e8;
    ee_head_view(s->model, &head);
    results_of(s, &e16, &e8);
    make_features(&head, pools);
    kernels->linear(&head, pools, s->acc);
    for (uint32_t i = 0; levels && i < EE_N_LEVELS; i++) s->acc[head.dim - EE_N_LEVELS + i] += levels[i];
    kernels->requantize(s->acc, head.mult, head.dim, e16, e8);
}
#endif
