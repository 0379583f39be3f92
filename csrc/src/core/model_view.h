/* The three parts of a model as the core reads them: front end, layers, head. docs/format.md says what the fields mean.
 * In an exported folder they are constants; elsewhere they are views of a model file (model_file/model_view.c). */
#ifndef EE_MODEL_VIEW_H
#define EE_MODEL_VIEW_H

#include "platform.h"

typedef struct ee_front {
    const int16_t *table; /* the resampling kernel: [table_half * EE_TABLE_STEP + 1] */
    uint32_t min_rate, floor, gain[4], direct_gain, window;
    uint16_t baseline, reach, table_half, flat_max, flat_blocks, off_blocks, clip_ms, noise;
    uint8_t kind, channels, log2_baseline;
} ee_front;

enum { EE_CONV = 1, EE_ADD = 2, EE_MAX_POOL = 3 };

typedef struct ee_layer {
    const int8_t *weights; /* [cout][kernel][cin / groups] */
    const int32_t *bias;
    const int16_t *mult;                      /* requant 0 */
    const int32_t *mult_pos, *mult_neg, *add; /* requant 1 */
    const void *packed;                       /* weights in the kernel's own order, or NULL */
    int32_t m_a, m_b;
    uint16_t src_a, src_b, cin, cout, groups, kernel, stride, pad_left;
    uint8_t op, requant, zp_out, zp_a, zp_b;
} ee_layer;

typedef struct ee_head {
    const int16_t *mean_mult, *mult;
    const int8_t *weights; /* [dim][features] */
    const int32_t *bias;
    const void *packed; /* weights in the kernel's own order, or NULL */
    uint16_t channels, frames, features, dim, exponent;
    uint8_t pool, zp_mean, zp;
} ee_head;

/* The tensors that a layer reads; b is EE_NO_TENSOR where there is one alone. */
typedef struct ee_sources {
    uint16_t a, b;
} ee_sources;

#ifdef EE_EXPORTED
static inline ee_sources ee_layer_sources(const ee_model *model, uint32_t index)
{
    ee_sources from = { model->layers[index].src_a, model->layers[index].src_b };
    return from;
}
#else
void ee_front_view(const ee_model *model, ee_front *front);
void ee_layer_view(const ee_model *model, uint32_t index, ee_layer *layer); /* index from 0 */
ee_sources ee_layer_sources(const ee_model *model, uint32_t index);
void ee_head_view(const ee_model *model, ee_head *head);
#endif

#endif
